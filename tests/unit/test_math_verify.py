"""grader=math_verify: LaTeX answers, in a process that a hostile text cannot use."""

import builtins
from pathlib import Path
from typing import Any

import pytest

from mdexp.grading import math_process
from mdexp.grading.graders.math_verify import MathVerify
from mdexp.ports import Attempt
from mdexp.ports.parts import build_part

TARGET = {"_target_": "mdexp.grading.graders.math_verify.MathVerify"}


@pytest.fixture(scope="module")
def grader() -> MathVerify:
    pytest.importorskip("math_verify")
    return MathVerify()


@pytest.mark.parametrize(
    ("said", "gold", "form", "right"),
    [
        (r"So it is $\frac{3}{6}$.", r"\frac{1}{2}", "1/2", True),
        (r"The answer is \boxed{0.5}", r"\frac12", "1/2", True),
        (r"\boxed{\frac{\sqrt{8}}{2}}", r"\sqrt{2}", "sqrt(2)", True),
        (r"\boxed{\sqrt{3}}", r"\sqrt{2}", "sqrt(3)", False),
        ("18", 18, "18", True),
        ("I do not know.", 18, None, False),
    ],
)
def test_latex_is_read_and_brought_to_one_form(
    said: str, gold: Any, form: str | None, right: bool, grader: MathVerify
) -> None:
    attempt = Attempt(None, said)
    assert (grader.read(attempt, gold), grader.is_right(attempt, gold)) == (form, right)


def test_without_a_text_the_thoughts_answer_counts(grader: MathVerify) -> None:
    assert grader.is_right(Attempt(0.5, ""), "1/2")
    assert not grader.is_right(Attempt(None, ""), "1/2")


@pytest.mark.parametrize("said", [r"$9^{9^{9^{9}}}$", r"$(x+1)^{100000000}$", "$" + "(" * 5000])
def test_a_text_that_takes_too_long_is_no_answer_and_the_next_is_read(
    said: str, grader: MathVerify
) -> None:
    assert not grader.is_right(Attempt(None, said), 7)
    assert grader.is_right(Attempt(None, r"\boxed{7}"), 7)


def test_nothing_is_evaluated_here_and_no_file_is_made_there(
    grader: MathVerify, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reached(*_: Any, **__: Any) -> None:
        raise AssertionError("a text was to be evaluated")

    mark = tmp_path / "mark"
    texts = [f"__import__('os').system('touch {mark}')", f"$open('{mark}','w')$"]
    with monkeypatch.context() as patched:
        patched.setattr(builtins, "eval", reached)
        for text in texts:
            grader.is_right(Attempt(text, f"The answer is {text}"), 7)
    assert not mark.exists()


def test_normalised_text_is_refused(grader: MathVerify) -> None:
    with pytest.raises(ValueError, match=r"use dataset.match=exact"):
        grader.read(Attempt(None, "$-x$", "normalised"), "-x")


def test_without_the_package_the_error_is_the_command_that_gets_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(math_process.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r'pip install "mdexp\[math\]"'):
        build_part(TARGET)
