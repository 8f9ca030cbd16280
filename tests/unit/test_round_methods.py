"""What later rounds learn from: distinct equations, and which paths a method chooses."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdexp.lessons.path_equations import equations_of, of_prose
from mdexp.lessons.rejection_sampling import RejectionSampling
from mdexp.lessons.repeated_teacher import RepeatedTeacher
from mdexp.lessons.star import SelfTaughtReasoner
from mdexp.ports.parts import described
from mdexp.records import Problem, VerifiedPath
from tests.contract.conftest import plugin

THOUGHTS = {name: plugin("thought", name) for name in ("cot", "pot", "eot")}
PROBLEM = Problem(id="p", dataset="toy", split="train", question="How many?", answer=7)
NAMES = st.from_regex(r"[a-z]{3,8}", fullmatch=True)
RFT = RejectionSampling(num_paths=4, distinct="equations")


def path(text: str, sample: int = 0, thought: str = "pot", round: int = 1) -> VerifiedPath:
    return VerifiedPath(
        problem_id="p", thought=thought, sample=sample, text=text, answer=7, model="", round=round
    )


def key(text: str, thought: str = "pot") -> str:
    return equations_of(path(text, thought=thought), THOUGHTS)


@given(st.lists(NAMES, min_size=3, max_size=3, unique=True), st.integers(1, 99))
def test_names_do_not_count_in_programs(names: list[str], number: int) -> None:
    first, second, third = (f"{name}_" for name in names)
    form = "{} = {n}\n{} = 4  # as told\n{} = {} + {}\nans = {}"
    plain = form.format("a", "b", "c", "a", "b", "c", n=number)
    renamed = form.format(first, second, third, first, second, third, n=number)
    assert key(plain) == key(renamed.replace("  # as told", ""))
    assert key(plain) != key(plain.replace("a + b", "b + a"))
    assert key(plain) != key(plain.replace(f"= {number}", f"= {number + 1}"))
    assert key(plain, "eot") == key(renamed.replace("  # as told", ""), "eot")


def test_a_called_function_is_no_name_of_ours() -> None:
    assert key("a = max(3, 4)") != key("a = min(3, 4)")


@given(NAMES, st.integers(1, 9999), st.integers(1, 9999))
def test_words_do_not_count_in_prose(word: str, a: int, b: int) -> None:
    one = f"Ann has {a} + {b} = {a + b} pens."
    assert of_prose(one) == of_prose(f"There are ${a:,} + {b} = ${a + b:,} {word} in all.")
    assert of_prose(one) != of_prose(one.replace("+", "*"))
    assert of_prose("3 × 4 = 12") == of_prose("so 3 * 4 = 12.0")


def test_prose_without_equations_counts_by_its_words() -> None:
    assert of_prose("Seven  remain.") == of_prose("Seven remain.") != of_prose("Seven are left.")


def test_equations_that_are_no_program_are_compared_with_names_renamed() -> None:
    assert key("2 * x = 14\n", "eot") == key("2  * y = 14", "eot") != key("3 * x = 14", "eot")


def test_rft_keeps_the_teachers_and_adds_what_is_new() -> None:
    taught = [path("a = 3\nans = a + 4", round=0), path("b = 3\nans = b + 4", 1, round=0)]
    own = [path("c = 3\nans = c + 4", 2), path("ans = 8 - 1", 3), path("ans = 8 - 1 ", 4)]
    assert RFT.choose(PROBLEM, taught, own, THOUGHTS) == [*taught, own[1]]
    by_text = RFT.model_copy(update={"distinct": "text"})
    assert by_text.choose(PROBLEM, taught, own, THOUGHTS) == [*taught, *own]


def test_rft_does_not_compare_thoughts() -> None:
    own = [path("3 + 4 = 7", 1, "cot"), path("3 + 4 = 7", 2, "eot")]
    assert RFT.choose(PROBLEM, [], own, THOUGHTS) == own


def test_the_control_has_as_many_targets_of_the_teacher() -> None:
    taught = [path("ans = 3 + 4", 0, round=0), path("It is 7.", 0, "cot", round=0)]
    own = [path("ans = 8 - 1", 1), path("ans = 9 - 2", 2), path("3 + 4 = 7", 1, "cot")]
    control = RepeatedTeacher(like=described(RFT))
    chosen = control.choose(PROBLEM, taught, own, THOUGHTS)
    assert chosen == [taught[0]] * 3 + [taught[1]] * 2
    assert control.choose(PROBLEM, [], own, THOUGHTS) == []
    assert (control.num_paths, control.hint) == (RFT.num_paths, None)


def test_star_takes_own_paths_and_the_teachers_where_asked() -> None:
    taught = [path("ans = 3 + 4", 0, round=0), path("It is 7.", 0, "cot", round=0)]
    own = [path("ans = 8 - 1", 1)]
    star = SelfTaughtReasoner(num_paths=1, hint="It is {answer}.", keep_teacher=False)
    assert star.choose(PROBLEM, taught, own, THOUGHTS) == own
    keeping = star.model_copy(update={"keep_teacher": True})
    assert keeping.choose(PROBLEM, taught, own, THOUGHTS) == [taught[1], *own]


def test_a_hint_without_the_answer_is_refused() -> None:
    with pytest.raises(ValueError, match=re.escape("{answer}")):
        SelfTaughtReasoner(num_paths=1, hint="It is small.", keep_teacher=False)
