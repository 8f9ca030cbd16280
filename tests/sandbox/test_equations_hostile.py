"""Texts that want to run, to fill the memory or to take for ever: each only gets its status."""

import builtins
import random
from collections.abc import Sequence

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from sympy.parsing import sympy_parser

from mdexp.records import ProgramResult
from mdexp.sandbox.equations import solve_equations

NOISE = "()=x+*^19%/.,;ab \n'\"_$√²½≈−[]{}:E!<>\\#\t\x00\ud800"

TOKENS = [*"xy23+-*/^()==%\n", "0.5", "sqrt(", "ans"]


def late(programs: Sequence[str]) -> list[ProgramResult]:
    return [ProgramResult(status="timeout", error="sympy") for _ in programs]


def solved(text: str) -> ProgramResult:
    (result,) = solve_equations([text], late)
    return result


def dense(size: int, coefficient: int) -> str:
    rng = random.Random(3)
    names = [f"v{place}" for place in range(size)]
    sums = ["+".join(f"{rng.randint(1, coefficient)}*{name}" for name in names) for _ in names]
    return "\n".join(f"{line}={rng.randint(1, 99)}" for line in sums) + "\nans=v0"


TOO_LARGE = "the system has numbers that are too large"


@pytest.mark.timeout(30)  # each takes some milliseconds
@pytest.mark.parametrize(
    ("text", "status", "error"),
    [
        ("ans = 9**9**9", "unsupported", TOO_LARGE),
        ("ans = 2^-(9^9)", "unsupported", TOO_LARGE),
        ("ans = 1e999999", "unsupported", f"{TOO_LARGE} (line 1)"),
        ("ans = 10^1200", "unsupported", TOO_LARGE),
        ("ans = sqrt(10^1201)", "unsupported", TOO_LARGE),
        ("a = sqrt(2)\na*ans + 10^400 = 10^401 * a", "unsupported", TOO_LARGE),
        ("ans = " + "1" * 8000, "unsupported", "a word of more than 60 characters (line 1)"),
        ("ans = 1" + ",111" * 1000, "unsupported", f"{TOO_LARGE} (line 1)"),
        ("a" * 8000 + " = 1", "unsupported", "a word of more than 60 characters (line 1)"),
        ("(" * 150 + "ans" + ")" * 150 + " = 1", "unsupported", "nested deeper than 60 (line 1)"),
        ("(" * 500 + "ans" + ")" * 500 + " = 1", "unsupported", "more than 400 tokens (line 1)"),
        ("ans = " + "-" * 300 + "1", "unsupported", "nested deeper than 60 (line 1)"),
        ("ans = 2" + "^2" * 100, "unsupported", "nested deeper than 60 (line 1)"),
        ("ans = " + "sqrt(" * 70 + "2" + ")" * 70, "unsupported", "nested deeper than 60 (line 1)"),
        ("(ans+b+c+d+e+f)**12 = 1", "unsupported", "more than 400 terms"),
        ("ans^13 = 1", "unsupported", "a degree above 12"),
        ("(ans^7)(b^7) = 1", "unsupported", "a degree above 12"),
        ("10^200 ans^2 - 10^201 ans + 3 = 0", "unsupported", "coefficients that are too large"),
        ("\n".join(f"x{i} = 1" for i in range(97)), "unsupported", "more than 96 equations"),
        ("ans = 1\n" + "x" * 65536, "unsupported", "more than 8192 bytes"),
        ("\n".join(f"x{i}^2 = {i}" for i in range(1, 90)), "no_answer", "which name is the answer"),
        (
            "\n".join(f"x{i}^2 = {i}" for i in range(1, 90)) + "\nans = x1",
            "unsupported",
            "more than 64 branches",
        ),
        (
            "\n".join(f"x{i} = x{i - 1} * x{i - 1}" for i in range(1, 90)) + "\nx0 = 3\nans = x89",
            "unsupported",
            TOO_LARGE,
        ),
        ("(ans+b+c+d+e)^7 = 1\n" * 90, "unsupported", "sympy"),
        ("ans =" + " " * 8000 + "1", "ok", ""),
        ("ans = 1" + "+1" * 190, "ok", ""),
        ("\n".join(f"x{i} = x{i + 1} + 1" for i in range(95)) + "\nx95 = 1", "ok", ""),
        (dense(22, 9), "ok", ""),
        (dense(14, 10**12), "ok", ""),
        ("*".join(f"(ans - {i}/7)" for i in range(1, 13)) + " = 1/10^9", "ambiguous", "several"),
        ("ans = x " * 1000, "unsupported", "more than 400 tokens (line 1)"),
        ("ans = 1 " + "ab/ " * 2000, "syntax_error", "it ends too early (line 1)"),
        ("ab " * 2700 + "= 1", "no_answer", "the text has no equation"),
    ],
)
def test_what_is_too_much_is_refused(text: str, status: str, error: str) -> None:
    result = solved(text)
    if result.error == "sympy":
        status = "timeout"
    assert result.status == status and error in result.error


@given(st.text(st.sampled_from(NOISE), max_size=120) | st.text(max_size=60))
def test_any_text_has_a_status(text: str) -> None:
    result = solved(text)
    assert (result.status == "ok") == (result.answer is not None) == (result.error == "")


@given(st.lists(st.sampled_from(TOKENS)))
def test_any_tokens_have_a_status(tokens: list[str]) -> None:
    result = solved(" ".join(tokens))
    assert (result.status == "ok") == (result.answer is not None) == (result.error == "")


@pytest.mark.timeout(30)
def test_noise_of_64_kb_is_refused_and_of_8_kb_read() -> None:
    rng = random.Random(1)
    noise = "".join(rng.choice(NOISE[:20]) for _ in range(65536))
    assert solved(noise).error == "the system has more than 8192 bytes"
    assert solved(noise[:8192]).status in ("syntax_error", "unsupported")


def test_no_text_reaches_python_or_sympy_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [
        "__import__('os').system('true') = ans",
        "ans = eval(1)\neval = 2",
        "exec(ans) = 4\nexec = 2",
        "ans = open * 2\nopen = 1 + sqrt(4)",
        "sqrt(x) = 5\nans = x",
        "lambda^2 = 16\nans = lambda",
        "x^5 = x + 1\nans = x",
        "x^2 * y = y^2 + exit(1)\nans = x",
    ]

    def reached(*_: object, **__: object) -> None:
        raise AssertionError("a text was to be evaluated")

    with monkeypatch.context() as patched:
        for module, name in [
            (builtins, "eval"),
            (builtins, "exec"),
            (builtins, "compile"),
            (sympy, "sympify"),
            (sympy, "S"),
            (sympy_parser, "parse_expr"),
        ]:
            patched.setattr(module, name, reached)
        results = solve_equations(texts, late)
    statuses = ["syntax_error", "ok", "ok", "ok", "timeout", "ok", "ok", "underdetermined"]
    assert [result.status for result in results] == statuses
    assert [result.answer for result in results[1:4]] == [2, 2, 6]
