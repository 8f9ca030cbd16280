"""Equations in LaTeX and Markdown as plain text: fractions, subscripts, arrows, bold type.

A command that is not known here stays as it is, and so does a subscript that is an expression: the
parser then says that it cannot read them.
"""

import re

_DEPTH = 8  # of nested braces
_WORDS_IN = r"\\(?:text(?:rm|bf|it|sf|tt)?|math(?:rm|bf|it|sf|tt)|operatorname|mbox|textnormal)\*?"
_SYMBOLS = {
    **dict.fromkeys(("times", "cdot", "ast"), "*"),
    **dict.fromkeys(("div",), "/"),
    **dict.fromkeys(("le", "leq", "leqslant"), "<="),
    **dict.fromkeys(("ge", "geq", "geqslant"), ">="),
    **dict.fromkeys(("ne", "neq"), "!="),
    **dict.fromkeys(("approx", "simeq"), "≈"),
    **dict.fromkeys(("implies", "Rightarrow", "Longrightarrow", "rightarrow", "to"), "⇒"),
    **dict.fromkeys(("iff", "Leftrightarrow", "therefore"), "⇒"),
    **dict.fromkeys(("lfloor",), " floor("),
    **dict.fromkeys(("lceil",), " ceil("),
    **dict.fromkeys(("rfloor", "rceil"), ")"),
    **dict.fromkeys(("quad", "qquad"), "   "),
    **dict.fromkeys(("left", "right", "big", "Big", "bigl", "bigr", "Bigl", "Bigr"), ""),
    **dict.fromkeys(("displaystyle", "nonumber", "notag", "hline"), ""),
    **{name: f" {name} " for name in ("min", "max", "log", "ln", "sin", "cos", "tan", "exp")},
    **{name: f" {name} " for name in ("alpha", "beta", "gamma", "delta", "theta", "lambda")},
    **{name: f" {name} " for name in ("mu", "pi", "rho", "sigma", "tau", "phi", "omega")},
}

_WIDE = re.compile(r"[ \t]{3,}|\t")
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_BROKEN_CHAIN = re.compile(r"\\\\(?:\[[^]\n]*\])?\s*&\s*(?==)")
_NEW_LINE = re.compile(r"\\\\(?:\[[^]\n]*\])?|\\(?:begin|end)\{[^{}\n]*\}(?:\{[lcr| ]*\})?")
_NO_DELIMITER = re.compile(r"\\(?:left|right)\s*(?:\\[{}]|\.(?!\d))")
_DROPPED = re.compile(r"\\(?:tag|label|hspace|vspace|phantom)\*?\{[^{}\n]*\}")
_SPACE = re.compile(r"\\[,;:! ]|~")
_IN_NUMBER = re.compile(r"(?<=\d)(?:\\,|\{,\})(?=\d{3}(?!\d))")
_BESIDE_SIGN = re.compile(r"[ \t]*&[ \t]*(?=[=≈<>+-])|(?<=[=≈<>+-])[ \t]*&[ \t]*")
_BARE_SUBSCRIPT = re.compile(rf"_\s*({_WORDS_IN}\s*\{{[^{{}}\n]*\}})")
_WORDS = re.compile(rf"(?P<number>[\d)}}][ ]*)?{_WORDS_IN}\s*\{{(?P<words>[^{{}}\n]*)\}}")
_SUBSCRIPT = re.compile(r"_\s*\{\s*(\w+(?:[\s,]+\w+)*)\s*\}")
_SHORT_FRACTION = re.compile(r"(\\[dtc]?frac)\s*(\d)\s*(?:(\d)|(?=\{))")
_SHORT_BELOW = re.compile(r"(\\[dtc]?frac\s*\{[^{}\n]*\})\s*(\d)")
_MIXED = re.compile(r"(?<![\w.}^])(\d+)\s*\\[dtc]?frac\s*\{\s*(\d+)\s*\}\s*\{\s*(\d+)\s*\}")
_GROUPS = [  # of the innermost braces
    (_MIXED, r"(\1 + \2/\3)"),
    (re.compile(r"\\[dtc]?frac\s*\{([^{}\n]*)\}\s*\{([^{}\n]*)\}"), r"((\1)/(\2))"),
    (re.compile(r"\\sqrt\s*\[\s*(\d+)\s*\]\s*\{([^{}\n]*)\}"), r"((\2)^(1/\1))"),
    (re.compile(r"\\sqrt\s*\{([^{}\n]*)\}"), r" sqrt(\1)"),
    (re.compile(r"\\f?box(?:ed)?\s*\{([^{}\n]*)\}"), r" \1 "),
    (re.compile(r"\^\s*\{([^{}\n]*)\}"), r"^(\1)"),
]
_DELIMITER = re.compile(r"(\\[()\[\]]|\$+)")
_CLOSING = {"\\(": "\\)", "\\[": "\\]"}
_RELATION = re.compile(r"[=≈]")
_UNFINISHED = re.compile(r"^\s*[=≈+*/,]|[-=≈+*/,]\s*$")
_COUNTS = re.compile(r"[\d=≈<>+*/]")
_BOLD = re.compile(r"\*\*(?=[^\s*])(?P<inner>[^*\n]+)(?<=\S)\*\*(?![\w(*])")
_OPERAND_END = re.compile(r"[\w)\]}*]")
_ITALIC = re.compile(r"^[ \t]*\*(?=[^\s*])([^*\n]+)(?<=\S)\*[ \t]*$", re.MULTILINE)
_ARROW = re.compile(r"<?={1,3}>|<?-{1,3}>|[⇒⟹→⟶⇔⟺↔∴]")
_LIST_MARK = re.compile(r"(?:\(?\d{1,2}[.)]|[-*•>])?")
_MIXED_SIGN = re.compile(r"(?<![\w.])(\d+)\s*([½¼¾])")
_CIRCLED = {ord("①") + i: f" ({i + 1})" for i in range(20)}
_HALVES = {"½": "1/2", "¼": "1/4", "¾": "3/4"}


