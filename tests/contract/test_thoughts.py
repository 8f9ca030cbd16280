"""What any thought has to do: a new yaml in conf/thought is tested without a line here."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from mdexp.answers import correct
from mdexp.ports import Done, Run, Seen, Thought, Write
from mdexp.records import ProgramResult, Segment, Transcript
from mdexp.sandbox.executor import Sandbox
from mdexp.transcripts.driver import Walk, drive, executed, run_all
from mdexp.transcripts.opening import asked
from mdexp.transcripts.prompting import load_exemplars
from mdexp.transcripts.reading import read_all
from tests.contract.conftest import names, place, plugin
from tests.read_texts import NUMBER, read_texts

EXEMPLARS = load_exemplars()
NAMES = names("thought")
# Those that are only trained on are asked of nobody: test_experiments.py has their lessons.
ANSWERING = [name for name in NAMES if plugin("thought", name).max_writes]


def test_thoughts_are_found():
    assert {"label", "cot", "pot", "eot", "kpdd", "repair", "tir"} <= set(NAMES)


@pytest.fixture(params=ANSWERING)
def thought(request):
    return plugin("thought", request.param)


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(timeout_s=5, memory_mib=64, output_kib=16, workers=1) as sandbox:
        yield sandbox


def transcript(segments: Sequence[Segment]) -> Transcript:
    return Transcript(problem_id="p", thought="t", sample=0, segments=tuple(segments))


def read(thought: Thought, segments: Sequence[Segment], sandbox: Sandbox) -> Done:
    [done] = read_all([Walk(thought=thought, transcript=transcript(segments))], sandbox)
    return done


def lessons(thought: Thought, sandbox: Sandbox) -> list[tuple[Segment, ...]]:
    """What is learnt from the exemplars, each of them made by the thought that it derives from."""
    made = []
    for name, source in (thought.made_from or {"t": thought}).items():
        for row in EXEMPLARS:
            shown = replace(transcript(source.exemplar(row)), thought=name)
            done = read(source, shown.segments, sandbox)
            if thought.shows_results and done.result:  # as verify keeps it
                shown = shown.after(executed(done.result))
            made.append(thought.lesson(shown, done))
    return made


@pytest.mark.parametrize("name", NAMES)
def test_it_can_be_asked_for(name):
    thought = plugin("thought", name)
    assert thought.cue.strip() and thought.instruction.strip()
    assert "\n" not in thought.cue, "the cue is one line after the question"


def test_no_two_are_asked_for_alike():
    # Of the options for one place in the configuration, a run has one.
    own = [*{place("thought", name): plugin("thought", name) for name in NAMES}.values()]
    asked_alike = {t.cue for t in own}
    shared = sum(any(t.cue == inner.cue for inner in t.made_from.values()) for t in own)
    assert len(asked_alike) == len(own) - shared, "repair begins as its inner thought does"
    assert len({t.instruction for t in own}) == len(own)


def test_it_reads_its_own_exemplars(thought, sandbox):
    """A thought without an exemplar is asked without."""
    for shown, row in ((s, row) for row in EXEMPLARS if (s := thought.exemplar(row))):
        done = read(thought, shown, sandbox)
        assert done.status == "ok" and correct(done.answer, row["answer"])


def test_a_lesson_reads_back_as_what_it_was_made_of(thought, sandbox):
    """The student is trained on lessons, so what it writes must be read as the teacher was."""
    golds = [row["answer"] for row in EXEMPLARS] * max(1, len(thought.made_from))
    for lesson, gold in zip(lessons(thought, sandbox), golds, strict=True):
        done = read(thought, lesson, sandbox)
        assert correct(done.answer, gold)
        if not thought.made_from:
            assert thought.lesson(transcript(lesson), done) == lesson


def test_a_lesson_is_never_cut_short(thought, sandbox):
    """Decoding stops where `stop` says: that must not fall within a text of a lesson."""
    for lesson in lessons(thought, sandbox):
        texts = iter([s.text for s in lesson if s.author == "writer"])

        def write(pending: Sequence[tuple[Walk, Write]], texts: object = texts) -> list[Segment]:
            [(_, step)] = pending
            text = next(texts)
            for end in range(len(text) + 1):
                whole = step.stop(text[:end])
                assert whole is None or whole == text, text[:end]
            return [Segment(author="writer", text=text)]

        def run(runs: Sequence[tuple[Walk, Run]]) -> list[ProgramResult]:
            return run_all([step for _, step in runs], sandbox)

        walk = Walk(thought=thought, transcript=transcript(lesson[:1]))
        drive([walk], write, run)
        assert walk.done is not None and walk.done.status == "ok"


def test_an_invented_next_question_is_no_part_of_a_first_text(thought, sandbox):
    step = thought.next(transcript([asked("How many?")]), Seen(expected=NUMBER))
    first = next(s.text for s in lessons(thought, sandbox)[0] if s.author == "writer")
    assert step.stop(f"{first}\n\nQuestion: And how many then?") is not None


@pytest.mark.parametrize(
    "text", ["", " \n\n", "I do not know", "ans = (", "```python\n```", "∑" * 99]
)
def test_text_that_says_nothing_has_no_answer(text, thought, sandbox):
    [done] = read_texts([(thought, text, NUMBER)], sandbox)
    assert done.answer is None
    assert done.status != "ok"
