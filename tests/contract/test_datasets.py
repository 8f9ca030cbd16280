"""What any dataset has to give; those whose rows are not at hand are skipped."""

import json
import os
from pathlib import Path

import pytest

from mdexp.answers import canonical
from mdexp.datasets.mix import Mix
from mdexp.records import Problem
from tests.contract.conftest import names, plugin

DATA = os.environ.get("MDEXP_DATA")
NAMES = names("dataset")
SMALL = {"limit_train": 60, "limit_test": 30}
GYM = ("gsm_symbolic", "syllogism", "knights_knaves", "circuit_logic")
OPTIONS = ("arc_easy", "aqua")
GENERATED = (*GYM, "graph_logic", "last_letters", "coin_flip", "two_step", "mix")


def test_datasets_are_found():
    assert set(NAMES) >= {"asdiv", "gsm8k", "gsm_symbolic", "jsonl", "svamp", "svamp_pool"}


@pytest.fixture(params=NAMES)
def dataset(request, tmp_path):
    name = request.param
    if name in GENERATED:
        if name in (*GYM, "mix"):
            pytest.importorskip("reasoning_gym")
        return plugin("dataset", name, **SMALL)
    if name == "hf":
        pytest.skip("tests/unit/test_own_data.py has a hub")
    if name in ("csv", "parquet"):
        for part in ("train", "test"):
            write_table(tmp_path, name, part)
        return plugin("dataset", name, path=str(tmp_path))
    if name == "jsonl":
        for part in ("train", "test"):
            row = {"id": part, "question": f"How many in {part}?", "answer": 3}
            (tmp_path / f"{part}.jsonl").write_text(json.dumps(row) + "\n")
        return plugin("dataset", name, path=str(tmp_path))
    if not DATA:
        pytest.skip("MDEXP_DATA names no folder with the real data")
    if name in OPTIONS and not (Path(DATA) / name).is_dir():
        pytest.skip(f"MDEXP_DATA has no folder {name}")
    return plugin("dataset", name, path=DATA)


def write_table(folder, format, part):
    if format == "csv":
        (folder / f"{part}.csv").write_text(f"question,answer\nHow many in {part}?,3\n")
        return
    parquet, pyarrow = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow")
    rows = [{"question": f"How many in {part}?", "answer": 3}]
    parquet.write_table(pyarrow.Table.from_pylist(rows), folder / f"{part}.parquet")


def sets_tested(problems):
    return {problem.dataset for problem in problems if problem.split == "test"}


def test_problems_can_be_asked_and_graded(dataset):
    problems = dataset.problems()
    assert problems
    assert all(isinstance(problem, Problem) for problem in problems)
    assert len({problem.id for problem in problems}) == len(problems), "ids are unique"
    assert {problem.split for problem in problems} <= {"train", "test"}, (
        "validation is carved later"
    )
    assert "test" in {problem.split for problem in problems}
    assert len(sets_tested(problems)) == (2 if isinstance(dataset, Mix) else 1)
    for problem in problems:
        assert problem.question.strip() == problem.question != ""
        assert canonical(problem.answer) is not None, problem
        assert not problem.leaked


def test_problems_are_the_same_each_time(dataset):
    assert dataset.problems() == dataset.problems()
    assert all(file.is_file() for file in dataset.files().values())
    assert all(count > 0 for count in dataset.dropped().values())


def test_limits_keep_as_many_as_they_say(dataset):
    fewer = dataset.model_copy(update={"limit_train": 1, "limit_test": 1}).problems()
    assert {problem.id for problem in fewer} <= {problem.id for problem in dataset.problems()}
    splits = [problem.split for problem in fewer]
    assert splits.count("test") == len(sets_tested(fewer))
    assert splits.count("train") <= 1
