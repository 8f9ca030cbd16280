"""Which processes train together: those of a launcher, or those that are started here."""

import pytest
import torch

from mdexp.training.devices import Processes, processes
from mdexp.training.launcher import Launch, launched
from tests.tiny_run import trainer

TORCHRUN = {
    "TORCHELASTIC_RUN_ID": "none",
    "RANK": "5",
    "WORLD_SIZE": "6",
    "LOCAL_RANK": "2",
    "LOCAL_WORLD_SIZE": "3",
    "GROUP_WORLD_SIZE": "2",
}
SRUN = {
    "SLURM_STEP_NUM_TASKS": "6",
    "SLURM_STEP_NUM_NODES": "2",
    "SLURM_NTASKS": "6",
    "SLURM_NTASKS_PER_NODE": "3",
    "SLURM_PROCID": "5",
}
JOB = {"SLURM_NTASKS": "6", "SLURM_NTASKS_PER_NODE": "3", "SLURM_PROCID": "0"}


@pytest.mark.parametrize(("launcher", "variables"), [("torchrun", TORCHRUN), ("srun", SRUN)])
def test_a_launcher_says_which_process_this_is(launcher, variables):
    expected = {"launcher": launcher, "rank": 5, "ranks": 6, "ranks_here": 3, "nodes": 2}
    assert launched(variables) == Launch(**expected)


@pytest.mark.parametrize("variables", [{}, JOB, SRUN | {"SLURM_STEP_NUM_TASKS": "1"}])
def test_a_batch_script_and_a_step_of_one_task_start_their_ranks_themselves(variables):
    assert launched(variables) is None


@pytest.fixture
def group(monkeypatch):
    """As within a process group."""
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)


@pytest.mark.usefixtures("group")
@pytest.mark.parametrize("options", [{}, {"num_nodes": 2}, {"devices": 3}])
@pytest.mark.parametrize("variables", [TORCHRUN, SRUN])
def test_a_training_takes_what_was_started(variables, options, monkeypatch):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = processes(trainer(**{"devices": -1} | options))
    assert (found, found.number, str(found)) == (
        Processes(here=3, nodes=2),
        6,
        "3 on each of 2 machines",
    )


@pytest.mark.usefixtures("group")
@pytest.mark.parametrize(
    ("variables", "options", "why"),
    [
        (TORCHRUN, {"devices": 1}, "trainer.devices=1: torchrun started 6 processes on 2 machines"),
        (SRUN, {"num_nodes": 3}, "trainer.num_nodes=3: srun started 6 processes on 2 machines"),
        (TORCHRUN | {"WORLD_SIZE": "5"}, {}, "each has to have as many as the others"),
        (SRUN | {"SLURM_NTASKS_PER_NODE": None}, {}, "Lightning needs --ntasks-per-node"),
        ({}, {"devices": 1, "num_nodes": 2}, "start the command on each machine with torchrun"),
    ],
)
def test_what_was_not_started_is_refused(variables, options, why, monkeypatch):
    for name, value in variables.items():
        if value is not None:
            monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=why):
        processes(trainer(**{"devices": -1} | options))


def test_only_one_command_shares_work_out(monkeypatch):
    """Others would each do all of it."""
    for name, value in TORCHRUN.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(
        ValueError, match=r"which only `python -m mdexp\.run` shares work out among"
    ):
        processes(trainer(devices=-1))


def test_machines_are_in_no_key():
    assert "num_nodes" not in trainer(num_nodes=2).model_dump()
