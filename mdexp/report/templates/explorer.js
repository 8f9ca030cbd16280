// Filter and page through the generations. Everything is set as text, never as markup.
"use strict";
(() => {
  const PAGE = 20;
  const { problems, generations } = JSON.parse(document.getElementById("data").textContent);
  const filters = document.getElementById("filters");
  const list = document.getElementById("list");
  const card = document.getElementById("generation");
  const position = document.getElementById("position");
  const buttons = { previous: document.getElementById("previous"), next: document.getElementById("next") };
  let found = [];
  let page = 0;

  const verdict = (g) => (g.correct ? "right" : g.status === "ok" ? "wrong" : g.status);

  for (const g of generations) {
    g.verdict = verdict(g);
    [g.question, g.gold] = problems[g.problem] ?? ["", ""];
  }

  function fill(select, values) {
    select.add(new Option("all", ""));
    for (const value of new Set(values)) select.add(new Option(value, value));
  }
  for (const name of ["dataset", "phase", "thought", "verdict"]) {
    fill(filters.elements[name], generations.map((g) => g[name]));
  }

  function matches(g, wanted, text) {
    if (wanted.some(([name, value]) => g[name] !== value)) return false;
    if (!text) return true;
    const parts = [g.problem, g.question, g.text, g.output, g.error, g.answer, g.gold];
    return parts.some((part) => part && part.toLowerCase().includes(text));
  }

  function search() {
    const { text, ...selects } = Object.fromEntries(new FormData(filters));
    const wanted = Object.entries(selects).filter(([, value]) => value);
    found = generations.filter((g) => matches(g, wanted, text.trim().toLowerCase()));
    page = 0;
    show();
  }

  function show() {
    const start = page * PAGE;
    const end = Math.min(start + PAGE, found.length);
    list.replaceChildren(...found.slice(start, end).map(render));
    position.value = found.length ? `${start + 1} to ${end} of ${found.length}` : "none found";
    buttons.previous.disabled = page === 0;
    buttons.next.disabled = end >= found.length;
  }

  function render(g) {
    const node = card.content.firstElementChild.cloneNode(true);
    node.classList.add(g.correct ? "right" : "wrong");
    const path = g.sample === 0 ? "greedy" : `sample ${g.sample}`;
    const about = [g.dataset, g.problem, g.phase, g.thought, path].join(" · ");
    const values = { ...g, about, answer: g.answer ?? "none" };
    for (const name of ["verdict", "about", "question", "text", "answer", "gold", "output", "error"]) {
      const place = node.querySelector(`.${name}`);
      place.textContent = values[name];
      if (["output", "error"].includes(name) && !values[name]) place.parentElement.hidden = true;
    }
    return node;
  }

  filters.addEventListener("input", search);
  filters.addEventListener("submit", (event) => event.preventDefault());
  buttons.previous.addEventListener("click", () => { page -= 1; show(); });
  buttons.next.addEventListener("click", () => { page += 1; show(); });
  search();
})();
