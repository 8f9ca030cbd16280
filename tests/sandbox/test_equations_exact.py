"""Generated systems against their exact solutions, in any style and order of lines."""

from fractions import Fraction
from math import prod

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mdexp.algebra.elimination import Contradiction, Equation
from mdexp.algebra.exact import quotient
from mdexp.algebra.lines import read
from mdexp.algebra.roots import primitive, real_roots
from mdexp.algebra.systems import Underdetermined, solutions
from mdexp.records import ProgramResult
from mdexp.sandbox.equations import solve_equations

NAMES = ["x", "y", "total_cost", "E", "lambda", "pens", "n2"]
rationals = st.builds(Fraction, st.integers(-60, 60), st.integers(1, 12))


def values(text: str, asked: str) -> list[Fraction]:
    return sorted(solutions(read(text).equations, asked))


@st.composite
def terms(draw, coefficient: int, name: str) -> str:
    number = str(abs(coefficient))
    if name == "E" and coefficient:  # 2E3 would be a number
        return draw(
            st.sampled_from([f"{number} * {name}", f"{name}*{number}", f"{number}({name})"])
        )
    styles = [f"{number} * {name}", f"{name}*{number}", f"({number})({name})"]
    styles += [name] if abs(coefficient) == 1 else []
    if not name.isalpha() or len(name) == 1:  # a word after a number may be a unit
        styles.append(f"{number}{name}")
    return draw(st.sampled_from(styles))


@st.composite
def sums(draw, coefficients: list[int], names: list[str]) -> str:
    parts = [
        ("-" if coefficient < 0 else "+", draw(terms(coefficient, name)))
        for coefficient, name in zip(coefficients, names, strict=True)
    ]
    text = "".join(f" {sign} {term}" for sign, term in draw(st.permutations(parts)))
    text = text.strip().removeprefix("+ ")
    return text.replace("- ", "-", 1) if text.startswith("- ") else text  # "- x" is a list's item


@st.composite
def linear_systems(draw):
    count = draw(st.integers(1, 5))
    names = draw(st.permutations(NAMES))[:count]
    solution = [draw(rationals) for _ in names]
    entries = st.lists(st.integers(-9, 9), min_size=count, max_size=count)
    matrix = draw(st.lists(entries, min_size=count, max_size=count))
    lines = []
    for row in matrix:
        split = draw(st.integers(0, count))
        left = draw(sums(row[:split], names[:split]))
        right = draw(sums([-value for value in row[split:]], names[split:]))
        constant = sum(a * b for a, b in zip(row, solution, strict=True))
        lines.append(f"{left or 0} = {right or 0} + {constant}")
    asked = draw(st.integers(0, count - 1))
    lines.append(f"ans = {names[asked]}")
    return "\n".join(draw(st.permutations(lines))), matrix, solution[asked]


def determinant(matrix: list[list[int]]) -> int:
    if not matrix:
        return 1
    first, *rest = matrix
    minors = [[row[:place] + row[place + 1 :] for row in rest] for place in range(len(first))]
    return sum(
        (-1) ** place * value * determinant(minor)
        for place, (value, minor) in enumerate(zip(first, minors, strict=True))
    )


@given(linear_systems())
def test_linear_systems_have_their_exact_solution(system) -> None:
    text, matrix, value = system
    assume(determinant(matrix))
    assert values(text, "ans") == [value]


@given(linear_systems(), st.integers(1, 9))
def test_a_further_equation_agrees_or_contradicts(system, excess) -> None:
    text, matrix, value = system
    assume(determinant(matrix))
    assert values(f"{text}\n3 ans = {3 * value}", "ans") == [value]
    with pytest.raises(Contradiction):
        values(f"{text}\n3 ans = {3 * value} + {excess}", "ans")


