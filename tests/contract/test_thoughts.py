"""What any thought has to do: a new yaml in conf/thought is tested without a line here."""

import pytest

from mdexp.answers import correct
from mdexp.reading import read_answers
from mdexp.records import Expected
from mdexp.sandbox.executor import Sandbox
from mdexp.thoughts.prompting import load_exemplars
from tests.contract.conftest import names, plugin

EXEMPLARS = load_exemplars()
NAMES = names("thought")


def test_thoughts_are_found():
    assert {"label", "cot", "pot", "eot"} <= set(NAMES)


@pytest.fixture(params=NAMES)
def thought(request):
    return plugin("thought", request.param)


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(timeout_s=5, memory_mib=64, output_kib=16, workers=1) as sandbox:
        yield sandbox


def test_it_can_be_asked_for(thought):
    assert thought.cue.strip() and thought.instruction.strip()
    assert "\n" not in thought.cue, "the cue is one line after the question"


def test_no_two_are_asked_for_alike():
    assert len({plugin("thought", name).cue for name in NAMES}) == len(NAMES)
    assert len({plugin("thought", name).instruction for name in NAMES}) == len(NAMES)


def test_it_reads_its_own_exemplars(thought, sandbox):
    reads = read_answers(
        [(thought, thought.exemplar(row), Expected()) for row in EXEMPLARS], sandbox
    )
    assert [read.status for read in reads] == ["ok"] * len(EXEMPLARS)
    for read, row in zip(reads, EXEMPLARS, strict=True):
        assert correct(read.answer, row["answer"])


def test_a_target_reads_back_as_what_it_was_made_of(thought, sandbox):
    """The student is trained on targets, so what it writes must be read as the teacher was."""
    first = read_answers(
        [(thought, thought.exemplar(row), Expected()) for row in EXEMPLARS], sandbox
    )
    golds = [row["answer"] for row in EXEMPLARS]
    targets = [thought.target(read.text, gold) for read, gold in zip(first, golds, strict=True)]
    again = read_answers([(thought, target, Expected()) for target in targets], sandbox)
    assert [read.text for read in again] == [read.text for read in first]
    assert all(correct(read.answer, gold) for read, gold in zip(again, golds, strict=True))
    assert targets == [thought.target(r.text, gold) for r, gold in zip(again, golds, strict=True)]


def test_a_target_is_never_cut_short(thought):
    """Decoding stops at what is complete: that must not fall within a target."""
    for row in EXEMPLARS:
        target = thought.target(thought.read(thought.exemplar(row), Expected()).text, row["answer"])
        for end in range(len(target) + 1):
            whole = thought.complete(target[:end], Expected())
            assert whole is None or whole == target, target[:end]
        assert thought.complete(f"{target}\n\nQuestion: And how many then?", Expected()) is not None


@pytest.mark.parametrize(
    "text", ["", " \n\n", "I do not know", "ans = (", "```python\n```", "∑" * 99]
)
def test_text_that_says_nothing_has_no_answer(text, thought, sandbox):
    [read] = read_answers([(thought, text, Expected())], sandbox)
    assert read.answer is None
    assert read.status != "ok"
