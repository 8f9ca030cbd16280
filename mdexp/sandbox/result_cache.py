"""Results of programs, remembered while a run lasts: a text that was run once is not run again.

The outputs that choose on validation problems are read again when they are scored, and a program is
written by many samples.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mdexp.ports import Executor
from mdexp.records import ProgramResult

Runner = Callable[[Sequence[str]], list[ProgramResult]]


@dataclass(frozen=True, slots=True)
class CachedExecutor:
    """An executor that runs each distinct program, and solves each distinct system, once."""

    executor: Executor
    ran: dict[str, ProgramResult] = field(default_factory=dict)
    solved: dict[str, ProgramResult] = field(default_factory=dict)

    def run(self, programs: Sequence[str]) -> list[ProgramResult]:
        return _looked_up(programs, self.ran, self.executor.run)

    def solve(self, systems: Sequence[str]) -> list[ProgramResult]:
        return _looked_up(systems, self.solved, self.executor.solve)


def _looked_up(
    texts: Sequence[str], known: dict[str, ProgramResult], run: Runner
) -> list[ProgramResult]:
    new = [text for text in dict.fromkeys(texts) if text not in known]
    if new:
        known |= zip(new, run(new), strict=True)
    return [known[text] for text in texts]
