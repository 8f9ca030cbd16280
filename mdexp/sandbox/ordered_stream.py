"""Streams programs through the lanes in order, with few of them in memory at a time.

Equal programs give equal results, so while one is running, its equals wait for it.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future

from mdexp.records import ProgramResult
from mdexp.sandbox.worker_threads import Found, arrived, awaited

BATCH = 128
LOOK_AHEAD = 8192  # programs taken beyond the one whose result is due

Start = Callable[[Sequence[str]], Future[list[Found]]]


class ProgramBatch:
    """Programs that are run together."""

    def __init__(self) -> None:
        self.programs: list[str] = []
        self._found: Future[list[Found]] | None = None

    def start(self, start: Start) -> None:
        self._found = self._found or start(self.programs)

    def has(self, number: int) -> bool:
        """Whether a result is there without waiting."""
        return bool(self._found and self._found.done() and arrived(self._found.result()[number]))

    def result(self, number: int, start: Start) -> ProgramResult:
        self.start(start)
        assert self._found
        return awaited(self._found.result()[number])


def in_order(programs: Iterable[str], start: Start) -> Iterator[ProgramResult]:
    """Yield the result of each program. `start` sets a batch going."""
    due: deque[tuple[ProgramBatch, int]] = deque()
    under_way: dict[str, tuple[ProgramBatch, int]] = {}
    batch = ProgramBatch()
    for program in programs:
        if program not in under_way:
            under_way[program] = batch, len(batch.programs)
            batch.programs.append(program)
        due.append(under_way[program])
        if len(batch.programs) < BATCH and len(due) < LOOK_AHEAD:
            continue
        batch.start(start)
        batch = ProgramBatch()
        while due and (len(due) >= LOOK_AHEAD or due[0][0].has(due[0][1])):
            yield _next(due, under_way, start)
    while due:
        yield _next(due, under_way, start)


def _next(
    due: deque[tuple[ProgramBatch, int]],
    under_way: dict[str, tuple[ProgramBatch, int]],
    start: Start,
) -> ProgramResult:
    batch, number = due.popleft()
    under_way.pop(batch.programs[number], None)
    return batch.result(number, start)
