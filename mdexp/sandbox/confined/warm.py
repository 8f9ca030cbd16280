"""A confined process that runs one vetted program after the other.

It gives a program back where it is not sure: one that the vet refuses, or that does anything but
run to its end. Such a program is run again by a fork of its own. A text that is no program at all
is answered here: nothing of it has run.
"""

import ast
import builtins
import gc
import random
import re
import sys
from typing import Any, NoReturn

from mdexp.sandbox.confined import child, frames
from mdexp.sandbox.confined.importing import LoadedOnly
from mdexp.sandbox.confined.vet import Vet, builtins_of

GIVEN_BACK = "again"
_MAX_NESTING_BYTES = 4096  # of a program; longer ones are not worth a vet
# What sympy itself writes and reads back where it guesses an exact number.
_NUMBERS = re.compile(r"(?:\d+(?:\.\d*)?(?:e[+-]?\d+)?|sqrt|exp|log|pi|[-+*/() ])*")


def serve_warm(
    request: int, reply: int, limits: child.ChildLimits, instructions: bytes, numeric: bool
) -> NoReturn:
    """Confine this process, then answer until it is ended."""
    child.confine(request, reply, limits, instructions)
    sys.meta_path[:] = [LoadedOnly(numeric, _never)]
    public: frozenset[str] = frozenset()
    if numeric:
        _parse_numbers_only(sys.modules["sympy.parsing.sympy_parser"])
        public = frozenset(sys.modules["sympy"].__all__)
    vet = Vet(public)
    offered = builtins_of(vars(builtins))
    while True:
        message = frames.unpacked(frames.receive(0))
        answer = child.ChildReply(message["token"])
        _serve_one(message["program"], answer, vet, limits, dict(offered))


def _serve_one(
    program: str,
    answer: child.ChildReply,
    vet: Vet,
    limits: child.ChildLimits,
    offered: dict[str, Any],
) -> None:
    try:
        tree = _parsed(program)
    except SyntaxError as error:
        answer.send(*child.not_a_program(error))
        return
    if tree is None or not vet.passes(tree):
        answer.send(GIVEN_BACK, {"used": False})
        return
    _seed()
    status, fields = child.run_program(tree, answer, limits, offered)
    if status != "ran":
        answer.end(GIVEN_BACK, {"used": True})
    answer.send(status, fields)
    del tree
    vars(sys.modules["__main__"]).clear()
    gc.collect(0)


def _seed() -> None:
    """Programs may not use random numbers here, but functions of these modules do."""
    random.seed(0)
    if "sympy" in sys.modules:
        sys.modules["sympy.core.random"].seed(0)


def _parsed(program: str) -> ast.Module | None:
    """Its syntax tree; None if that is too much for this process."""
    if len(program) > _MAX_NESTING_BYTES:
        return None
    try:
        return ast.parse(program)
    except (ValueError, MemoryError, RecursionError):
        return None


def _parse_numbers_only(parser: Any) -> None:
    """Turn no other text into an expression, which would run it."""
    parse = parser.parse_expr

    def parse_numbers(text: str, *arguments: Any, **options: Any) -> Any:
        if _NUMBERS.fullmatch(text) is None:
            _never()
        return parse(text, *arguments, **options)

    parser.parse_expr = parse_numbers


def _never(*_: Any, **__: Any) -> NoReturn:
    raise RuntimeError("not in a warm process")
