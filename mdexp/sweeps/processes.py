"""Runs each job of a sweep in its own process, as many at a time as there are devices.

A leak or crash of one job does not affect the next. Each process sees only one GPU
(CUDA_VISIBLE_DEVICES), so a job with `trainer.devices=1` gets a free one.
"""

import os
import queue
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from mdexp.sweeps import jobs

VISIBLE = "CUDA_VISIBLE_DEVICES"
PATIENCE_S = 30.0  # seconds that a job may take to stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job: its number in the sweep, its overrides, its folder, and the other arguments of its
    command."""

    number: int
    overrides: list[str]
    folder: Path
    arguments: list[str]


def places(devices: Sequence[str], num_jobs: int | None) -> list[str | None]:
    """The device for each concurrent job; None leaves a job the devices that the command sees.

    Without `num_jobs` there is one job per device, or one at a time without devices. If there are
    more jobs than devices, they share them evenly.
    """
    if not devices:
        return [None] * (num_jobs or 1)
    return [devices[place % len(devices)] for place in range(num_jobs or len(devices))]


def visible_devices(environment: Mapping[str, str]) -> list[str]:
    """The GPUs that this command may use: those of CUDA_VISIBLE_DEVICES, else those of
    nvidia-smi."""
    if VISIBLE in environment:
        return [name for name in environment[VISIBLE].split(",") if name not in ("", "-1")]
    try:
        listed = subprocess.run(
            ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=20,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return listed.stdout.split() if listed.returncode == 0 else []


def _nothing(*_: object) -> None:
    pass


def run_jobs(
    work: Sequence[Job],
    at: Sequence[str | None],
    finished: Callable[[Job, jobs.JobResult], None] = _nothing,
    begun: Callable[[Job], None] = _nothing,
) -> list[jobs.JobResult]:
    """Run the jobs, `len(at)` at a time, and return their results in order. `begun` and `finished`
    are called with each job when it begins and ends. A signal, or an error of these two, ends all
    jobs."""
    free: queue.Queue[str | None] = queue.Queue()
    for device in at:
        free.put(device)
    started: list[subprocess.Popen[bytes]] = []

    def run(job: Job) -> jobs.JobResult:
        device = free.get()
        try:
            begun(job)
            result = _run(job, device, started)
            finished(job, result)
            return result
        finally:
            free.put(device)

    pool = ThreadPoolExecutor(max_workers=len(at))
    try:
        return list(pool.map(run, work))
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        _stop(started)
        raise
    finally:
        pool.shutdown()


def _run(job: Job, device: str | None, started: list[subprocess.Popen[bytes]]) -> jobs.JobResult:
    job.folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "mdexp.commands.sweep_job", *job.arguments]
    chosen = {} if device is None else {VISIBLE: device}
    with (job.folder / jobs.LOG).open("ab") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env=os.environ | chosen
        )
        started.append(process)
        code = process.wait()
    return jobs.ended(job.number, job.overrides, job.folder, _reason(code))


def _reason(code: int) -> str:
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"its process ended with exit code {code}"


def _stop(started: Sequence[subprocess.Popen[bytes]]) -> None:
    under_way = [process for process in started if process.poll() is None]
    for process in under_way:
        process.terminate()
    for process in under_way:
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
