"""The disk fails, or the process is killed, in every stage: after repair the same command gives
what an undisturbed run gives, and the store holds nothing half written."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mdexp.commands.run import main
from mdexp.stages.table import TABLE, WRITERS
from mdexp.store.files import read_json
from mdexp.store.integrity import MANIFEST
from mdexp.store.json_lines import write_jsonl
from mdexp.store.stage_store import Store, damage
from tests.e2e.conftest import SMALL
from tests.faults.disk import Disk, Killed, used

STAGES = [stage.name for stage in TABLE]
PARTS = "stages=[prepare,extract,verify,examples,train,generate,score]"  # the report is no stage
ROUNDS = ["rounds=2", "round=rft", "round.num_paths=2"]  # for the stages own and choose
SCORER = ["scorer=energy", "scorer.num_paths=2"]  # for harvest, scorer and weigh
ERRORS = ["ENOSPC", "EIO", "EROFS"]
CASES = [(name, ERRORS[number % 3]) for number, name in enumerate(STAGES)]
CASES += [(name, "kill") for name in STAGES]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four problems to train on and two to test, and the store and folder of an undisturbed run."""
    home = tmp_path_factory.mktemp("undisturbed")
    nouns = ["apples", "boats", "cards", "drums", "eggs", "forks"]
    rows = [
        {
            "id": noun,
            "question": f"Ann has {20 + k} {noun} and finds {k + 3} {noun}. How many {noun}?",
            "answer": 23 + 2 * k,
            "rationale": f"She has {20 + k} + {k + 3} = {23 + 2 * k} {noun}.",
        }
        for k, noun in enumerate(nouns)
    ]
    (home / "data").mkdir()
    write_jsonl(home / "data" / "train.jsonl", rows[:4])
    write_jsonl(home / "data" / "test.jsonl", rows[4:])
    return home


@pytest.fixture(scope="module")
def command(home: Path) -> Callable[[Path], int]:
    def run(place: Path) -> int:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(place)
            patch.setenv("HF_HUB_OFFLINE", "1")
            patch.setenv("MDEXP_STORE", str(place / "store"))
            where = [f"dataset.path={home / 'data'}", f"hydra.run.dir={place / 'run'}"]
            return main([*SMALL, PARTS, *ROUNDS, *SCORER, *where])

    return run


@pytest.fixture(scope="module")
def counted(home: Path, command: Callable[[Path], int]) -> Disk:
    """How many operations each stage does."""
    with used(Disk(home / "store")) as disk:
        assert command(home) == 0
    assert set(disk.operations) >= set(STAGES)
    return disk


def results(place: Path) -> dict[str, Any]:
    """All that a run leaves, but for what tells of time."""
    found: dict[str, Any] = {name: (place / "run" / name).read_bytes() for name in WRITERS}
    for stage in read_json(place / "run" / "run.json")["stages"]:
        folder = Store(place / "store").output(stage)
        found[stage["name"]] = stage["key"], read_json(folder / MANIFEST)["files"]
    return found


@pytest.mark.parametrize(("stage", "fault"), CASES, ids=["-".join(case) for case in CASES])
def test_after_repair_a_rerun_gives_what_an_undisturbed_run_gives(
    stage: str,
    fault: str,
    home: Path,
    counted: Disk,
    command: Callable[[Path], int],
    tmp_path: Path,
) -> None:
    shutil.copytree(home / "store", tmp_path / "store")
    shutil.rmtree(tmp_path / "store" / "stages" / stage)
    dice = random.Random(f"{stage} {fault}")
    at = dice.randrange(counted.operations[stage])
    if fault == "kill":  # between what is written and its renaming
        at = counted.renames[stage][0]
    below = tmp_path if fault == "kill" else tmp_path / "store"
    with used(Disk(below, fault, stage, at)) as disk:
        try:
            code = command(tmp_path)
        except Killed:
            code = 137
    assert code, "a stage that cannot write fails"
    assert disk.operations[stage] > at
    assert command(tmp_path) == 0
    assert results(tmp_path) == results(home)
    assert not list((tmp_path / "store").rglob("*.partial"))
    assert not list((tmp_path / "store").rglob("*.damaged"))
    assert not [output for output in Store(tmp_path / "store").outputs() if damage(output)]
