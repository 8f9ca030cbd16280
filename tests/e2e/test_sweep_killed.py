"""A sweep of which one job raises and one is killed, both while they train: the table names both,
`resume=` ends both, and no other job is touched."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mdexp.records import Problem
from mdexp.store.files import read_json
from mdexp.store.json_lines import read_jsonl
from tests.e2e.conftest import SMALL, states
from tests.e2e.test_sweep import solution
from tests.loopback import LoopbackServer

ROOT = Path(__file__).parents[2]
# Imported by every Python process: says which jobs are started, and while the file `faults` exists
# ends two of them in their second step.
FAULTS = """
import sys
from pathlib import Path

if "mdexp.commands.sweep_job" in sys.orig_argv:
    import os, signal
    from mdexp.training.module import MixedDistillation

    [point] = [word for word in sys.orig_argv if word.startswith("lambda=")]
    with Path("started").open("a") as started:
        print(point, file=started)
    train = MixedDistillation.training_step

    def fail(self, *batch):
        if self.global_step == 1:
            Path(f"trained {point}").touch()
            if point == "lambda=0.4":
                raise RuntimeError("the optimiser is on fire")
            if point == "lambda=0.6":
                os.kill(os.getpid(), signal.SIGKILL)
        return train(self, *batch)

    if Path("faults").exists():
        MixedDistillation.training_step = fail
"""
BEFORE = ["prepare", "extract", "verify", "examples"]
STAGES = [*BEFORE, "train"]
POINTS = [f"lambda={x}" for x in ("0", "0.2", "0.4", "0.6", "0.8", "1")]


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


def touched(folder: Path) -> dict[str, int]:
    """When each file of a job was written last."""
    return {str(file): file.stat().st_mtime_ns for file in folder.rglob("*") if file.is_file()}


@pytest.mark.timeout(1800)
def test_one_job_raises_and_one_is_killed(problems: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(FAULTS)
    (tmp_path / "faults").touch()
    sweep, started = tmp_path / "sweep", tmp_path / "started"
    with LoopbackServer(answer=solution) as server:
        teacher = ["teacher=openai", "teacher.model=loop", f"teacher.base_url={server.url}"]
        place = [f"dataset.path={problems}", f"hydra.sweep.dir={sweep}"]
        stages = f"stages=[{','.join(STAGES)}]"
        processes = ["hydra/launcher=processes", "hydra.launcher.num_jobs=2"]
        points = ["-m", f"lambda={','.join(point.partition('=')[2] for point in POINTS)}"]
        begun = run(*SMALL, stages, *place, *teacher, *processes, *points)
        assert begun.returncode == 1, begun.stderr
        rows = table(sweep)
        assert [row["state"] for row in rows] == ["ok", "ok", "failed", "killed", "ok", "ok"]
        assert rows[2]["error"] == "RuntimeError: the optimiser is on fire"
        assert rows[3]["error"] == "killed by SIGKILL"
        assert len(list(tmp_path.glob("trained *"))) == 6, "each came to its second step"
        page = (sweep / "sweep.html").read_text()
        assert "the optimiser is on fire" in page and "killed by SIGKILL" in page
        assert sorted(started.read_text().split()) == sorted(POINTS)
        others = {job: touched(sweep / job) for job in "0145"}
        num_calls = server.num_calls

        (tmp_path / "faults").unlink()
        started.unlink()
        resumed = run(f"resume={sweep}")
        assert resumed.returncode == 0, resumed.stderr
    rows = table(sweep)
    assert [row["state"] for row in rows] == ["ok"] * 6
    assert [row["overrides"] for row in rows] == POINTS
    assert sorted(started.read_text().split()) == ["lambda=0.4", "lambda=0.6"], "exactly those two"
    assert others == {job: touched(sweep / job) for job in others}
    for job in "23":
        assert states(sweep / job) == dict.fromkeys(BEFORE, "skipped") | {"train": "run"}
        assert read_json(sweep / job / "run.json")["stages"][-1]["counts"]["steps"] == 2
    trained_on = {
        p.question for p in read_jsonl(sweep / "0/problems.jsonl", Problem) if p.split == "train"
    }
    assert server.num_calls == num_calls, "nothing is asked again"
    assert len(server.num_choices) == 2 * len(trained_on), "a CoT and a PoT for each problem"
    assert set(server.num_choices.values()) == {1}, "each asked for once, by whichever job"
