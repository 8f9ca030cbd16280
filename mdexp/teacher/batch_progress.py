"""Shows how far the batches are that a purchase waits for."""

from collections import Counter
from collections.abc import Mapping
from typing import Self

from mdexp.ports.progress import ProgressBar
from mdexp.teacher.batch_server import State
from mdexp.teacher.progress import counted, log


class BatchProgress:
    """A bar on a terminal and lines in the log: calls that the server has done, the states of
    batches that go on, and `tally`, what was collected. `num_calls` has the calls of each batch
    that is waited for, by token."""

    def __init__(self, num_calls: Mapping[str, int], title: str, tally: Counter[str]) -> None:
        self._num_calls, self._tally = num_calls, tally
        self._num_done = dict.fromkeys(num_calls, 0)
        self._states: dict[str, str] = {}
        self._bar = ProgressBar(sum(num_calls.values()), title, "calls", log, self.remark)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    @property
    def num_done(self) -> int:
        return self._bar.num_done

    def saw(self, token: str, state: State) -> None:
        """Show the state of a batch; one that another run submitted since is ignored."""
        if token not in self._num_calls:
            return
        total = self._num_calls[token]
        if state.ended:
            self._states.pop(token, None)
            done = total
        else:
            self._states[token] = state.status
            done = min(state.num_done, total)
        before, self._num_done[token] = self._num_done[token], max(self._num_done[token], done)
        self._bar.advance(self._num_done[token] - before)

    def remark(self) -> str:
        """`batches: in_progress 2, validating 1; answers 14, HTTP 500 3`."""
        states = counted(Counter(self._states.values()))
        brought = self._tally.copy()
        del brought["batches"]  # how many were submitted
        return "; ".join(filter(None, (states and f"batches: {states}", counted(brought))))