def plain_notation(text: str) -> str:
    """A text of equations without LaTeX and Markdown; a line may become several."""
    text = _WIDE.sub("   ", text)
    if "\\" in text or "$" in text:
        text = "\n".join(map(_equations_alone, text.split("\n")))
    if "\\" in text or "{" in text:
        text = _without_latex(text)
    if "*" in text:
        text = _ITALIC.sub(r"\1", _BOLD.sub(_without_stars, text))
    if "&" in text:
        text = _BESIDE_SIGN.sub(" ", text)
    if not text.isascii():
        text = _MIXED_SIGN.sub(lambda m: f"({m[1]} + {_HALVES[m[2]]})", text.translate(_CIRCLED))
    if _ARROW.search(text):
        text = "\n".join(map(_separated, text.split("\n")))
    return text


def _equations_alone(line: str) -> str:
    """A line of prose as the equations that are marked in it: `so \\(x = 3\\) and \\(y = 4\\)`."""
    if not _DELIMITER.search(line):
        return line
    inside, outside = _divided(line)
    equations = [p for p in inside if _RELATION.search(p) and not _UNFINISHED.search(p)]
    if equations and not any(map(_COUNTS.search, outside)):
        return " ; ".join(equations)
    return re.sub(r"\\[()\[\]]", " ", line)


def _divided(line: str) -> tuple[list[str], list[str]]:
    """What stands between marks of mathematics, and what stands outside of them."""
    inside: list[str] = []
    outside: list[str] = []
    closing = ""
    for part in _DELIMITER.split(line):
        if not _DELIMITER.fullmatch(part):
            (inside if closing else outside).append(part)
        elif not closing:
            closing = _CLOSING.get(part, part)
        elif part == closing:
            closing = ""
    return (inside[:-1], [*outside, *inside[-1:]]) if closing else (inside, outside)


def _without_stars(bold: re.Match[str]) -> str:
    """Bold type without its stars; `x **2 + y** 2` has powers."""
    before = bold.string[max(0, bold.start() - 2) : bold.start()].rpartition("\n")[2]
    apart = not _OPERAND_END.match(before[-1:])
    marked = _RELATION.search(bold["inner"]) or ":" in bold["inner"]
    return bold["inner"] if apart and (marked or not _OPERAND_END.search(before)) else bold[0]


def _without_latex(text: str) -> str:
    text = _NEW_LINE.sub("\n", _BROKEN_CHAIN.sub(" ", _IN_NUMBER.sub(",", text)))
    text = _SPACE.sub(" ", _DROPPED.sub(" ", _NO_DELIMITER.sub(" ", text)))
    text = re.sub(r"\\([$%_&])", r"\1", text)
    text = _BESIDE_SIGN.sub(" ", text).replace("&", " ; ")
    text = _WORDS.sub(_plain_words, _BARE_SUBSCRIPT.sub(r"_{\1}", text))
    text = _SUBSCRIPT.sub(lambda m: "_" + "_".join(re.findall(r"\w+", m[1])), text)
    text = re.sub(r"_\s*\{", "_?{", text)  # a subscript that is no name is not understood
    text = _SHORT_BELOW.sub(
        r"\1{\2}", _SHORT_FRACTION.sub(lambda m: m[1] + f"{{{m[2]}}}" + _braced(m[3]), text)
    )
    for _ in range(_DEPTH):
        before = text
        for pattern, form in _GROUPS:
            text = pattern.sub(form, text)
        if text == before:
            break
    return _COMMAND.sub(lambda m: _SYMBOLS.get(m[1], m[0]), text)


def _braced(digit: str | None) -> str:
    return f"{{{digit}}}" if digit else ""


def _plain_words(found: re.Match[str]) -> str:
    """Words in LaTeX: units after a number, else one name or a word between equations."""
    words = found["words"].split()
    number = found["number"] or ""
    return f"{number} {(' ' if number else '_').join(words)} "


def _separated(line: str) -> str:
    """A line with a semicolon for each arrow."""
    if not _ARROW.search(line):
        return line
    mark, *parts = (part.strip(" \t,;") for part in _ARROW.split(line))
    if not _LIST_MARK.fullmatch(mark):
        parts.insert(0, mark)
    return "; ".join(filter(None, parts))
