"""Several chains in one text: how they are packed, which subsets, and where such a text ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mdexp.lessons.distinct_chains import DistinctChains
from mdexp.ports import Done, Seen, Write
from mdexp.records import Problem, Transcript, VerifiedPath
from mdexp.transcripts.driver import written
from mdexp.transcripts.opening import asked
from tests.contract.conftest import plugin

QUESTION = "Ann has 3 bags of 4 pens. How many pens has she?"
PROBLEM = Problem(id="p", dataset="toy", split="train", question=QUESTION, answer=12)


@pytest.fixture
def dcot():
    return plugin("thought", "dcot")


def path(sample, text, thought="cot", answer=12):
    return VerifiedPath(
        problem_id="p", thought=thought, sample=sample, text=text, answer=answer, model="m"
    )


def make(paths, thought, **options):
    maker = plugin("lesson", "distinct_chains", **options)
    return list(maker.make(PROBLEM, paths, {"dcot": thought}, None))


def test_chains_stand_in_order_with_one_answer(dcot):
    question, cue, text = dcot.packed(QUESTION, ["3 * 4 = 12.", "4 + 4 + 4 = 12."], 12)
    assert question.text == QUESTION and "solutions: 2." in cue.text
    assert text.scored and text.text == (
        "Solution 1:\n3 * 4 = 12.\n\nSolution 2:\n4 + 4 + 4 = 12.\n\nThe answer is 12."
    )
    done = dcot.next(written(text.text, QUESTION), Seen())
    assert isinstance(done, Done) and done.answer == "12"


@given(size=st.integers(0, 6), draws=st.integers(1, 3), most=st.integers(1, 5))
def test_there_is_a_subset_of_each_size(size, draws, most):
    paths = [path(n, f"Way {n}.") for n in range(size)]
    made = make(paths, plugin("thought", "dcot"), draws=draws, max_chains=most)
    sources = [lesson.sources for lesson in made]
    sizes = range(1, min(size, most) + 1)
    assert [(lesson.epoch, len(lesson.sources)) for lesson in made] == [
        (epoch, size) for epoch in range(draws) for size in sizes
    ]
    assert all(len(set(names)) == len(names) for names in sources), "chains are distinct"
    assert [lesson.sample for lesson in made] == list(range(len(made)))
    for lesson in made:
        assert f"solutions: {len(lesson.sources)}." in lesson.segments[1].text
        told = [int(name.split("/")[1]) for name in lesson.sources]
        places = [lesson.segments[2].text.index(f"Way {n}.") for n in told]
        assert places == sorted(places)


def test_equal_chains_and_other_thoughts_are_left_out(dcot):
    made = make([path(0, "A."), path(1, "A."), path(0, "ans = 12", "pot")], dcot)
    assert [lesson.sources for lesson in made] == [("cot/1",)] * 3, "one for each epoch"


def test_wrong_chains_take_no_part(dcot):
    """They come with verify.mode=runs, none or agree."""
    wrong = path(0, "3 + 4 = 7.", answer=7)
    made = make([wrong, path(1, "3 * 4 = 12.", answer=12.0)], dcot)
    assert {lesson.sources for lesson in made} == {("cot/1",)}
    assert all("answer is 12" in lesson.segments[2].text for lesson in made)
    assert make([wrong], dcot) == []


def test_the_seed_decides(dcot):
    paths = [path(n, f"Way {n}.") for n in range(4)]
    assert make(paths, dcot, seed=1) == make(paths, dcot, seed=1)
    assert any(make(paths, dcot, seed=n) != make(paths, dcot) for n in range(1, 9))


def test_an_answer_within_a_chain_is_not_the_last_word(dcot):
    start = Transcript(problem_id="p", thought="dcot", sample=0, segments=(asked(QUESTION),))
    step = dcot.next(start, Seen())
    assert isinstance(step, Write) and "solutions: 2." in step.cue
    first = "Solution 1:\nThe answer is 11.\n\n"
    assert step.stop(f"{first}Sol") is None, "an answer within a chain ends nothing"
    whole = f"{first}Solution 2:\n3 * 4 = 12.\n\nThe answer is 12."
    assert step.stop(f"{whole}\n\nQuestion: And then?") == whole
    done = dcot.next(written(whole, QUESTION), Seen())
    assert isinstance(done, Done) and done.answer == "12"


@pytest.mark.parametrize("form", ["Give some.", "{k} of {k}", "{k} and {n}"])
def test_the_cue_holds_k_once(form):
    with pytest.raises(ValidationError, match=r"holds \{k\} once"):
        plugin("thought", "dcot", cue_form=form)


def test_it_needs_a_thought_of_several_chains():
    maker = DistinctChains(thought="cot", max_chains=2, draws=1, seed=0)
    with pytest.raises(ValueError, match=r"needs thought=cot to be one of dcot, .* are cot"):
        maker.teaches({"cot": plugin("thought", "cot")})
