"""Shows the jobs of a sweep while they run in other processes: on a terminal, a live table;
elsewhere, a line when each begins and ends."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from mdexp.sweeps.jobs import LOG, JobResult, differing
from mdexp.sweeps.processes import Job

TAIL = 4096  # bytes at the end of a log that are read for its last line


class LiveJobs:
    """Shows jobs as they begin and end; use it as a context manager."""

    def __init__(self, work: Sequence[Job], console: Console | None = None) -> None:
        console = console or Console()
        blank = [
            JobResult(job=j.number, state="running", overrides=j.overrides, folder="") for j in work
        ]
        names = [" ".join(words) for words in differing(blank)]
        self._names = {job.number: name for job, name in zip(work, names, strict=True)}
        self._console = console
        self._running: dict[int, tuple[Job, float]] = {}  # and when it began
        self._ended: list[JobResult] = []
        self._live = Live(get_renderable=self.table, console=console, refresh_per_second=1)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def begun(self, job: Job) -> None:
        self._running[job.number] = (job, time.monotonic())
        if not self._console.is_terminal:
            self._say(job, "running")

    def ended(self, job: Job, result: JobResult) -> None:
        del self._running[job.number]
        self._ended.append(result)
        failed = f": {result.error}" if result.error else ""
        self._say(job, f"{result.state}, {result.seconds:.0f} s{failed}")

    def table(self) -> Table:
        """A table of the running jobs, each with the last line of its log."""
        waiting = len(self._names) - len(self._running) - len(self._ended)
        title = f"{len(self._ended)} of {len(self._names)} jobs done, {waiting} waiting"
        table = Table(title=title, title_justify="left", box=None, pad_edge=False)
        table.add_column("job", justify="right")
        table.add_column("overrides")
        table.add_column("seconds", justify="right")
        table.add_column("last line of its log", no_wrap=True, overflow="ellipsis")
        for number, (job, since) in sorted(self._running.items()):
            seconds = f"{time.monotonic() - since:.0f}"
            table.add_row(
                str(number), self._names[number], seconds, last_log_line(job.folder / LOG)
            )
        return table

    def _say(self, job: Job, what: str) -> None:
        said = f"job {job.number} ({self._names[job.number] or 'defaults'}): {what}"
        self._console.print(said, markup=False, highlight=False, soft_wrap=True)


def last_log_line(log: Path) -> str:
    """The last line of a log that is still being written; empty if there is no log yet."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL))
            lines = file.read().decode(errors="replace").split("\n")
    except FileNotFoundError:
        return ""
    kept = [line for line in lines if line.strip()]
    return "".join(c for c in kept[-1] if c.isprintable()) if kept else ""
