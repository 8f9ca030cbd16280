"""Drops imports that a program does not use, so that these modules need not be available.

404 of 1,911 model-written programs import numpy and 7 use it. Lines are read as text and never
parsed: the text is hostile, and CPython's parser is not made for that. A name that occurs anywhere
else outside a comment line counts as used; what is kept by mistake is only `unsupported`.
"""

import collections
import datetime
import decimal
import fractions
import functools
import itertools
import math
import operator
import random
import re
import statistics
import string
import sys
import typing
from collections.abc import Iterable

from mdexp.sandbox.confined.importing import ELSEWHERE, NUMERIC

# An import of an unknown module must still fail.
_MODULES = (
    sys.stdlib_module_names | ELSEWHERE | NUMERIC | frozenset({"matplotlib.pyplot", "os.path"})
)
# So must an import of a name that a module lacks.
_NAMES = {
    module.__name__: frozenset(dir(module))
    for module in (
        collections,
        datetime,
        decimal,
        fractions,
        functools,
        itertools,
        math,
        operator,
        random,
        re,
        statistics,
        string,
        typing,
    )
}
_WORD = re.compile(r"[^\W\d]\w*")
_BEYOND_NAMES = re.compile(r"[();*'\"\\]")


def without_unused_imports(program: str) -> str:
    """The program with each unused import replaced, so that its lines keep their numbers."""
    if "import" not in program:
        return program
    lines = program.split("\n")
    imports = {
        number: clauses
        for number, line in enumerate(lines)
        if "import" in line and (clauses := _clauses(line))
    }
    used = _words(line for number, line in enumerate(lines) if number not in imports)
    for number, clauses in imports.items():
        kept = [clause for clause, name in clauses.items() if name is None or name in used]
        if len(kept) < len(clauses):
            lines[number] = _rewritten(lines[number], kept)
    return "\n".join(lines)


def _words(lines: Iterable[str]) -> set[str]:
    """The words of all but comment lines."""
    return set(_WORD.findall("\n".join(ln for ln in lines if not ln.lstrip().startswith("#"))))


def _clauses(line: str) -> dict[str, str | None]:
    """Each clause of an import line with the name it binds, None if it has to stay."""
    code = line.split("#")[0].strip()
    if _BEYOND_NAMES.search(code):
        return {}
    head, _, rest = code.partition(" ")
    if head == "import":
        return {clause.strip(): _bound(clause, _MODULES) for clause in rest.split(",")}
    module, _, names = rest.partition(" import ")
    if head == "from" and names:
        known = _NAMES.get(module.strip(), frozenset())
        return {clause.strip(): _bound(clause, known) for clause in names.split(",")}
    return {}


def _bound(clause: str, known: frozenset[str]) -> str | None:
    """The name that a clause binds, if what it imports is known to be there."""
    name, _, alias = clause.partition(" as ")
    if name.strip() not in known:
        return None
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
