"""What a sweep shows of its jobs while they run in other processes."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from mdexp.sweeps.jobs import LOG, JobResult
from mdexp.sweeps.live_jobs import LiveJobs, last_log_line
from mdexp.sweeps.processes import Job

ERROR = "ValueError: [red] no"


@pytest.fixture
def work(tmp_path: Path) -> list[Job]:
    return [
        Job(number=n, overrides=[f"lambda={n}", "seed=0"], folder=tmp_path / str(n), arguments=[])
        for n in range(3)
    ]


def ended(job: Job, error: str = "") -> JobResult:
    state = "failed" if error else "ok"
    return JobResult(
        job=job.number, state=state, overrides=[], folder="", seconds=12.3, error=error
    )  # type: ignore[arg-type]


def screen(is_terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=is_terminal, width=80)


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_file_has_a_line_as_a_job_begins_and_ends(work: list[Job]) -> None:
    console = screen(is_terminal=False)
    with LiveJobs(work, console) as live:
        live.begun(work[0])
        live.begun(work[1])
        live.ended(work[1], ended(work[1], ERROR))
        live.ended(work[0], ended(work[0]))
    assert shown(console).splitlines() == [
        "job 0 (lambda=0): running",
        "job 1 (lambda=1): running",
        f"job 1 (lambda=1): failed, 12 s: {ERROR}",
        "job 0 (lambda=0): ok, 12 s",
    ]


def test_a_terminal_has_a_table_of_the_jobs_under_way(work: list[Job]) -> None:
    console = screen(is_terminal=True)
    work[1].folder.mkdir()
    (work[1].folder / LOG).write_text("train: started\ntrain: 30 of 90 steps (33 %)\n")
    with LiveJobs(work, console) as live:
        live.begun(work[0])
        live.begun(work[1])
        live.ended(work[0], ended(work[0]))
        plain = screen(is_terminal=False)
        plain.print(live.table())
    lines = shown(plain).splitlines()
    assert lines[0].strip() == "1 of 3 jobs done, 1 waiting"
    assert len(lines) == 3 and "lambda=1" in lines[2]
    assert lines[2].endswith("train: 30 of 90 steps (33 %)")
    assert "job 0 (lambda=0): ok, 12 s" in shown(console)


def test_the_last_line_is_found_in_a_log_that_is_being_written(tmp_path: Path) -> None:
    log = tmp_path / LOG
    assert last_log_line(log) == ""
    log.write_bytes(b"x" * 10_000 + b"\nhalf \x1b[2Ja line")
    assert last_log_line(log) == "half [2Ja line"
    log.write_bytes(b"\n")
    assert last_log_line(log) == ""
