"""Key points: what they derive from, what a student is asked in turn, and what it learns."""

import pytest

from mdexp.ports import Done, Write
from mdexp.records import Segment, Transcript
from mdexp.thoughts.kpdd import core_question, hints_for
from mdexp.transcripts.driver import Walk, drive
from mdexp.transcripts.opening import asked
from tests.contract.conftest import plugin

QUESTION = "Ann has 3 bags. Each bag holds 4 pens and 9 clips. How many pens does Ann have?"


@pytest.mark.parametrize(
    ("question", "core"),
    [
        (QUESTION, "How many pens does Ann have?"),
        ("How many are left if 3 of 5.5 go? They go by car.", "How many are left if 3 of 5.5 go?"),
        ("Find the sum of 3 and 4.", "Find the sum of 3 and 4."),
    ],
)
def test_the_core_question_is_the_last_that_asks(question: str, core: str):
    assert core_question(question) == core


def test_hints_are_the_sentences_whose_numbers_are_used():
    assert hints_for(QUESTION, "ans = 3 * 4") == (
        "Ann has 3 bags.\nEach bag holds 4 pens and 9 clips."
    )
    assert hints_for(QUESTION, "ans = 3 + 0") == "Ann has 3 bags."


def test_a_sentence_over_a_blank_line_is_read_back_whole(kpdd):
    question = "Prices:\n\n3 dollars a pen\n\nand 4 dollars a bag. How much are\n\nboth?"
    transcript = Transcript(problem_id="p", thought="kpdd", sample=0, segments=(asked(question),))
    lesson = kpdd.lesson(transcript, Done(text="ans = 3 + 4", answer=7, status="ok"))
    told = iter([s.text for s in lesson if s.scored])

    def write(pending: list[tuple[Walk, Write]]) -> list[Segment]:
        [(_, step)] = pending
        text = next(told)
        assert step.stop(text) is None, "decoding stops at a blank line"
        return [Segment(author="writer", text=text)]

    drive([Walk(thought=kpdd, transcript=transcript)], write, lambda runs: [], reads=False)
    assert next(told, None) is None
    assert lesson[2].text == "How much are both?"
    assert lesson[4].text == "Prices: 3 dollars a pen and 4 dollars a bag."


def test_key_points_of_a_teacher_hold_no_blank_line(kpdd):
    writes = kpdd.model_copy(update={"teacher": "writes"})
    texts = ["How many pens?", "- 3 bags\n\n- 4 pens each\n", "ans = 3 * 4"]
    said = [Segment(author="writer", text=text, turn="assistant") for text in texts]
    transcript = Transcript(
        problem_id="p", thought="kpdd", sample=0, segments=(asked(QUESTION), *said)
    )
    lesson = writes.lesson(transcript, Done(text="ans = 3 * 4", answer=12, status="ok"))
    assert [s.text for s in lesson if s.scored] == [
        "How many pens?",
        "- 3 bags\n- 4 pens each",
        "ans = 3 * 4",
    ]


@pytest.fixture
def kpdd():
    return plugin("thought", "kpdd")


def test_three_texts_are_asked_for_in_turn(kpdd):
    told = iter(["How many pens?", "3 bags of 4 pens", "ans = 3 * 4"])
    cues: list[str] = []

    def write(pending: list[tuple[Walk, Write]]) -> list[Segment]:
        cues.extend(step.cue for _, step in pending)
        return [Segment(author="writer", text=next(told)) for _ in pending]

    transcript = Transcript(problem_id="p", thought="kpdd", sample=0, segments=(asked(QUESTION),))
    walk = Walk(thought=kpdd, transcript=transcript)
    drive([walk], write, lambda runs: [], reads=False)
    assert cues == [kpdd.cue, kpdd.hints_cue, kpdd.inner.cue]
    assert [s.turn for s in walk.transcript.by("writer")] == ["assistant"] * 3


def test_a_lesson_scores_every_text_of_the_student_and_nothing_else(kpdd):
    transcript = Transcript(problem_id="p", thought="kpdd", sample=0, segments=(asked(QUESTION),))
    lesson = kpdd.lesson(transcript, Done(text="ans = 3 * 4", answer=12, status="ok"))
    assert [s.text for s in lesson if s.scored] == [
        "How many pens does Ann have?",
        "Ann has 3 bags.\nEach bag holds 4 pens and 9 clips.",
        "ans = 3 * 4",
    ]
    assert [s.author for s in lesson if not s.scored] == ["question", "cue", "cue", "cue"]
    assert "12" not in "".join(s.text for s in lesson), "the gold answer is told nowhere"


def test_the_two_stage_form_asks_once(kpdd):
    short = kpdd.model_copy(update={"hints_cue": None})
    assert short.max_writes == 2
    transcript = Transcript(problem_id="p", thought="kpdd", sample=0, segments=(asked(QUESTION),))
    lesson = short.lesson(transcript, Done(text="ans = 3 * 4", answer=12, status="ok"))
    first, _ = [s.text for s in lesson if s.scored]
    assert first.startswith("How many pens does Ann have?\nAnn has 3 bags.")
