"""Systems of equations as models write them: what is read, which name is asked for, what comes."""

from collections.abc import Sequence

import pytest

from mdexp.records import ProgramResult
from mdexp.sandbox.equations import solve_equations


def unneeded(programs: Sequence[str]) -> list[ProgramResult]:
    raise AssertionError("nothing here is beyond the solver")


def solved(text: str) -> ProgramResult:
    (result,) = solve_equations([text], unneeded)
    assert result.tier == "equations"
    return result


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("x + 3(10) = 2x\nans = x", 30),
        ("apples = 5\nans = 2 apples", 10),
        ("(a)(b) = 12\na = 3\nans = b", 4),
        ("ans = 1/2x\nx = 8", 4),
        ("ans = -2^2 + 2**3^0", -2),
        ("w(w + 6) = 40\nans = w", 4),
        ("price = $1,200\nans = price - 8% * price", 1104),
        ("ans = 20% of 50", 10),
        ("ans = 1/2 of 50", 25),
        ("part = 1\nwhole = 4\nans = part / whole * 100%", 25),
        ("r = 17 % 5\nans = 17 // r", 8),
        ("ans = r // 2\nr = n % 7\nn = 12", 2),
        ("ans = 5 apples * 3 dollars per apple", 15),
        ("speed = 60 miles/hour\ntime = 3 hours\nans = speed * time", 180),
        ("3 apples + 2 pears = 7\napples + pears = 3\nans = apples", 1),
        ("2 x + 3 y = 8\n4 x - y = 2\nans = y", 2),
        ("x = 4\nans = x dollars", 4),
        ("ans = round(10/3, 2) + abs(-1) + sqrt(9/4)", 5.83),
        ("ans = min(5,100) + max(1, 2, 3) + floor(2.5) + ceil(2.5) + int(-2.5)", 11),
        ("x × 3 − 4 = 2² + 1\nans = x ÷ 3", 1),
        ("x₁ = ½\nx' = 4\nans = x₁ · x'", 2),
        ("E + I = 10\nE − I = 2\nλ = E*I\nlambda = λ\npi = 1\nans = lambda*pi", 24),
        ("x = 10/3 ≈ 3.33\nans = 3x", 10),
        ("a = b = 3\nans: a", 3),
        ("a = 5, b = 6; c = 1 and d = 2\nans = a + b + c + d", 14),
        ("{x} = [3 + (1)]\nans := x == 4", 4),
        ("1. x = 5\n2) y = 7\n- Let z = 1\nEquation 4: w = 2\nSo, ans = x + y + z + w", 15),
        ("1/x + 1/3 = 1/2\nans = x", 6),
        ("x^3 = 8\nans = x", 2),
        ("x * y = 24\nx + y = 10\nans = x * y + x + y", 34),
        ("a = 1 / (b - 2)\nb = 4\nans = a", 0.5),
        ("a = x^2 + 1\na * x = 10\nans = x", 2),
        ("ans = 2^-1", 0.5),
        ("ans = 1e3", 1000),
    ],
)
def test_a_system_has_its_answer(text: str, answer: float) -> None:
    result = solved(text)
    assert (result.status, result.error) == ("ok", "")
    assert result.answer == pytest.approx(answer, rel=1e-15)
    assert type(result.answer) is type(answer)


@pytest.mark.parametrize(
    "beside",
    [
        "% Ann has 4 = four apples",
        "  # x = 5",
        "// x = 5",
        "```",
        "",
        "Let x be what we look for",
        "Therefore, the cost is 5 * 3 = 15 dollars.",
        "Let x = the number of apples",
        "y = apples sold",
    ],
)
def test_lines_that_are_no_equations_are_left_out(beside: str) -> None:
    assert solved(f"{beside}\nx = 4\n{beside}\nans = x").answer == 4


@pytest.mark.parametrize(
    "line",
    ["x = 4 # four", "x = 4 % each costs four", "x = 4 // the apples", "x = 4 (apples in all)."],
)
def test_comments_end_a_line(line: str) -> None:
    assert solved(f"{line}\nans = x").answer == 4


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("total = 50\nAnswer = 2 * total\nx = 3", 100),  # the name says so
        ("answer = 3\nAns = 4\nresult = 5", 4),  # `ans` before the others,
        ("Ans = 3\nans = 4", 3),  # and of its spellings the first
        ("a = 5\nb = 3 * a", 15),  # the last line makes a new name
        ("total = 50\nprice = 5\ntotal = price * n", 10),  # the only name without a definition
        ("3 + x = 10", 7),
        ("b = 3\na = b\nb = a", 3),  # the last that is defined
    ],
)
def test_the_name_that_is_asked_for(text: str, answer: int) -> None:
    assert solved(text).answer == answer


