"""What goes to sympy and what comes back; and sympy against the solver here."""

import json
import random
import subprocess
import sys
from collections.abc import Sequence

import pytest
import sympy

from mdexp.algebra.lines import read
from mdexp.algebra.systems import solutions
from mdexp.records import ProgramResult
from mdexp.sandbox import sympy_fallback
from mdexp.sandbox.equations import solve_equations

_RUN = """
import json, sys
for program in json.load(sys.stdin):
    names = {}
    exec(program, names)
    print(json.dumps(names["ans"]))
"""


def run(programs: Sequence[str]) -> list[ProgramResult]:
    """In a process of their own: the programs are ours, only their data is not."""
    shown = subprocess.run(
        [sys.executable, "-c", _RUN],
        input=json.dumps(list(programs)),
        capture_output=True,
        text=True,
        check=True,
    )
    lines = shown.stdout.splitlines()
    return [ProgramResult(status="ok", answer=json.loads(line), tier="cpython") for line in lines]


@pytest.mark.timeout(120)
def test_sympy_solves_what_is_beyond() -> None:
    expected = {
        "sqrt(x) = 5\nans = x": ("ok", 25),
        "sqrt(x) = -5\nans = x": ("inconsistent", "no real solution"),
        "abs(x - 3) = 2\nans = x": ("ambiguous", "several values: 1, 5"),
        "abs(x - 3) = 4\nans = x": ("ok", 7),
        "2^x = 8\nans = x": ("ok", 3),
        "x*y = 24\nx^2 + y^2 = 52\nans = x + y": ("ok", 10),
        "sqrt(x) + y = 5\nans = x": ("underdetermined", "the equations leave the answer free"),
        "x^x = ans\nx + ans = 1": ("unsupported", "sympy cannot solve it"),
        "E^I = 9\nE = 3\nlambda = I / 3 + 0 * pi\nans = lambda": ("ok", 2 / 3),
    }
    results = solve_equations(list(expected), run)
    assert [(result.status, result.answer or result.error) for result in results] == list(
        expected.values()
    )
    assert {result.tier for result in results} == {"sympy"}


def test_a_failure_of_the_sandbox_is_the_result() -> None:
    late = ProgramResult(status="timeout", error="TimeoutError: 5 s", tier="cpython", seconds=5)
    one, two, three = solve_equations(
        ["ans = 1", "sqrt(ans) = 5", "ans = 2"], lambda programs: [late for _ in programs]
    )
    assert (one.answer, three.answer) == (1, 2)
    assert (two.status, two.error, two.tier, two.seconds) == (
        "timeout",
        "TimeoutError: 5 s",
        "sympy",
        5,
    )


def test_names_cross_as_numbers() -> None:
    text = "sqrt(secret_name) = 5\n__class__ = secret_name^0.3\nans = secret_name"
    program = sympy_fallback.program(read(text).equations, "ans")
    assert "secret" not in program and "__class__" not in program


def linear_and_quadratic(rng: random.Random) -> tuple[str, list[sympy.Eq], sympy.Symbol]:
    """The same random system as text and as objects of sympy."""
    names = ["x", "y", "z"][: rng.randint(1, 3)]
    symbols = {name: sympy.Symbol(name, real=True) for name in names}
    lines, objects = [], []
    for place, name in enumerate(names):
        factors = [rng.randint(-4, 4) for _ in names]
        square = rng.randint(-3, 3) if place == 0 else 0
        constant = sympy.Rational(rng.randint(-20, 20), rng.randint(1, 4))
        shown = " + ".join(f"({a}){b}" for a, b in zip(factors, names, strict=True))
        lines.append(f"{shown} + ({square}){name}^2 = {constant}")
        left = sum((a * symbols[b] for a, b in zip(factors, names, strict=True)), sympy.S.Zero)
        objects.append(sympy.Eq(left + square * symbols[name] ** 2, constant))
    return "\n".join(lines), objects, symbols["x"]


@pytest.mark.timeout(120)
def test_sympy_finds_the_same_values() -> None:
    rng = random.Random(7)
    compared = 0
    for _ in range(60):
        text, objects, asked = linear_and_quadratic(rng)
        symbols = sorted(set().union(*(o.free_symbols for o in objects)), key=str)
        if sympy.false in objects or asked not in symbols:
            continue
        found = [solution.get(asked) for solution in sympy.solve(objects, symbols, dict=True)]
        try:
            values = sorted(map(float, solutions(read(text).equations, "x")))
        except ValueError:
            # A contradiction has no solution, a free name no value.
            assert not found or any(value is None or value.free_symbols for value in found), text
            continue
        compared += 1
        assert values == pytest.approx(sorted(map(float, found)), rel=1e-12), text
    assert compared > 20