@given(linear_systems(), rationals)
def test_names_defined_by_others_may_be_put_between(system, factor) -> None:
    text, matrix, value = system
    assume(determinant(matrix) and factor)
    chain = f"ans = far\nfar * ({factor}) = near\nnear = scaled"
    assert values(f"{text.replace('ans = ', 'scaled = ')}\n{chain}", "ans") == [value / factor]


@given(linear_systems())
def test_a_line_fewer_leaves_a_name_free(system) -> None:
    text, matrix, _ = system
    assume(determinant(matrix))
    lines = text.split("\n")
    names = [line.removeprefix("ans = ") for line in lines if line.startswith("ans")]
    without = [line for line in lines if names[0] not in line or line.startswith("ans")]
    assume(len(without) < len(lines))
    with pytest.raises(Underdetermined):
        values("\n".join(without), "ans")


@given(rationals, rationals, st.integers(1, 9))
def test_quadratics_have_their_roots(first, second, factor) -> None:
    linear, constant = -factor * (first + second), factor * first * second
    text = f"{factor}x^2 + ({linear})x = -({constant})"
    assert values(text, "x") == sorted({first, second})


@given(rationals, rationals, rationals)
def test_rational_functions_lose_the_roots_of_their_denominators(root, pole, other) -> None:
    """(x - root)(x - pole) / ((x - pole)(x - other)) = 0"""
    shown = f"(x - ({root}))(x - ({pole})) / ((x - ({pole}))(x - ({other}))) = 0"
    if root in (pole, other):
        with pytest.raises(Contradiction):
            values(shown, "x")
    else:
        assert values(shown, "x") == [root]


@given(rationals, rationals)
def test_a_product_and_a_sum_give_both_numbers(first, second) -> None:
    text = f"a * b = {first * second}\na + b = {first + second}"
    assert values(text, "a") == sorted({first, second})


@given(st.lists(rationals, min_size=3, max_size=7), st.lists(st.integers(1, 9), max_size=2))
def test_rational_roots_of_higher_polynomials_are_exact(roots, squares) -> None:
    """The factors x² + c have no real root."""
    polynomial = [Fraction(1)]
    for factor in [*([1, -root] for root in roots), *([1, 0, square] for square in squares)]:
        product = [Fraction(0)] * (len(polynomial) + len(factor) - 1)
        for i, a in enumerate(polynomial):
            for j, b in enumerate(factor):
                product[i + j] += a * b
        polynomial = product
    assert real_roots(primitive(polynomial)) == sorted(set(roots))


@given(st.integers(2, 10**6), st.integers(3, 9))
def test_irrational_roots_are_right_to_double_precision(number, degree) -> None:
    roots = real_roots([1, *[0] * (degree - 1), -number])
    assert len(roots) == (1 if degree % 2 else 2)
    assert roots[-1] == pytest.approx(number ** (1 / degree), rel=1e-14)
    assert degree % 2 or roots[0] == -roots[1]


@given(st.lists(st.lists(rationals, min_size=1, max_size=3)), rationals)
def test_a_quotient_of_products_is_exact_unless_a_float_is_in_it(products, divisor) -> None:
    assume(divisor)
    exact = sum((prod(product) for product in products), start=Fraction(0)) / divisor
    assert quotient(products, divisor) == exact
    near = quotient([*products, [0.0]], divisor)
    assert type(near) is float and near == pytest.approx(float(exact), rel=1e-12, abs=1e-9)


@given(rationals)
def test_an_answer_crosses_as_the_number_next_to_it(value) -> None:
    (result,) = solve_equations([f"ans = {value}"], lambda programs: [])
    assert result == ProgramResult(
        status="ok",
        answer=int(value) if value.denominator == 1 else float(value),
        tier="equations",
        seconds=result.seconds,
    )


def test_an_equation_knows_the_names_of_its_sides() -> None:
    (equation,) = read("a + 1 = b(c)").equations
    assert isinstance(equation, Equation)
    assert equation.names == {"a", "b", "c"} and equation.left_names == {"a"}
