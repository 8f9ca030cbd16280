"""docs/methods.md: each method of its table has an experiment and a control that can be run."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from mdexp.config.config_path import config_folder
from mdexp.config.settings import Settings
from tests.config.test_trained_only import judged

ROOT = Path(__file__).parents[2]
RECORDED = {"granularity": ["teacher.path={cot_coarse: a.jsonl, cot_fine: b.jsonl}"]}
PLAIN = re.compile(r"(md|cot|pot|label)[2_]?.*|demo.*|dss|eotd|etd")  # in README's table


class Method(NamedTuple):
    files: list[str]
    lines: list[int]  # of each file, rounded to tens
    experiment: str
    controls: list[str]  # each as the words behind `experiment=`


def methods() -> list[Method]:
    table = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in (ROOT / "docs" / "methods.md").read_text().splitlines()
        if line.startswith("| ")
    ]
    head, _, *rows = table
    columns = {name.strip("`="): number for number, name in enumerate(head)}
    return [
        Method(
            files=quoted(row[columns["files"]]),
            lines=[int(number) for number in row[columns["lines"]].split("+")],
            experiment=row[columns["experiment"]].strip("`"),
            controls=quoted(row[columns["control"]]),
        )
        for row in rows
    ]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def settings_of(words: str) -> Settings:
    name, *keys = words.split()
    return judged(f"experiment={name}", *RECORDED.get(name, []), *keys)


def test_every_experiment_of_a_method_is_in_the_table() -> None:
    named = {method.experiment for method in methods()}
    named |= {control.split()[0] for method in methods() for control in method.controls}
    there = {file.stem for file in (config_folder() / "experiment").glob("*.yaml")}
    assert named <= there
    assert {name for name in there - named if not PLAIN.fullmatch(name)} == set()


@pytest.mark.parametrize("method", methods(), ids=lambda method: method.experiment)
def test_files_have_about_as_many_lines_as_the_table_says(method: Method) -> None:
    for file, lines in zip(method.files, method.lines, strict=True):
        found = len((ROOT / "mdexp" / file).read_text().splitlines())
        assert abs(found - lines) <= 10, f"docs/methods.md says {lines} of {file}, it has {found}"


@pytest.mark.parametrize("method", methods(), ids=lambda method: method.experiment)
def test_a_method_has_controls_of_as_many_steps(method: Method) -> None:
    assert method.files and all((ROOT / "mdexp" / file).is_file() for file in method.files)
    assert method.controls, "no control is empty"
    ours = settings_of(method.experiment)
    for control in map(settings_of, method.controls):
        assert control.trainer.max_steps == ours.trainer.max_steps is not None
        assert control.trainer.step_problems == ours.trainer.step_problems
        assert control != ours
