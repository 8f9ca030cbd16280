// Python as coloured spans, built from text nodes only: a model's text never becomes markup.
"use strict";
const highlight = (() => {
  const KEYWORDS = new Set(
    ("and as assert async await break class continue def del elif else except finally for from " +
      "global if import in is lambda nonlocal not or pass raise return try while with yield")
      .split(" "),
  );
  const CONSTANTS = new Set(["True", "False", "None"]);
  const TOKEN = new RegExp(
    [
      "(?<comment>#[^\\n]*)",
      "(?<string>[rbfuRBFU]{0,2}(?:'''[\\s\\S]*?(?:'''|$)|\"\"\"[\\s\\S]*?(?:\"\"\"|$)" +
        "|'(?:\\\\.|[^'\\\\\\n])*'?|\"(?:\\\\.|[^\"\\\\\\n])*\"?))",
      "(?<number>\\b(?:\\d[\\d_]*\\.?\\d*(?:[eE][-+]?\\d+)?)\\b)",
      "(?<word>[A-Za-z_]\\w*)",
    ].join("|"),
    "g",
  );

  function kind({ comment, string, number, word }, next) {
    if (comment) return "comment";
    if (string) return "string";
    if (number) return "number";
    if (KEYWORDS.has(word)) return "keyword";
    if (CONSTANTS.has(word)) return "number";
    return next === "(" ? "call" : null;
  }

  return (text) => {
    const parts = [];
    let done = 0;
    for (const match of text.matchAll(TOKEN)) {
      const end = match.index + match[0].length;
      const found = kind(match.groups, text[end]);
      if (!found) continue;
      const span = document.createElement("span");
      span.className = `py-${found}`;
      span.textContent = match[0];
      parts.push(text.slice(done, match.index), span);
      done = end;
    }
    return [...parts, text.slice(done)];
  };
})();
