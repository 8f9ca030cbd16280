"""The driver: what thoughts ask for next is written and run in lockstep, and read again alike."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdexp.ports import Done, Run, Seen, Write
from mdexp.records import ProgramResult, Segment, Transcript
from mdexp.transcripts.driver import Walk, conversation, drive, run_all, without_last_results
from mdexp.transcripts.opening import asked
from mdexp.transcripts.reading import read_all, reading_order


class Counting:
    """Writes `max_writes` texts; each but the last is run, and its result is the next cue."""

    def __init__(self, max_writes: int, reads: tuple[str, ...] = ()) -> None:
        self.max_writes, self.reads, self.is_oracle = max_writes, reads, False

    def next(self, transcript: Transcript, seen: Seen):
        texts, last = transcript.by("writer"), transcript.last
        if last.author == "question":
            return Write(cue="begin", stop=lambda text: None)
        if last.result is not None:
            return Write(cue=f"it gave {last.result.answer}", stop=lambda text: None)
        if len(texts) < self.max_writes:
            return Run(program=last.text)
        return Done(text=last.text, answer=len(texts), status="ok")


class Doubling:
    """An executor: a program is a number, which it doubles. It counts its batches."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def run(self, programs: Sequence[str]) -> list[ProgramResult]:
        self.batches.append(len(programs))
        seconds = float(len(self.batches))  # other ones each time, as a real run takes
        return [
            ProgramResult(status="ok", answer=2 * int(program), seconds=seconds)
            for program in programs
        ]

    def solve(self, systems: Sequence[str]) -> list[ProgramResult]:
        raise AssertionError("there are no equations here")


def walk(name: str, max_writes: int) -> Walk:
    transcript = Transcript(problem_id=name, thought="t", sample=0, segments=(asked("How many?"),))
    return Walk(thought=Counting(max_writes), transcript=transcript)


def numbered(pending: Sequence[tuple[Walk, Write]]) -> list[Segment]:
    """Each transcript's texts are 1, 2, ..."""
    return [
        Segment(author="writer", text=str(len(w.transcript.by("writer")) + 1)) for w, _ in pending
    ]


def driven(walks: list[Walk], executor: Doubling, **options: bool) -> None:
    drive(walks, numbered, lambda runs: run_all([run for _, run in runs], executor), **options)


def test_pending_texts_and_runs_are_one_batch_each():
    executor = Doubling()
    walks = [walk("a", 3), walk("b", 1), walk("c", 2)]
    driven(walks, executor)
    assert [w.done.answer for w in walks if w.done] == [3, 1, 2]
    assert executor.batches == [2, 1]
    turns = [(s.author, s.turn, s.text) for s in walks[2].transcript.segments]
    assert turns == [
        ("question", "user", "How many?"),
        ("cue", None, "\nbegin"),
        ("writer", "assistant", "1"),
        ("executor", None, ""),
        ("cue", "user", "it gave 2"),
        ("writer", "assistant", "2"),
    ]
    assert conversation(walks[2].transcript) == "1\n\nit gave 2\n\n2"


def test_a_transcript_does_not_depend_on_how_long_its_programs_took():
    executor = Doubling()
    first, second = walk("a", 3), walk("a", 3)
    driven([first], executor)
    driven([second], executor)
    assert len(first.transcript.by("executor")) == 2
    assert first.transcript == second.transcript


def test_a_text_that_was_cut_short_ends_its_transcript():
    one = walk("a", 3)
    drive([one], lambda pending: [Segment(author="writer", text="1", finished=False)], run_all)
    assert one.done is not None and one.done.status == "truncated"


@given(st.lists(st.integers(1, 4), min_size=1, max_size=5))
def test_what_was_written_reads_as_it_did_when_it_was_written(lengths: list[int]):
    walks = [walk(f"p{n}", length) for n, length in enumerate(lengths)]
    driven(walks, Doubling())
    for one in walks:
        segments = without_last_results(one.transcript.segments)
        one.transcript = Transcript(problem_id="", thought="t", sample=0, segments=segments)
    executor = Doubling()
    again = read_all(walks, executor)
    assert again == [one.done for one in walks]
    assert executor.batches == [], "a result that the writer went on from is not made again"


def test_a_transcript_that_lacks_a_text_is_truncated():
    one = walk("a", 2)
    one.transcript = one.transcript.after(Segment(author="writer", text="1"))
    [done] = read_all([one], Doubling())
    assert (done.status, done.answer) == ("truncated", None)


def test_without_readings_nothing_is_run_behind_the_last_text():
    executor = Doubling()
    walks = [walk("a", 2)]
    driven(walks, executor, reads=False)
    assert walks[0].done is None and executor.batches == [1]
    assert [s.text for s in walks[0].transcript.by("writer")] == ["1", "2"]


def test_thoughts_are_read_behind_those_that_they_read():
    thoughts = {"c": Counting(1, ("b",)), "a": Counting(1), "b": Counting(1, ("a",))}
    assert reading_order(thoughts) == [["a"], ["b"], ["c"]]
    with pytest.raises(ValueError, match=r"thought=b reads a, which is not among b: add it"):
        reading_order({"b": Counting(1, ("a",))})
    with pytest.raises(ValueError, match="x, y read each other"):
        reading_order({"x": Counting(1, ("y",)), "y": Counting(1, ("x",))})
