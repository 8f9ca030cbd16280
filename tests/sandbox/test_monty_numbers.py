"""Numbers in Monty are those of CPython: its `round`, and whole programs of arithmetic."""

import ast
import operator
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdexp.records import ProgramResult
from mdexp.sandbox.executor import Sandbox

Run = Callable[[str], ProgramResult]
MONEY = st.integers(-(10**7), 10**7).map(lambda mills: mills / 1000)
TIES = st.tuples(st.integers(-(10**6), 10**6), st.sampled_from([5, 50, 500, 0.5, 0.125, 1.005]))
FLOATS = st.one_of(
    MONEY,
    TIES.map(lambda pair: float(pair[0] * pair[1])),
    st.floats(allow_nan=False, allow_infinity=False),
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(FLOATS, st.integers(-6, 12) | st.sampled_from([-400, -308, 323, 400])),
        max_size=30,
    )
)
def test_round_is_that_of_cpython(sandbox: Sandbox, cases: list[tuple[float, int]]) -> None:
    results = sandbox.run([f"ans = round({x!r}, {n})" for x, n in cases])
    assert [repr(result.answer) for result in results] == [repr(_rounded(x, n)) for x, n in cases]


def _rounded(number: float, ndigits: int) -> float | None:
    try:
        return round(number, ndigits)
    except OverflowError:
        return None


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("round(2.5)", 2),
        ("round(-0.0, -1)", -0.0),
        ("round(7, 1)", 7),
        ("round(1250, -2)", 1200),
        ("round(number=2.675, ndigits=2)", 2.67),
        ("round(True)", 1),
        ("round(2.675, None)", 3),
    ],
)
def test_round_takes_what_cpython_takes(run: Run, expression: str, expected: float) -> None:
    assert repr(run(f"ans = {expression}").answer) == repr(expected)


def test_round_overflows_as_in_cpython(run: Run) -> None:
    result = run("ans = round(1.7e308, -308)")
    assert result.error.startswith("OverflowError: rounded value too large")


OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


@st.composite
def programs(draw: st.DrawFn) -> tuple[str, int | float]:
    """A straight-line program over earlier variables, and the value that CPython gives `ans`."""
    values: list[int | float] = []
    statements: list[ast.stmt] = []
    for _ in range(draw(st.integers(1, 8))):
        node, value = draw(_operands(values))
        for kind in draw(st.lists(st.sampled_from(list(OPERATORS)), max_size=3)):
            other, operand = draw(_operands(values))
            if kind in (ast.Div, ast.FloorDiv, ast.Mod) and operand == 0:
                continue
            node, value = ast.BinOp(node, kind(), other), OPERATORS[kind](value, operand)
        if abs(value) > 1e12:
            continue
        statements.append(ast.Assign([ast.Name(f"v{len(values)}", ast.Store())], node))
        values.append(value)
    last, value = draw(_operands(values))
    statements.append(ast.Assign([ast.Name("ans", ast.Store())], last))
    return ast.unparse(ast.fix_missing_locations(ast.Module(statements, []))), value


def _operands(values: list[int | float]) -> st.SearchStrategy[tuple[ast.expr, int | float]]:
    """A literal or an earlier variable, with its value."""
    literals = (st.integers(0, 10**4) | MONEY.map(abs)).map(
        lambda value: (ast.Constant(value), value)
    )
    names = [(ast.Name(f"v{index}"), value) for index, value in enumerate(values)]
    return literals | st.sampled_from(names) if names else literals


@settings(max_examples=60, deadline=None)
@given(st.lists(programs(), max_size=10))
def test_arithmetic_is_that_of_cpython(
    sandbox: Sandbox, cases: list[tuple[str, int | float]]
) -> None:
    results = sandbox.run([program for program, _ in cases])
    assert [repr(result.answer) for result in results] == [repr(value) for _, value in cases]
