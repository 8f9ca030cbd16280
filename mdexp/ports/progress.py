"""Shows progress: a bar on a terminal, lines in a log; work of a few seconds has no lines."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence, Sized
from contextlib import contextmanager
from functools import partialmethod
from typing import Self, TypeVar

IN_BAR = "is_in_bar"  # attribute of log records that a terminal's bar already shows
# A log gets a line after this share of the work and at least LINE_MIN_S seconds, or after
# LINE_MAX_S seconds with less progress.
LINE_SHARE = 0.05
LINE_MIN_S, LINE_MAX_S = 5.0, 300.0

Batch = TypeVar("Batch", bound=Sized)


class ProgressBar:
    """The progress of a piece of work: a bar on a terminal, and lines in the log, which a terminal
    with a bar does not show. `title` names the work, `unit` what is counted (in the plural), and
    `remark` returns a further remark."""

    def __init__(
        self,
        total: int,
        title: str,
        unit: str,
        log: logging.Logger,
        remark: Callable[[], str] = str,
        num_done: int = 0,
    ) -> None:
        from tqdm import tqdm

        self.total, self.title, self.unit, self.remark = total, title, unit, remark
        self.num_done = num_done
        self._log = log
        self._logged = (num_done, time.monotonic())  # number done at the last line, and its time
        self._bar = tqdm(
            total=total,
            initial=num_done,
            desc=title,
            unit=f" {unit}",
            disable=None,  # shown only if standard error is a terminal
            leave=False,
            dynamic_ncols=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the bar from the terminal."""
        self._bar.close()

    def advance(self, number: int = 1) -> None:
        """Count `number` more as done; 0 only updates the remark."""
        self.num_done += number
        if self._bar.update(number):  # it was redrawn; the remark is shown with the next update
            self._bar.set_postfix_str(self.remark(), refresh=False)
        done, at = self._logged
        waited, share = time.monotonic() - at, (self.num_done - done) / max(1, self.total)
        if waited >= (LINE_MIN_S if share >= LINE_SHARE else LINE_MAX_S):
            self._log.info("%s", self.line(), extra={IN_BAR: not self._bar.disable})
            self._logged = (self.num_done, time.monotonic())

    def line(self) -> str:
        """A line like `after, cot, gsm8k: 30 of 90 answers (33 %); 2.5/s, 24 s to go`, by the speed
        since the last line."""
        done, at = self._logged
        rate = (self.num_done - done) / max(time.monotonic() - at, 1e-9)
        left = self.total - self.num_done
        percent = 100 * self.num_done // max(1, self.total)
        parts = [f"{self.num_done} of {self.total} {self.unit} ({percent} %)"]
        if rate and left:
            parts.append(f"{rate:.2g}/s, {duration(left / rate)} to go")
        if remark := self.remark():
            parts.append(remark)
        return f"{self.title}: {'; '.join(parts)}"


def with_progress(
    batches: Sequence[Batch], title: str, unit: str, log: logging.Logger
) -> Iterator[Batch]:
    """The batches, one by one, with a bar that counts what is in them."""
    with ProgressBar(sum(map(len, batches)), title, unit, log) as progress:
        for batch in batches:
            yield batch
            progress.advance(len(batch))


def duration(seconds: float) -> str:
    """A duration like `45 s`, `12 min` or `3.5 h`."""
    minutes, hours = seconds / 60, seconds / 3600
    if hours >= 2:
        return f"{hours:.1f} h"
    return f"{minutes:.0f} min" if minutes >= 2 else f"{seconds:.0f} s"


@contextmanager
def no_bars() -> Iterator[None]:
    """Within the block, loading and saving show no bar. Do not use it for downloads, whose bar is
    wanted."""
    # transformers' own switch would also turn off the hub's bars, but not that of GGUF files.
    from tqdm.auto import tqdm

    shown = tqdm.__init__
    tqdm.__init__ = partialmethod(shown, disable=True)
    try:
        yield
    finally:
        tqdm.__init__ = shown
