"""Where the numbers of a run go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True, kw_only=True)
class RunIdentity:
    """A run as its logger knows it."""

    folder: FilePath
    config: Mapping[str, Any]  # composed, every value resolved
    group: str | None  # the sweep that it belongs to
    name: str = ""  # its overrides, by which people tell it from others; empty where it has none


class Feed(Protocol):
    """Gets the numbers of a training while it runs."""

    logger: Any  # Lightning's

    def log_row(self, row: Mapping[str, float]) -> None:
        """Log what was measured at an optimiser step, `row["step"]`."""
        ...


class LoggedRun(Protocol):
    """A run that a logger has begun to follow."""

    last_step: int  # the last optimiser step that it had before; -1 for none

    def lightning(self) -> Any:
        """A Lightning logger, which gets the numbers of a training while it runs."""
        ...

    def finish(self, metrics: Mapping[str, Any] | None) -> None:
        """End with the final metrics (nested, as in metrics.json), or with None as failed."""
        ...


@runtime_checkable
class Logger(Protocol):
    """Where a run's numbers go, beside its CSV files."""

    def start(self, run: RunIdentity) -> LoggedRun | None:
        """Follow a run from before its first stage; None where CSV files are enough."""
        ...

    def log_sweep(self, folder: FilePath, page: FilePath, curves: Sequence[Sequence[Any]]) -> None:
        """Log a finished sweep: its page, and its curves as rows (test set, key, value, line,
        accuracy, low, high)."""
        ...
