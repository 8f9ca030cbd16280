// One problem: a lesson for a problem like it, and the student's greedy answers before and after.
(() => {
  const chooser = document.getElementById("chosen");
  if (!chooser) return;
  const answers = document.getElementById("answers");
  const question = document.getElementById("asked");
  const problems = new Map();
  let shown = "";
  for (const g of report.generations) {
    if (g.sample !== 0) continue;
    if (!problems.has(g.problem)) problems.set(g.problem, []);
    problems.get(g.problem).push(g);
  }

  // Right answers that training added: the problems that show most come first.
  function changes(paths) {
    const right = (phase) => paths.filter((g) => g.phase === phase && g.verdict === "right").length;
    return right("after") - right("before");
  }

  function show(id) {
    const paths = problems.get(id);
    if (!paths) {
      question.textContent = `no greedy answer to a problem called ${id}`;
      answers.replaceChildren();
      return;
    }
    shown = chooser.value = id;
    question.textContent = `${paths[0].question} (gold: ${paths[0].gold})`;
    const thoughts = [...new Set(paths.map((g) => g.thought))];
    answers.replaceChildren(...thoughts.map((thought) => {
      const row = element("div", "thought");
      const ours = paths.filter((g) => g.thought === thought);
      row.append(element("h3", "", thought), ...lessonCards(thought, paths[0].type));
      row.append(...ours.map((g) => answerCard(g)));
      return row;
    }));
  }

  function lessonCards(thought, type) {
    const ours = report.lessons.filter((lesson) => lesson.thought === thought);
    const lesson = ours.find((one) => one.type === type) ?? ours[0];
    if (!lesson) return [];
    const like = lesson.type === type ? " of the same kind" : "";
    const by = lesson.teacher ? ` by ${lesson.teacher}` : "";
    const about = `for a training problem${like}: ${lesson.question}`;
    return [card(`Taught${by}`, about, lesson.text, thought)];
  }

  function answerCard(g) {
    const made = card(`${g.phase === "before" ? "Before" : "After"} training`, "", g.text, g.thought);
    const right = g.verdict === "right";
    made.append(element("p", right ? "right" : "wrong", `${g.answer ?? "no answer"}: ${g.verdict}`));
    return made;
  }

  function card(heading, about, text, thought) {
    const made = element("div", "card");
    const written = element("pre", "", text);
    if (report.programs.includes(thought)) written.replaceChildren(...highlight(text));
    made.append(element("h4", "", heading), ...(about ? [element("p", "note", about)] : []), written);
    return made;
  }

  function element(name, className = "", text = "") {
    const made = document.createElement(name);
    made.className = className;
    made.textContent = text;
    return made;
  }

  const isTest = ([first]) => !first.dataset.endsWith("/validation");
  const order = ([, a], [, b]) => isTest(b) - isTest(a) || changes(b) - changes(a);
  const ranked = [...problems].sort(order).map(([id]) => id);
  chooser.addEventListener("change", () => show(chooser.value.trim()));
  document.getElementById("another").addEventListener("click", () => {
    show(ranked[(ranked.indexOf(shown) + 1) % ranked.length]);
  });
  document.addEventListener("click", (event) => {
    const id = event.target.closest("[data-beside]")?.dataset.beside;
    if (id) show(id);
  });
  show(ranked[0]);
})();
