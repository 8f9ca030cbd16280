"""Two machines train one run: torchrun on two loopback nodes, and processes with Slurm's variables.

No Slurm is needed: srun starts processes, and says by variables which is which.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from mdexp.records import Output
from mdexp.store.files import read_json
from mdexp.store.json_lines import read_jsonl
from tests.e2e.conftest import SMALL
from tests.e2e.test_ranks import MORE, trained

FROM_LAUNCHER = ["trainer.devices=-1", "trainer.num_nodes=2"]
TRAINING = "store/stages/train/*.partial/checkpoints/step=*.ckpt"


def started(tmp_path, problems, before, variables, overrides):
    """A process of the command, behind the words `before`."""
    command = [sys.executable, *before, "-m", "mdexp.run", *SMALL, f"dataset.path={problems}"]
    with (tmp_path / "said.txt").open("a") as said:
        return subprocess.Popen(
            [*command, "trainer.micro_batch_tokens=400", *overrides],
            cwd=tmp_path,
            env=os.environ
            | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
            | variables,
            stdout=said,
            stderr=subprocess.STDOUT,
        )


def torchrun(tmp_path, problems, *overrides):
    """The agents of two nodes with a process each."""
    port = free_port()
    words = ["-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1"]
    words += ["--master-addr=127.0.0.1", f"--master-port={port}"]
    return [
        started(tmp_path, problems, [*words, f"--node-rank={node}"], {}, overrides)
        for node in range(2)
    ]


def srun(tmp_path, problems, *overrides):
    """Two tasks, as srun starts them on two nodes."""
    of_step = {"SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_NUM_NODES": "2", "SLURM_JOB_ID": "1"}
    of_job = {"SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "1", "SLURM_NNODES": "2"}
    place = {"SLURM_NODELIST": "127.0.0.1", "MASTER_PORT": str(free_port())}
    return [
        started(
            tmp_path,
            problems,
            [],
            of_step
            | of_job
            | place
            | {"SLURM_PROCID": str(task), "SLURM_NODEID": str(task), "SLURM_LOCALID": "0"},
            overrides,
        )
        for task in range(2)
    ]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ends(processes, tmp_path):
    """Exit codes, and what all processes said."""
    codes = [process.wait(timeout=300) for process in processes]
    return codes, (tmp_path / "said.txt").read_text()


def assert_trained_as(expected, found):
    for row, other in zip(found[0], expected[0], strict=True):
        assert row == pytest.approx(other, rel=1e-6)
    assert found[1].keys() == expected[1].keys()
    for name, values in expected[1].items():
        torch.testing.assert_close(found[1][name], values, rtol=1e-6, atol=1e-7, msg=name)


def test_two_torchrun_nodes_with_a_student_in_shards_equal_one_process(problems, tmp_path, command):
    """From extract to report, in one run folder; both write what the student answers."""
    small = "decoding.batch_size=2"
    processes = torchrun(tmp_path, problems, *FROM_LAUNCHER, "trainer.strategy=fsdp", small)
    codes, said = ends(processes, tmp_path)
    assert codes == [0, 0], said
    [folder] = (tmp_path / "outputs").glob("*/*")
    assert read_json(folder / "run.json")["state"] == "done"
    assert (folder / "report.html").is_file()
    assert "2 ranks share" in (folder / "mdexp.log").read_text()
    assert command(MORE[1], small, "hydra.run.dir=one", "store=other") == 0
    assert_trained_as(trained(tmp_path, "one", "other"), trained(tmp_path, folder))
    one, two = (
        [read_jsonl(place / f"outputs_{phase}.jsonl", Output) for phase in ("before", "after")]
        for place in (Path("one"), folder)
    )
    assert two[0] == one[0]
    assert [output.text for output in two[1]] == [output.text for output in one[1]]


def test_a_killed_rank_ends_the_run_which_goes_on_where_it_was(problems, tmp_path, command):
    steps = ["trainer.max_steps=30", "trainer.checkpoint_steps=1"]
    ddp = [*MORE, *steps, *FROM_LAUNCHER, "trainer.strategy=ddp", "hydra.run.dir=two"]
    agents = torchrun(tmp_path, problems, *ddp)
    while not list(tmp_path.glob(TRAINING)) and agents[0].poll() is None:
        time.sleep(0.02)
    [worker] = Path(f"/proc/{agents[1].pid}/task/{agents[1].pid}/children").read_text().split()
    os.kill(int(worker), signal.SIGKILL)
    codes, said = ends(agents, tmp_path)
    assert codes == [1, 1], said
    assert read_json(tmp_path / "two" / "run.json")["state"] == "failed"
    assert list(tmp_path.glob(TRAINING))
    codes, said = ends(torchrun(tmp_path, problems, *ddp), tmp_path)
    assert codes == [0, 0], said
    assert "training goes on after step" in said
    assert command(*MORE, *steps, "hydra.run.dir=one", "store=other") == 0
    assert_trained_as(trained(tmp_path, "one", "other"), trained(tmp_path, "two"))


def test_two_tasks_of_a_slurm_step_equal_one_process(problems, tmp_path, command):
    ddp = [*MORE, *FROM_LAUNCHER, "trainer.strategy=ddp", "hydra.run.dir=two"]
    codes, said = ends(srun(tmp_path, problems, *ddp), tmp_path)
    assert codes == [0, 0], said
    assert command(*MORE, "hydra.run.dir=one", "store=other") == 0
    assert_trained_as(trained(tmp_path, "one", "other"), trained(tmp_path, "two"))


def test_an_error_is_said_once_and_ends_all_ranks(problems, tmp_path):
    codes, said = ends(srun(tmp_path, problems, "lamda=0.3"), tmp_path)
    assert codes == [2, 2], said
    assert said.count("lamda") == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == ["said.txt"]
