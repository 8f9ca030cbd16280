"""Rationale, then answer: two texts, the second with the first before it."""

from mdexp.ports import Done, Write
from mdexp.records import Segment, Transcript
from mdexp.transcripts.driver import Walk, drive
from mdexp.transcripts.opening import asked
from tests.contract.conftest import plugin

QUESTION = "Ann has 3 bags of 4 pens. How many pens has she?"


def start():
    return Transcript(problem_id="p", thought="sci_cot", sample=0, segments=(asked(QUESTION),))


def test_the_answer_is_asked_for_behind_the_rationale():
    sci_cot = plugin("thought", "sci_cot")
    told = iter(["There are 3 * 4 = 12 pens.", "The answer is 12."])
    steps: list[Write] = []

    def write(pending: list[tuple[Walk, Write]]) -> list[Segment]:
        steps.extend(step for _, step in pending)
        return [Segment(author="writer", text=next(told)) for _ in pending]

    walk = Walk(thought=sci_cot, transcript=start())
    drive([walk], write, lambda runs: [])
    assert [step.cue for step in steps] == [sci_cot.cue, sci_cot.inner.cue]
    assert not any(step.continues for step in steps)
    assert walk.done == Done(text="There are 3 * 4 = 12 pens.", answer="12", status="ok")


def test_the_second_text_is_read_not_the_first():
    sci_cot = plugin("thought", "sci_cot")
    texts = iter(["It is 7. The answer is 7.", "The answer is 12."])
    walk = Walk(thought=sci_cot, transcript=start())
    drive([walk], lambda w: [Segment(author="writer", text=next(texts)) for _ in w], lambda r: [])
    assert walk.done is not None and walk.done.answer == "12" and walk.done.text == "It is 7."


def test_a_lesson_scores_both_texts():
    sci_cot = plugin("thought", "sci_cot")
    lesson = sci_cot.lesson(start(), Done(text="3 * 4 = 12.", answer=12, status="ok"))
    assert [s.text for s in lesson if s.scored] == ["3 * 4 = 12.", "The answer is 12."]
    assert [(s.text, s.turn) for s in lesson if s.author == "cue"] == [
        (f"\n{sci_cot.cue}", None),
        (sci_cot.inner.cue, "user"),
    ]
