"""Repair: a failing program is written again with what was said of it; gold is never told."""

from collections.abc import Sequence

import pytest

from mdexp.ports import Done, Seen
from mdexp.records import ProgramResult, Segment, Transcript
from mdexp.transcripts.driver import Walk, drive, run_all
from mdexp.transcripts.opening import asked
from tests.contract.conftest import plugin


class Table:
    """An executor that knows the results of its programs."""

    def __init__(self, **results: int | str) -> None:
        self.results = results

    def run(self, programs: Sequence[str]) -> list[ProgramResult]:
        return [self._result(program.removeprefix("ans = ")) for program in programs]

    def solve(self, systems: Sequence[str]) -> list[ProgramResult]:
        raise AssertionError("there are no equations here")

    def _result(self, name: str) -> ProgramResult:
        found = self.results[name]
        if isinstance(found, str):
            return ProgramResult(status="runtime_error", error=found)
        return ProgramResult(status="ok", answer=found)


TABLE = Table(bad="NameError: x", worse="ZeroDivisionError", seven=7, eight=8)


def repaired(seen: Seen, *names: str, **options: object) -> Walk:
    """The transcript of a writer that writes the programs of these names in turn."""
    repair = plugin("thought", "repair").model_copy(update=options)
    told = iter(names)
    transcript = Transcript(problem_id="p", thought="repair", sample=0, segments=(asked("How?"),))
    walk = Walk(thought=repair, transcript=transcript, seen=seen)
    drive(
        [walk],
        lambda pending: [Segment(author="writer", text=f"ans = {next(told)}") for _ in pending],
        lambda runs: run_all([run for _, run in runs], TABLE),
    )
    return walk


def cues_of(walk: Walk) -> list[str]:
    return [segment.text for segment in walk.transcript.by("cue")][1:]


def test_an_exception_is_told_and_the_next_program_counts():
    walk = repaired(Seen(), "bad", "seven")
    assert walk.done is not None and walk.done.answer == 7
    assert cues_of(walk) == ["NameError: x\nCorrect the program."]


def test_a_program_that_runs_is_left_alone():
    assert cues_of(repaired(Seen(), "seven")) == []


def test_rounds_end():
    walk = repaired(Seen(), "bad", "worse", "bad")
    assert walk.done is not None and walk.done.status == "runtime_error"
    assert len(walk.transcript.by("writer")) == 3


@pytest.mark.parametrize(("witness", "repairs"), [(7, 0), (9, 1), (None, 0)])
def test_a_witness_disagrees(witness: int | None, repairs: int):
    other = Done(text="", answer=witness, status="ok" if witness else "no_answer")
    walk = repaired(
        Seen(others={"cot": other}), "seven", "eight", "eight", trigger="disagree", rounds=1
    )
    assert len(cues_of(walk)) == repairs
    assert all(cue == "It gives 7.\nCorrect the program." for cue in cues_of(walk))


def test_an_oracle_knows_when_to_stop_and_tells_nothing_of_gold():
    walk = repaired(Seen(gold=8), "seven", "eight", trigger="oracle")
    assert walk.done is not None and walk.done.answer == 8
    assert cues_of(walk) == ["It gives 7.\nCorrect the program."]
    assert plugin("thought", "repair").is_oracle is False
