"""Drops imports that a program does not use, so that it need not have what they name.

404 of 1,911 model-written programs import numpy and 7 use it. Lines are read as text and never
parsed: the text is hostile, and CPython's parser is not made for that. A name that occurs anywhere
else outside a comment line counts as used; what is kept by mistake is only `unsupported`.
"""

import re
import sys

# An import of a module that nobody has must still fail.
_KNOWN_MODULES = sys.stdlib_module_names | {
    "dateutil",
    "matplotlib",
    "numpy",
    "pandas",
    "scipy",
    "sympy",
}
_WORD = re.compile(r"[^\W\d]\w*")


def without_unused_imports(program: str) -> str:
    """The program with each unused import replaced, so that its lines keep their numbers."""
    lines = program.split("\n")
    imports = {number: clauses for number, line in enumerate(lines) if (clauses := _clauses(line))}
    used: set[str] = set()
    for number, line in enumerate(lines):
        if number not in imports and not line.lstrip().startswith("#"):
            used.update(_WORD.findall(line))
    for number, clauses in imports.items():
        kept = [clause for clause, name in clauses.items() if name is None or name in used]
        if len(kept) < len(clauses):
            lines[number] = _rewritten(lines[number], kept)
    return "\n".join(lines)


def _clauses(line: str) -> dict[str, str | None]:
    """Each clause of an import line with the name it binds, None if it has to stay."""
    code = line.split("#")[0].strip()
    if any(sign in code for sign in "();*'\"\\"):
        return {}
    head, _, rest = code.partition(" ")
    if head == "import":
        return {c.strip(): _bound(c.split(" as ")[0].split("."), c) for c in rest.split(",")}
    source, _, names = rest.partition(" import ")
    if head == "from" and names:
        return {c.strip(): _bound(source.split("."), c) for c in names.split(",")}
    return {}


def _bound(module: list[str], clause: str) -> str | None:
    """The name a clause binds, if its module is a known one."""
    if module[0].strip() not in _KNOWN_MODULES:
        return None
    name, _, alias = clause.partition(" as ")
    return alias.strip() or name.split(".")[0].strip()


def _rewritten(line: str, kept: list[str]) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    if not kept:
        return f"{indent}pass"
    opening = (
        "import "
        if line.lstrip().startswith("import")
        else line.strip().partition(" import ")[0] + " import "
    )
    return indent + opening + ", ".join(kept)
