"""A sweep of which one job raises and one is killed: the table names both, `resume=` ends both."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mdexp.artifacts import read_jsonl
from mdexp.records import Problem
from tests.e2e.conftest import SMALL, states
from tests.e2e.test_sweep import solution
from tests.loopback import LoopbackServer

ROOT = Path(__file__).parents[2]
# Imported by every Python process: a job fails at two points of the sweep, while `faults` exists.
FAULTS = """
import sys
from pathlib import Path

if "mdexp.sweeps.job" in sys.orig_argv and Path("faults").exists():
    import os, signal
    from mdexp import experiment

    def fail(e, tracker):
        if e.settings.lam == 0.4:
            raise RuntimeError("the optimiser is on fire")
        if e.settings.lam == 0.6:
            os.kill(os.getpid(), signal.SIGKILL)

    experiment.student_to_outputs = fail
"""
SHARED = ["prepare", "extract", "verify"]  # what loads no model, so that a job takes seconds


def run(*words: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([os.getcwd(), str(ROOT)])
    return subprocess.run(
        [sys.executable, "-m", "mdexp.run", *words],
        env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def table(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "results.csv").open()))


@pytest.mark.timeout(900)
def test_one_job_raises_and_one_is_killed(problems: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(FAULTS)
    (tmp_path / "faults").touch()
    sweep = tmp_path / "sweep"
    with LoopbackServer(answer=solution) as server:
        teacher = ["teacher=openai", "teacher.model=loop", f"teacher.base_url={server.url}"]
        place = [f"dataset.path={problems}", f"hydra.sweep.dir={sweep}"]
        stages = f"stages=[{','.join(SHARED)}]"
        processes = ["hydra/launcher=processes", "hydra.launcher.num_jobs=2"]
        points = ["-m", "lambda=0,0.2,0.4,0.6,0.8,1"]
        begun = run(*SMALL, stages, *place, *teacher, *processes, *points)
        assert begun.returncode == 1, begun.stderr
        rows = table(sweep)
        assert [row["state"] for row in rows] == ["ok", "ok", "failed", "killed", "ok", "ok"]
        assert rows[2]["error"] == "RuntimeError: the optimiser is on fire"
        assert rows[3]["error"] == "killed by SIGKILL"
        page = (sweep / "sweep.html").read_text()
        assert "the optimiser is on fire" in page and "killed by SIGKILL" in page
        done = {job: (sweep / job / "result.json").stat().st_mtime_ns for job in "0145"}

        (tmp_path / "faults").unlink()
        resumed = run(f"resume={sweep}")
        assert resumed.returncode == 0, resumed.stderr
    rows = table(sweep)
    assert [row["state"] for row in rows] == ["ok"] * 6
    assert [row["overrides"] for row in rows] == [
        f"lambda={x}" for x in ["0", "0.2", "0.4", "0.6", "0.8", "1"]
    ]
    assert done == {job: (sweep / job / "result.json").stat().st_mtime_ns for job in done}
    for job in "23":
        assert states(sweep / job) == dict.fromkeys(SHARED, "skipped")
    trained_on = {
        p.question for p in read_jsonl(sweep / "0/problems.jsonl", Problem) if p.split == "train"
    }
    assert len(server.num_choices) == 2 * len(trained_on), "a CoT and a PoT for each problem"
    assert set(server.num_choices.values()) == {1}, "each asked for once, by whichever job"
