"""What any grader has to do: a new yaml in conf/grader is tested without a line here."""

from importlib.util import find_spec

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdexp.ports import Attempt, Grader
from tests.contract.conftest import names, plugin

# One whose package is not installed here cannot be built.
ABSENT = [] if find_spec("math_verify") else ["math_verify"]
NAMES = [name for name in names("grader") if name not in ABSENT]
GRADERS = {name: plugin("grader", name) for name in NAMES}


def test_graders_are_found():
    assert {"strict", "lenient", "pad", "xot", "dss"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_it_offers_what_a_grader_has_to(name):
    assert isinstance(GRADERS[name], Grader)
    assert GRADERS[name].name == name and GRADERS[name].version >= 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("gold", [18, 2.5, "1/3", True, "no", "(b)"])
def test_gold_is_right_and_silence_is_not(name, gold):
    grader = GRADERS[name]
    assert grader.is_right(Attempt(gold, ""), gold)
    assert not grader.is_right(Attempt(None, ""), gold)
    assert grader.read(Attempt(None, ""), gold) is None


@given(
    st.none() | st.integers() | st.floats() | st.text(max_size=9) | st.booleans(),
    st.text(max_size=20),
    st.sampled_from(NAMES),
    st.sampled_from([18, 0.5, "yes", "B"]),
)
def test_no_answer_is_an_error(answer, said, name, gold):
    attempt = Attempt(answer, said)
    GRADERS[name].read(attempt, gold)
    assert GRADERS[name].is_right(attempt, gold) in (True, False)
