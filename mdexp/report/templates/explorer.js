// Filter, sort and page through the generations. Everything is set as text, never as markup.
(() => {
  const PAGE = 50;
  const filters = document.getElementById("filters");
  if (!filters) return;
  const table = document.getElementById("list");
  const body = table.tBodies[0];
  const card = document.getElementById("generation");
  const position = document.getElementById("position");
  const buttons = {
    previous: document.getElementById("previous"),
    next: document.getElementById("next"),
  };
  const collator = new Intl.Collator("en", { numeric: true });
  const { generations } = report;
  const sets = new Map(Object.entries(report.sets).map(([name, ids]) => [name, new Set(ids)]));
  let found = [];
  let page = 0;
  let sorted = { by: null, falling: false };

  // Made when first searched for: it doubles what the page holds in memory.
  function words(g) {
    g.words ??= [g.problem, g.question, g.text, g.output, g.error, g.answer, g.gold]
      .join("\n")
      .toLowerCase();
    return g.words;
  }

  function fill(select, values) {
    select.add(new Option("all", ""));
    for (const value of [...new Set(values)].sort(collator.compare)) {
      select.add(new Option(value, value));
    }
  }

  function search() {
    const { text, set, ...exact } = Object.fromEntries(new FormData(filters));
    const wanted = Object.entries(exact).filter(([, value]) => value);
    const sought = text.trim().toLowerCase();
    const chosen = sets.get(set);
    found = generations.filter(
      (g) =>
        wanted.every(([name, value]) => g[name] === value) &&
        (!chosen || chosen.has(g.problem)) &&
        (!sought || words(g).includes(sought)),
    );
    order();
  }

  function order() {
    const { by, falling } = sorted;
    if (by) {
      const sign = falling ? -1 : 1;
      found.sort((a, b) => compare(a[by], b[by], sign));
    }
    page = 0;
    show();
  }

  // What is missing comes last, whichever way. Answers are texts, most of them numbers.
  function compare(a, b, sign) {
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * (Number(a) - Number(b) || collator.compare(a, b));
  }

  function show() {
    const start = page * PAGE;
    const end = Math.min(start + PAGE, found.length);
    body.replaceChildren(...found.slice(start, end).map(row));
    position.value = found.length
      ? `${start + 1} to ${end} of ${found.length.toLocaleString("en")}`
      : "none found";
    buttons.previous.disabled = page === 0;
    buttons.next.disabled = end >= found.length;
  }

  function row(g) {
    const line = document.createElement("tr");
    line.className = g.verdict === "right" ? "right" : "wrong";
    const opener = document.createElement("button");
    opener.type = "button";
    opener.textContent = g.problem;
    opener.setAttribute("aria-expanded", "false");
    opener.addEventListener("click", () => toggle(line, opener, g));
    const heading = document.createElement("th");
    heading.scope = "row";
    heading.append(opener);
    const path = g.sample === 0 ? "greedy" : `sample ${g.sample}`;
    const logprob = g.logprob === null ? "" : g.logprob.toFixed(2);
    line.append(heading, ...[g.thought, g.phase, path].map((text) => cell(text)));
    line.append(cell(g.verdict, "verdict"));
    line.append(...[g.answer ?? "none", g.gold, g.length, logprob].map((text) => cell(text, "num")));
    return line;
  }

  function cell(text, className = "") {
    const made = document.createElement("td");
    made.className = className;
    made.textContent = text;
    return made;
  }

  function toggle(line, opener, g) {
    const open = opener.getAttribute("aria-expanded") === "true";
    opener.setAttribute("aria-expanded", String(!open));
    if (open) {
      line.nextElementSibling.remove();
      return;
    }
    const place = cell("");
    place.colSpan = line.cells.length;
    place.append(render(g));
    const more = document.createElement("tr");
    more.className = "more";
    more.append(place);
    line.after(more);
  }

  function render(g) {
    const node = card.content.firstElementChild.cloneNode(true);
    const values = { ...g, answer: g.answer ?? "none" };
    for (const name of ["question", "text", "tokens", "answer", "gold", "output", "error"]) {
      const place = node.querySelector(`.${name}`);
      place.textContent = values[name];
      if (["tokens", "output", "error"].includes(name) && !values[name]) place.parentElement.hidden = true;
    }
    if (report.programs.includes(g.thought)) {
      node.querySelector(".text").replaceChildren(...highlight(g.text));
    }
    node.querySelector(".beside").dataset.find = new URLSearchParams({ problem: g.problem });
    node.querySelector(".side").dataset.beside = g.problem;
    const turns = node.querySelector(".turns");
    turns.hidden = !g.turns.length;
    node.querySelector(".text").hidden = !turns.hidden;
    turns.append(...g.turns.map(turnItem));
    const steps = node.querySelector(".steps");
    steps.hidden = !g.steps.length;
    steps.querySelector("tbody").append(...g.steps.map(stepRow));
    return node;
  }

  function turnItem([who, said]) {
    const item = document.createElement("li");
    const speaker = document.createElement("b");
    const text = document.createElement("pre");
    speaker.textContent = who;
    text.textContent = said;
    item.append(speaker, text);
    return item;
  }

  function stepRow(step, index) {
    const line = document.createElement("tr");
    line.className = { ran: "right", failed: "wrong", wrong: "wrong" }[step.status] ?? "";
    const near = "relevance" in step ? `, relevance ${step.relevance.toFixed(2)}` : "";
    const check = (step.error ? `${step.status}: ${step.error}` : step.status) + near;
    const { logprob, ran, new: bound, used } = step.parts;
    line.append(cell(index + 1), cell(step.text, "step"), cell(check, "verdict"));
    line.append(cell(step.new ? step.value : "", "num"));
    line.append(...[logprob, ran, bound, used, step.score].map((n) => cell(n.toFixed(2), "num")));
    return line;
  }

  function sortBy(button) {
    const by = button.dataset.sort;
    sorted = { by, falling: sorted.by === by && !sorted.falling };
    for (const other of table.querySelectorAll("[data-sort]")) {
      const way = other !== button ? "none" : sorted.falling ? "descending" : "ascending";
      other.closest("th").setAttribute("aria-sort", way);
    }
    order();
  }

  function turn(by) {
    page += by;
    show();
    table.scrollIntoView({ block: "nearest" });
  }

  function find(event) {
    const query = event.target.closest("[data-find]")?.dataset.find;
    if (query === undefined) return;
    filters.reset();
    for (const [name, value] of new URLSearchParams(query)) filters.elements[name].value = value;
    search();
  }

  function keys(event) {
    if (event.key === "/" && !event.target.closest("input, select, textarea")) {
      event.preventDefault();
      filters.elements.text.focus();
    }
    const openers = [...body.querySelectorAll("th > button")];
    const here = openers.indexOf(event.target);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (here < 0 || !step) return;
    event.preventDefault();
    openers[here + step]?.focus();
  }

  for (const name of ["dataset", "phase", "thought", "path", "verdict"]) {
    fill(filters.elements[name], generations.map((g) => g[name]));
  }
  fill(filters.elements.set, sets.keys());
  filters.elements.set.closest("label").hidden = !sets.size;
  filters.addEventListener("input", search);
  filters.addEventListener("reset", () => setTimeout(search));
  filters.addEventListener("submit", (event) => event.preventDefault());
  buttons.previous.addEventListener("click", () => turn(-1));
  buttons.next.addEventListener("click", () => turn(1));
  table.tHead.addEventListener("click", (event) => {
    const button = event.target.closest("[data-sort]");
    if (button) sortBy(button);
  });
  document.addEventListener("click", find);
  document.addEventListener("keydown", keys);
  search();
})();
