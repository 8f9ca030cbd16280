"""A program that was run once in a run is not run again."""

from mdexp.records import ProgramResult
from mdexp.transcripts.result_cache import CachedExecutor


class Noting:
    def __init__(self):
        self.ran, self.solved = [], []

    def run(self, programs):
        self.ran += programs
        return [ProgramResult(status="ok", answer=len(text)) for text in programs]

    def solve(self, systems):
        self.solved += systems
        return [ProgramResult(status="ok", answer=-len(text)) for text in systems]


def test_each_text_is_run_once_and_answers_stay_in_order():
    noting = Noting()
    cached = CachedExecutor(noting)
    assert [r.answer for r in cached.run(["a", "bcd", "a"])] == [1, 3, 1]
    assert [r.answer for r in cached.run(["bcd", "ef"])] == [3, 2]
    assert noting.ran == ["a", "bcd", "ef"]


def test_a_program_is_no_system_of_equations():
    noting = Noting()
    cached = CachedExecutor(noting)
    assert [*cached.run(["a"]), *cached.solve(["a"])][1].answer == -1
    assert noting.solved == ["a"]
    assert cached.run([]) == cached.solve([]) == []
