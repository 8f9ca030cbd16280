"""Tool-integrated reasoning: texts stop at a closed fence, its code is run, and they go on."""

from collections.abc import Sequence

from mdexp.driver import Walk, asked, drive, run_all
from mdexp.ports import Done, Write
from mdexp.records import ProgramResult, Segment, Transcript
from tests.contract.conftest import plugin

FIRST = "Add them.\n```python\na = 3 + 4\nprint(a)\n```"
SECOND = "Double it.\n```python\nprint(2 * a)\n```"


class Printing:
    """An executor that remembers what it ran."""

    def __init__(self) -> None:
        self.programs: list[str] = []

    def run(self, programs: Sequence[str]) -> list[ProgramResult]:
        self.programs += programs
        return [ProgramResult(status="ok", answer=7, stdout="7\n") for _ in programs]

    def solve(self, systems: Sequence[str]) -> list[ProgramResult]:
        raise AssertionError("there are no equations here")


def test_code_is_run_and_the_text_goes_on_behind_its_output():
    tir, executor = plugin("thought", "tir"), Printing()
    told = iter([FIRST, SECOND, "The answer is 14."])
    stops: list[Write] = []

    def write(pending: Sequence[tuple[Walk, Write]]) -> list[Segment]:
        stops.extend(step for _, step in pending)
        return [Segment(author="writer", text=next(told)) for _ in pending]

    transcript = Transcript(problem_id="p", thought="tir", sample=0, segments=(asked("How?"),))
    walk = Walk(thought=tir, transcript=transcript)
    drive([walk], write, lambda runs: run_all([run for _, run in runs], executor))
    assert walk.done is not None and walk.done.answer == "14" and not walk.done.is_computed
    assert executor.programs == [
        "a = 3 + 4\nprint(a)",
        "a = 3 + 4\nprint(a)\nprint(2 * a)",
    ], "each run begins anew, with the code so far"
    assert [s.text for s in walk.transcript.by("cue")][1:] == ["\n```output\n7\n```\n"] * 2
    assert [s.turn for s in walk.transcript.by("writer")] == ["assistant", None, None]
    assert stops[0].stop(f"{FIRST}\nAnd so on") == FIRST
    assert stops[0].stop("Add them.\n```python\na = 3") is None


def test_runs_are_limited():
    tir = plugin("thought", "tir").model_copy(update={"max_runs": 1})
    transcript = Transcript(problem_id="p", thought="tir", sample=0, segments=(asked("How?"),))
    walk = Walk(thought=tir, transcript=transcript)
    drive(
        [walk],
        lambda pending: [Segment(author="writer", text=SECOND) for _ in pending],
        lambda runs: run_all([run for _, run in runs], Printing()),
    )
    assert walk.done is not None and len(walk.transcript.by("executor")) == 1


def test_the_output_of_a_lesson_is_read_and_not_scored():
    tir = plugin("thought", "tir")
    transcript = Transcript(problem_id="p", thought="tir", sample=0, segments=(asked("How?"),))
    lesson = tir.lesson(transcript, Done(text="ans = 3 + 4", answer=7, status="ok"))
    assert [s.text for s in lesson if s.scored] == [
        "Let me compute it.\n```python\nans = 3 + 4\n```",
        "The answer is 7.",
    ]
    assert [s.text for s in lesson if s.author == "cue"][1:] == ["\n```output\n7\n```\n"]
