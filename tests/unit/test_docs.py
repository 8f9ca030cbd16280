"""The documentation: its references have every key and function, and no link is dead."""

import importlib.util
import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from mdexp import api
from mdexp.config.config_path import config_folder
from mdexp.config.settings import Settings

ROOT = Path(__file__).parents[2]


def page_hook(name: str) -> ModuleType:
    """A hook of mkdocs, which lies beside the pages."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec and spec.loader
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def reference() -> str:
    return page_hook("reference").reference()


def test_every_option_is_there_and_says_what_it_is(reference: str) -> None:
    files = list(config_folder().glob("*/*.yaml"))
    assert len(files) > 40
    for file in files:
        assert re.search(rf"\| `{file.parent.name}={file.stem}` \| \S", reference), file


def test_every_key_is_there_with_what_it_takes(reference: str) -> None:
    for block in ("sandbox", "trainer"):
        model = Settings.model_fields[block].annotation
        assert model is not None
        for key in model.model_fields:
            assert f"| `{block}.{key}` | " in reference
    assert "| `objective.normalize` | token, example | `token` |" in reference
    assert "| `decoding.num_paths` | whole number ≥ 0 |" in reference
    assert reference.count("| `vote.order` | list | `[]` |") == 6
    assert "| `lambda` | number ≥ 0 ≤ 1 or null |" in reference
    assert "| `trainer.schedule` | linear, cosine, constant | `linear` |" in reference
    assert "| `logger.project` | text or null |" in reference
    assert "| `student.lora_rank` | whole number ≥ 1 | `16` |" in reference


def test_the_page_names_keys_that_are_there_with_their_defaults() -> None:
    """The part of the page that is read without a build."""
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        config = compose("config", return_hydra_config=True)
    chosen = dict(config.hydra.runtime.choices) | {"thought": f"[{','.join(config.thoughts)}]"}
    page = (ROOT / "docs" / "configuration.md").read_text()
    rows = re.findall(r"^\| (`.*?) \| (.*?) \|", page, re.MULTILINE)
    assert len(rows) >= 20
    for keys, defaults in rows:
        values = re.findall(r"`(.*?)`", defaults)
        for key, value in zip(re.findall(r"`(.*?)`", keys), values, strict=defaults != "all"):
            there = OmegaConf.select(config, key, throw_on_missing=True)
            is_there = {"None": "null"}.get(str(there), str(there)) == value
            assert is_there or chosen.get(key) == value, (key, value, there)


def test_the_reference_of_the_api_has_signatures_docstrings_and_attributes() -> None:
    reference = page_hook("api_reference").reference()
    for name in api.__all__:
        assert f"### {name}\n" in reference
    assert "execute(programs: Sequence[str], kind: Literal['program', 'equations']" in reference
    assert "-> list[ProgramResult]" in reference
    assert "SandboxError if the sandbox is broken" in reference
    assert "| `votes` | The answers that the student's paths elected. |" in reference
    assert all(inspect.getdoc(getattr(api, name)) for name in api.__all__)


LONGEST = 100  # columns
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_lines_have_a_hundred_columns(page: Path) -> None:
    """But for rows of tables and of the study's figures, and LOG.md's commands, which are
    history."""
    unbroken = re.compile(r" *\||    " if page.name == "LOG.md" else r" *\||.*●")
    lines = enumerate(page.read_text().splitlines(), 1)
    assert not [n for n, line in lines if len(line) > LONGEST and not unbroken.match(line)]


def test_it_builds_and_no_link_is_dead(tmp_path: Path) -> None:
    pytest.importorskip("material")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "configuration" / "index.html").read_text()
    assert "trainer.learning_rate" in page


def test_figures_of_the_readme_are_those_of_the_study() -> None:
    """Each figure with a decimal in README's "Measured" stands on the study's page."""
    readme, page = ((ROOT / name).read_text() for name in ("README.md", "docs/study.md"))
    measured = readme.partition("\n## Measured\n")[2].partition("\n## ")[0]
    figure = r"(?<![\d.])\d+\.\d+(?!\d|\.\d)"  # a full stop may follow, another part may not
    figures = set(re.findall(figure, measured))
    assert len(figures) > 20
    assert figures <= set(re.findall(figure, page))
