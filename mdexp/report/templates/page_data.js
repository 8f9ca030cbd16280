// The data of the page: each generation by the names of its fields, with its problem.
const report = (() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const named = (values) => {
    const g = Object.fromEntries(data.fields.map((field, index) => [field, values[index]]));
    [g.question, g.gold, g.type] = data.problems[g.problem] ?? ["", "", ""];
    g.path = g.sample === 0 ? "greedy" : "sampled";
    g.length = g.text.length;
    return g;
  };
  return { ...data, generations: data.generations.map(named) };
})();
