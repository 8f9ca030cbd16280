"""The interface of loggers."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, Protocol, runtime_checkable

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunIdentity:
    """The identity of a run for its logger."""

    folder: FilePath
    config: Mapping[str, Any]  # composed, every value resolved
    group: str | None  # the sweep that it belongs to
    name: str = ""  # its overrides, as a name for people; may be empty


class Feed(Protocol):
    """Receives the numbers of a training while it runs."""

    logger: Any  # Lightning's

    def log_row(self, row: Mapping[str, float]) -> None:
        """Log the measurements of an optimiser step, `row["step"]`."""
        ...


class LoggedRun(Protocol):
    """A run that a logger follows."""

    last_step: int  # the last optimiser step logged earlier; -1 for none

    def lightning(self) -> Any:
        """A Lightning logger, which receives the numbers of a training while it runs."""
        ...

    def finish(self, metrics: Mapping[str, Any] | None) -> None:
        """End the run with its final metrics (nested, as in metrics.json), or with None if it
        failed."""
        ...


@runtime_checkable
class Logger(Protocol):
    """Logs a run's numbers, in addition to its CSV files."""

    def start(self, run: RunIdentity) -> LoggedRun | None:
        """Begin to follow a run, before its first stage; None if CSV files are enough."""
        ...

    def log_sweep(self, folder: FilePath, page: FilePath, curves: Sequence[Sequence[Any]]) -> None:
        """Log a finished sweep: its page, and its curves as rows (test set, key, value, line,
        accuracy, low, high)."""
        ...


@contextmanager
def trouble_said(logger: str) -> Iterator[None]:
    """Say a logger's error instead of raising it: no run ends for its sake."""
    try:
        yield
    except Exception as error:
        log.warning(
            "%s gets no more of this run (%s: %s); the CSV files in its folder have all numbers",
            *(logger, type(error).__name__, error),
        )
