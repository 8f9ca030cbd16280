"""Finds the answers of systems of equations that models write.

The answer is the value of `ans`, else of `answer` or `result`; else of the name that the last
equation defines, if it is new there; else of the only name that no equation defines; else of the
last defined one. An equation defines a name if that stands alone on its left side. Of several real
values, the only non-negative one is the answer. Rational answers cross as the float next to them,
integral ones as integers.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

from mdexp.algebra.bounds import Refused
from mdexp.algebra.elimination import Contradiction, Equation
from mdexp.algebra.expressions import Number
from mdexp.algebra.lines import NotAnEquation, System, read
from mdexp.algebra.systems import (
    FLOAT_TOLERANCE,
    Underdetermined,
    Unsettled,
    solutions,
)
from mdexp.records import ProgramResult, ProgramStatus
from mdexp.sandbox import sympy_fallback

_ASKED = ("ans", "answer", "result")
_LARGEST = 10**300  # from there on a number is no answer


class Verdict(NamedTuple):
    """The outcome of a system. `answer` is set only if `status` is `ok`."""

    status: ProgramStatus
    error: str = ""
    answer: int | float | None = None

    def result(self, tier: str, seconds: float) -> ProgramResult:
        return ProgramResult(
            status=self.status, answer=self.answer, error=self.error, tier=tier, seconds=seconds
        )


Run = Callable[[Sequence[str]], list[ProgramResult]]


def solve_equations(texts: Sequence[str], run: Run) -> list[ProgramResult]:
    """One result per text, in order. `run` executes programs with sympy in a sandbox."""
    programs: dict[int, str] = {}
    results = [_timed(text, place, programs) for place, text in enumerate(texts)]
    ran = run(list(programs.values())) if programs else []
    for place, result in zip(programs, ran, strict=True):
        results[place] = _beyond(result)
    return results


def _timed(text: str, place: int, programs: dict[int, str]) -> ProgramResult:
    started = time.perf_counter()
    verdict = _solved(text, place, programs)
    return verdict.result("equations", time.perf_counter() - started)


def _solved(text: str, place: int, programs: dict[int, str]) -> Verdict:
    """The verdict on a text; what sympy has to solve goes to `programs` under its place."""
    try:
        system = read(text)
        asked = _asked(system)
        if asked is None:
            return Verdict("no_answer", _nothing_asked(system))
        try:
            return _chosen(solutions(system.equations, asked, system.rounded))
        except Unsettled as error:
            programs[place] = sympy_fallback.program(system.equations, asked)
            return Verdict("unsupported", str(error))
    except NotAnEquation as error:
        return Verdict("syntax_error", str(error))
    except Refused as error:
        return Verdict("unsupported", f"the system has {error}")
    except OverflowError:
        return Verdict("unsupported", "the system has numbers that are too large")
    except Underdetermined as error:
        return Verdict("underdetermined", str(error))
    except Contradiction as error:
        return Verdict("inconsistent", str(error))


def _asked(system: System) -> str | None:
    """The name whose value is the answer, by the rule of this module."""
    equations = system.equations
    names = set[str]().union(*[equation.names for equation in equations])
    called = [name for name in names if name.lower() in _ASKED]
    if called:
        return min(called, key=lambda name: _precedence(name, equations))
    if not names:
        return None
    *before, last = equations
    defined = [e.left for e in equations if isinstance(e.left, str)]
    if isinstance(last.left, str) and not any(last.left in equation.names for equation in before):
        return last.left
    undefined = names - set(defined)
    if undefined:
        return undefined.pop() if len(undefined) == 1 else None
    return defined[-1]


def _precedence(name: str, equations: Sequence[Equation]) -> tuple[int, int, str]:
    """Smaller for what is called `ans`, and for what comes first."""
    first = next(place for place, equation in enumerate(equations) if name in equation.names)
    return _ASKED.index(name.lower()), first, name


def _nothing_asked(system: System) -> str:
    if not system.equations:
        return "the text has no equation"
    return "no equation says which name is the answer"


def _chosen(found: list[Number]) -> Verdict:
    """The verdict from the real values of the name that is asked for, one for each solution."""
    found = _distinct(found)
    admissible = found if len(found) == 1 else [value for value in found if value >= 0]
    if len(admissible) != 1:
        values = ", ".join(f"{float(value):g}" for value in sorted(found)[:4])
        return Verdict("ambiguous", f"several values: {values}")
    (value,) = admissible
    answer = float(value) if isinstance(value, Fraction) else value
    if not -_LARGEST < answer < _LARGEST:
        return Verdict("unsupported", "the system has numbers that are too large")
    return Verdict("ok", answer=answer)


def _distinct(numbers: list[Number]) -> list[Number]:
    """Without those that are equal up to the precision of a float."""
    distinct: list[Number] = []
    for number in sorted(numbers):
        if not distinct or number - distinct[-1] > FLOAT_TOLERANCE * max(1.0, float(number)):
            distinct.append(number)
    return distinct


def _beyond(result: ProgramResult) -> ProgramResult:
    """What sympy's result means for the system."""
    if result.status != "ok":
        return replace(result, tier="sympy")
    return _meant(sympy_fallback.sympy_values(result.answer)).result("sympy", result.seconds)


def _meant(found: list[Number] | str) -> Verdict:
    if found == "free":
        return Verdict("underdetermined", "the equations leave the answer free")
    if isinstance(found, str):
        return Verdict("unsupported", "sympy cannot solve it")
    return _chosen(found) if found else Verdict("inconsistent", "no real solution")
