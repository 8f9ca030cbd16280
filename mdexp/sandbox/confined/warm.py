"""A confined process that runs one vetted sympy program after the other.

It gives a program back where it is not sure: one that the vet refuses, or that does anything but
run to its end. Such a program is run again by a fork of its own.
"""

import ast
import builtins
import gc
import random
import sys
from typing import Any, NoReturn

from mdexp.sandbox.confined import child, frames, vet
from mdexp.sandbox.confined.importing import LoadedOnly

GIVEN_BACK = "again"
_MAX_NESTING_BYTES = 4096  # of a program; longer ones are not worth a vet


def serve(request: int, reply: int, limits: child.Limits, instructions: bytes) -> NoReturn:
    """Confine this process, then answer until it is ended."""
    child.confine(request, reply, limits, instructions)
    sys.meta_path[:] = [LoadedOnly(True, _never)]
    # A text is never turned into an expression, which would run it.
    sys.modules["sympy.parsing.sympy_parser"].parse_expr = _never  # type: ignore[attr-defined]
    public = frozenset(sys.modules["sympy"].__all__)
    offered = vet.builtins_of(vars(builtins))
    while True:
        message = frames.unpacked(frames.receive(0))
        answer = child.Reply(message["token"])
        if not _vetted(message["program"], public):
            answer.send(GIVEN_BACK, used=False)
            continue
        random.seed(0)
        status, fields = child.run(message["program"], answer, limits, dict(offered))
        if status != "ran":
            answer.end(GIVEN_BACK, used=True)
        answer.send(status, **fields)
        vars(sys.modules["__main__"]).clear()
        gc.collect(0)


def _vetted(program: str, public: frozenset[str]) -> bool:
    if len(program) > _MAX_NESTING_BYTES:
        return False
    try:
        return vet.passes(ast.parse(program), public)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False


def _never(*_: Any, **__: Any) -> NoReturn:
    raise RuntimeError("not in a warm process")
