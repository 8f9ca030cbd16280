"""Caches the results of programs during a run, so that equal texts run only once.

The outputs that choose on validation problems are read again when they are scored, and a program is
written by many samples. Only the latest are kept, which bounds the memory.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from mdexp.ports import Executor
from mdexp.records import ProgramResult

REMEMBERED = 50_000  # programs, and systems

Runner = Callable[[Sequence[str]], list[ProgramResult]]


@dataclass(frozen=True, slots=True)
class CachedExecutor:
    """An executor that runs each distinct program, and solves each distinct system, once: of the
    last `REMEMBERED`."""

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
    found = {text: known[text] for text in texts if text in known}
    new = [text for text in dict.fromkeys(texts) if text not in found]
    if new:
        ran = dict(zip(new, run(new), strict=True))
        found |= ran
        known |= ran
        for text in list(islice(known, max(0, len(known) - REMEMBERED))):
            del known[text]
    return [found[text] for text in texts]
