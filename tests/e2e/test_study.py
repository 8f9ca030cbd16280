"""A study of two arms, killed in its second job: what is finished stays, and the rest is run."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from mdexp.store.files import read_json
from mdexp.studies.job_record import read_records, stage_versions
from tests.e2e.conftest import SMALL

ROOT = Path(__file__).parents[2]
# Imported by every Python process: while the file `hold` exists, the job `pot-0` waits in training.
WAITING = """
import sys
from pathlib import Path

if "mdexp.commands.sweep_job" in sys.orig_argv and "lambda=0" in sys.orig_argv:
    import time
    from mdexp.training.module import MixedDistillation

    train = MixedDistillation.training_step

    def wait(self, *batch):
        while Path("hold").exists():
            Path("held").touch()
            time.sleep(0.1)
        return train(self, *batch)

    MixedDistillation.training_step = wait
"""
PLAN = {
    "commit": None,
    "settings": [*SMALL, "dataset.path=$DATA", "teacher=worked", "decoding.num_paths=2"],
    "problems": {"jsonl": 4},
    "sets": {"toy": {"dataset": "jsonl", "settings": ["decoding.num_validation=1"]}},
    "arms": {
        "cot": {"about": "prose", "set": "toy", "settings": ["lambda=1"]},
        "pot": {"about": "programs", "set": "toy", "settings": ["lambda=0"]},
    },
    "questions": {
        "a": {
            "title": "PoT above CoT",
            "claim": "Programs solve more.",
            "tests": [
                {
                    "first": {"arm": "cot", "row": "cot"},
                    "second": {"arm": "pot", "thoughts": ["cot", "pot"], "paths": 4},
                    "discordant": 0.3,
                }
            ],
        }
    },
}


def started(data: Path, *words: str) -> "subprocess.Popen[str]":
    path = os.pathsep.join([os.getcwd(), str(ROOT)])
    return subprocess.Popen(
        [sys.executable, "-m", "mdexp.study", "--run", "--data", str(data), *words],
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.mark.timeout(1200)
def test_a_killed_study_goes_on_and_is_rendered(problems: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(WAITING)
    (tmp_path / "hold").touch()
    (tmp_path / "study").mkdir()
    (tmp_path / "study/study.yaml").write_text(yaml.safe_dump(PLAN))
    jobs = tmp_path / "study/jobs"
    begun = started(problems)
    try:
        while not ((jobs / "cot-0.json").is_file() and (tmp_path / "held").is_file()):
            assert begun.poll() is None, begun.communicate()[0]
            time.sleep(0.2)
        os.killpg(begun.pid, signal.SIGKILL)
    finally:
        (tmp_path / "hold").unlink()
        begun.communicate()
    assert [file.name for file in jobs.iterdir()] == ["cot-0.json"]
    assert not (tmp_path / "docs").exists()
    first = (jobs / "cot-0.json").stat().st_mtime_ns

    again = started(problems)
    output, _ = again.communicate()
    assert again.returncode == 0, output
    assert "1 jobs to run" in output and "pot-0: ok" in output and "2 of 2 jobs have run" in output
    assert (jobs / "cot-0.json").stat().st_mtime_ns == first, "a finished job is not run again"
    records = read_records(tmp_path / "study")
    pot = records["pot-0"]
    assert pot.settings == [*PLAN["settings"], "decoding.num_validation=1", "lambda=0", "seed=0"]
    assert str(problems) not in (jobs / "pot-0.json").read_text(), "no path of this machine"
    assert pot.stages.items() <= stage_versions().items() and pot.cost.steps == 2
    assert pot.metrics == read_json(tmp_path / "multirun/study/pot-0/metrics.json")
    results = pot.tests["jsonl"]
    assert set(results.rows) == {"cot", "pot", "cot vote", "pot vote", "vote"}
    assert [len(tokens) for tokens in results.paths["pot"].tokens] == [2] * 4
    assert read_json(tmp_path / "multirun/study/pot-0/run.json")["stages"][0]["state"] == "skipped"
    text = (tmp_path / "docs/study.md").read_text()
    assert "| a. PoT above CoT | **not seen** |" in text and "Jobs not run" not in text
    assert (tmp_path / "study/study.html").is_file()