@pytest.mark.parametrize(
    ("text", "status", "error"),
    [
        ("x = 3\ny = = 4", "syntax_error", "it ends too early (line 2)"),
        ("x = (3 + 4", "syntax_error", "unclosed parenthesis (line 1)"),
        ("\nans = x y", "syntax_error", "unexpected 'y' (line 2)"),
        ("x = 3, 4", "syntax_error", "no equals sign (line 1)"),
        ("x = ?", "syntax_error", "unexpected '?' (line 1)"),
        ("x = sqrt(1, 2)", "syntax_error", "sqrt takes at most 1 arguments (line 1)"),
        ("__import__('os') = x", "syntax_error", 'unexpected "\'" (line 1)'),
        ("", "no_answer", "the text has no equation"),
        ("The answer is 4.", "no_answer", "the text has no equation"),
        ("x + y = 3\nx - y = 1", "no_answer", "no equation says which name is the answer"),
        ("x + y = 3\nans = x", "underdetermined", "the equations leave ans free"),
        ("x = x\nans = x", "underdetermined", "the equations leave ans free"),
        ("x = 3\nx = 4", "inconsistent", "the sides are 3 and 4 (line 2)"),
        ("ans = 3 * 4 = 13", "inconsistent", "the sides are 12 and 13 (line 1)"),
        ("x + y = 3\nx + y = 4\nans = x", "inconsistent", "it contradicts the others (line 2)"),
        ("x^2 = -4\nans = x", "inconsistent", "no real x (line 1)"),
        ("x / (x - 1) = 1 / (x - 1)\nans = x", "inconsistent", "no real x (line 1)"),
        ("ans = 5 / (y - 3)\ny = 3", "inconsistent", "a division by zero (line 1)"),
        # Times x - 3 the third is linear, and true for the solution of the others.
        (
            "x + y = 3\nx - y = 3\ny / (x - 3) = 2\nans = x",
            "inconsistent",
            "a division by zero (line 3)",
        ),
        ("(x = 3)", "syntax_error", "unclosed parenthesis (line 1)"),
        ("ans = sqrt(-1)", "inconsistent", "the square root of a negative number (line 1)"),
        ("x^2 = 5x\nans = x", "ambiguous", "several values: 0, 5"),
        ("(x + 1)(x + 2) = 0\nans = x", "ambiguous", "several values: -2, -1"),
        ("x > 3\nans = x", "unsupported", "the system has an inequality (line 1)"),
        ("ans = log(10)", "unsupported", "the system has the function log (line 1)"),
    ],
)
def test_failures_say_what_is_wrong(text: str, status: str, error: str) -> None:
    result = solved(text)
    assert (result.status, result.error, result.answer) == (status, error, None)


def test_an_answer_may_be_determined_where_other_names_are_not() -> None:
    assert solved("x + y = 10\nz = x * y\nans = 2x + 2y").answer == 20


def test_the_root_that_is_not_negative_is_chosen_from_real_answers() -> None:
    assert solved("x^2 = 16\nans = x + 3").answer == 7
    assert solved("x^2 = 16\nans = x^2").answer == 16
    assert solved("x^3 - x^2 + x - 1 = 0\nans = x").answer == 1


def test_another_equation_chooses_among_the_roots() -> None:
    assert solved("x^2 = 16\nx^2 + x = 12\nans = x").answer == -4
    assert solved("x^2 = 2\ny = x^2 + x\ny = 2 - sqrt(2)\nans = x").answer == pytest.approx(
        -(2**0.5)
    )


def test_where_numbers_have_decimals_others_may_be_rounded() -> None:
    assert solved("x = 10/3\nx = 3.33\nans = 3x").answer == 10
    assert solved("x = 10/3\nx = 3.34\nans = 3x").status == "inconsistent"
    assert solved("x = 3000\nx = 3001\nans = x").status == "inconsistent"


def test_irrational_roots_are_right_to_the_last_digits() -> None:
    assert solved("x^2 = 2\nans = x").answer == pytest.approx(2**0.5, rel=1e-15)
    # The small root of a quadratic whose large one would swallow its digits.
    assert solved("x^2 - 10^9 x + 1 = 0\nans = x").error == "several values: 1e-09, 1e+09"
    assert solved("x^2 + 10^9 x - 1 = 0\nans = x").answer == pytest.approx(1e-9, rel=1e-15)
    assert solved("x^5 = x + 1\nans = x").answer == pytest.approx(1.1673039782614187, rel=1e-15)


def test_results_keep_the_order_of_texts() -> None:
    results = solve_equations(["ans = 1", "?", "ans = 3"], unneeded)
    assert [result.answer for result in results] == [1, None, 3]
    assert all(result.seconds > 0 for result in results)
