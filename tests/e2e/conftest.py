"""Commands that run to the report: in an empty folder, with a store of their own and no network."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from mdexp.commands.run import main
from mdexp.store.files import read_json
from mdexp.store.json_lines import write_jsonl

SHORT = [
    "logger.mode=disabled",
    "trainer.accelerator=cpu",
    "trainer.precision=32-true",
    "trainer.max_steps=2",
    "trainer.step_problems=4",
    "decoding.max_new_tokens=6",
    "decoding.num_shots=1",
    "sandbox.workers=1",
]
SMALL = ["dataset=jsonl", "student=tiny_causal", *SHORT]


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _offline(monkeypatch, tmp_path)


def _offline(patch: pytest.MonkeyPatch, home: Path) -> None:
    patch.chdir(home)
    patch.setenv("HF_HUB_OFFLINE", "1")
    patch.setenv("WANDB_MODE", "offline")
    patch.setenv("MDEXP_STORE", str(home / "store"))
    patch.delenv("OPENAI_BASE_URL", raising=False)


@pytest.fixture(scope="session")
def problems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of own problems with solutions: 15 to train on, 3 of them to validate, 4 to test."""
    folder, dice = tmp_path_factory.mktemp("problems"), random.Random(0)
    for part, size in (("train", 15), ("test", 4)):
        write_jsonl(folder / f"{part}.jsonl", [_problem(part, i, dice) for i in range(size)])
    return folder


def _problem(part: str, number: int, dice: random.Random) -> dict[str, object]:
    # Each has a noun of its own: problems that differ in numbers alone would count as leaked.
    return {"id": f"{part}{number}", **sum_of(f"{part}{'abcdefghijklmno'[number]}s", dice)}


def sum_of(things: str, dice: random.Random) -> dict[str, object]:
    """Question, answer and worked solution."""
    a, b = dice.randrange(11, 99), dice.randrange(11, 99)
    return {
        "question": f"Ann has {a} {things} and finds {b} {things}. How many {things} has Ann?",
        "answer": a + b,
        "rationale": f"She has {a} + {b} = {a + b} {things}.",
    }


@pytest.fixture
def command(problems: Path) -> Callable[..., int]:
    """Run a small experiment with further overrides; its exit code."""
    return lambda *overrides: main([*SMALL, f"dataset.path={problems}", *overrides])


@pytest.fixture(scope="module")
def kept_run(problems: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """As `command`, for a run that the tests of a module share; its folder."""

    def run(*overrides: str) -> Path:
        home = tmp_path_factory.mktemp("kept")
        with pytest.MonkeyPatch.context() as patch:
            _offline(patch, home)
            place = [f"dataset.path={problems}", f"hydra.run.dir={home / 'run'}"]
            assert main([*SMALL, *place, *overrides]) == 0
        return home / "run"

    return run


def states(folder: Path) -> dict[str, str]:
    """What became of each stage of a run: run or skipped."""
    return {stage["name"]: stage["state"] for stage in read_json(folder / "run.json")["stages"]}
