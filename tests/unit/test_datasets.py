"""Datasets: rows to problems, split sizes, and what is said where rows cannot be had."""

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from mdexp.datasets import asdiv, gsm8k, svamp
from mdexp.datasets.gsm_symbolic import EASY, GsmSymbolic, split_templates
from mdexp.datasets.subset import first_by_hash
from mdexp.ports import Dataset, SourceError
from mdexp.records import Problem
from tests.named_dataset import CONF, dataset

DATA = os.environ.get("MDEXP_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="MDEXP_DATA names no folder with the real data")


def write_rows(file: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def splits(problems: Iterable[Problem]) -> dict[str, int]:
    return dict(Counter(problem.split for problem in problems))


def own_row(number: int) -> dict[str, Any]:
    return {"id": f"q{number}", "question": f"What is {number} + 1?", "answer": number + 1}


def svamp_row(number: int, split: str, dss: str) -> dict[str, Any]:
    more = {"id": f"svamp/chal-{number}", "type": "Addition", "source_split": split}
    return own_row(number) | more | {"dss_split": dss}


@pytest.fixture
def small_svamp(tmp_path: Path) -> Path:
    write_rows(tmp_path / "svamp/train.jsonl", [svamp_row(1, "train", "train")])
    rows = [svamp_row(2, "test", "train"), svamp_row(3, "test", "test")]
    write_rows(tmp_path / "svamp/test.jsonl", rows)
    return tmp_path


@pytest.mark.parametrize("name", sorted(file.stem for file in CONF.glob("*.yaml")))
def test_every_field_stands_in_the_yaml(name: str) -> None:
    made = dataset(name, **({"split_files": {"test": "test.csv"}} if name == "hf" else {}))
    assert set(type(made).model_fields) == made.model_fields_set


def test_dss_split_moves_test_rows_of_both_files(small_svamp: Path) -> None:
    parts = {}
    for split in ("default", "dss"):
        problems = dataset("svamp", path=str(small_svamp), split=split, sizes={}).problems()
        parts[split] = {p.id[-1]: p.split for p in problems}
    assert parts["default"] == {"1": "train", "2": "test", "3": "test"}
    assert parts["dss"] == {"1": "train", "2": "train", "3": "test"}


def test_folder_of_the_dataset_itself_will_do(small_svamp: Path) -> None:
    own = dataset("svamp", path=str(small_svamp / "svamp"), sizes={})
    assert splits(own.problems()) == {"train": 1, "test": 2}
    assert set(own.files()) == {"svamp/train.jsonl", "svamp/test.jsonl"}


def test_wrong_size_is_an_error(small_svamp: Path) -> None:
    with pytest.raises(SourceError, match=r"train part of dataset.split=default has 1 rows, expec"):
        dataset("svamp", path=str(small_svamp)).problems()


def test_missing_file_names_the_key_and_the_places(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"dataset\.path=.*gsm8k/train\.jsonl or .*train\.jsonl"):
        dataset("gsm8k", path=str(tmp_path)).problems()


def test_row_without_a_field_is_named(tmp_path: Path) -> None:
    write_rows(tmp_path / "gsm8k/train.jsonl", [own_row(1) | {"rationale": ""}, own_row(2)])
    with pytest.raises(SourceError, match=r"train\.jsonl:2: gsm8k rows need rationale"):
        dataset("gsm8k", path=str(tmp_path)).problems()


def test_unknown_split_names_the_known() -> None:
    with pytest.raises(ValidationError, match="'default' or 'dss'"):
        dataset("svamp", split="800/200")


def test_unknown_ood_names_the_known() -> None:
    with pytest.raises(ValidationError, match=r"no dataset 'asdv'; available: .*asdiv, .*gsm8k"):
        dataset("svamp", ood=("asdv",))


@pytest.mark.timeout(20)  # its client alone goes on trying for longer
@pytest.mark.parametrize("name", ["svamp", "gsm8k", "asdiv"])
def test_no_hub_is_found_out_soon(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # the discard port: closed
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(SourceError, match=r"the hub .*dataset\.path="):
        dataset(name).problems()


def test_pool_is_not_on_the_hub() -> None:
    with pytest.raises(SourceError, match=r"not on the hub.*dataset\.path="):
        dataset("svamp_pool").problems()


def test_pool_leaves_out_asdiv_rows_and_counts_them(small_svamp: Path) -> None:
    rows = [own_row(n) | {"in_asdiv": n == 1} for n in (1, 2)]
    write_rows(small_svamp / "svamp_pool/train.jsonl", rows)
    options = {"path": str(small_svamp), "sizes": {}}
    pool, seen = dataset("svamp_pool", **options), dataset("svamp_pool", **options, ood=["asdiv"])
    assert splits(pool.problems()) == {"train": 2, "test": 2}
    assert not pool.dropped()
    assert [p.id for p in seen.problems() if p.split == "train"] == ["q2"]
    assert seen.dropped() == {"in_asdiv": 1}
    assert {p.dataset for p in pool.problems() if p.split == "test"} == {"svamp"}


def test_asdiv_keeps_numbers_and_counts_the_rest(tmp_path: Path) -> None:
    rows = [own_row(1), own_row(2) | {"answer": "5:45"}]
    marks = [{"numeric": True, "type": "Sum"}, {"numeric": False, "type": "Time"}]
    write_rows(tmp_path / "test.jsonl", [row | mark for row, mark in zip(rows, marks, strict=True)])
    made = dataset("asdiv", path=str(tmp_path), sizes={})
    assert [p.id for p in made.problems()] == ["q1"]
    assert made.dropped() == {"not_numeric": 1}


def test_hub_rows_become_the_rows_of_the_folder() -> None:
    """Each hub has its own form of a row; ids must be those that teacher files are joined by."""
    body = {"ID": "chal-7", "Body": "Ann has 3 pens ", "Question": "How many?", "Type": "Sum"}
    assert svamp._from_hub(body | {"Answer": 3.0}) == {
        "id": "svamp/chal-7",
        "question": "Ann has 3 pens. How many?",
        "answer": 3,
        "type": "Sum",
    }
    row = gsm8k._from_hub({"question": "Q", "answer": "1+1=<<1+1=2>>2\n#### 1,002"}, "test", 4)
    assert row["id"] == "gsm8k/test/4"
    assert row["answer"] == 1002
    assert row["rationale"] == "1+1=<<1+1=2>>2"
    asked = {"body": "Two apples.", "question": "How many?", "solution_type": "Sum"}
    assert asdiv._from_hub(asked | {"answer": "2.5 (apples)"}, 12)["answer"] == 2.5
    assert asdiv._from_hub(asked | {"answer": "2.5 (apples)"}, 12)["id"] == "asdiv/nluds-0012"
    assert not asdiv._from_hub(asked | {"answer": "9 (a); 4 (b)"}, 1)["numeric"]


def test_own_file_is_all_test_and_a_folder_has_splits(tmp_path: Path) -> None:
    write_rows(tmp_path / "train.jsonl", map(own_row, range(5)))
    write_rows(tmp_path / "test.jsonl", map(own_row, range(5, 8)))
    assert splits(dataset("jsonl", path=str(tmp_path)).problems()) == {"train": 5, "test": 3}
    one_file = dataset("jsonl", path=str(tmp_path / "train.jsonl"))
    assert splits(one_file.problems()) == {"test": 5}


def test_own_rows_may_have_nulls_blank_lines_and_windows_line_ends(tmp_path: Path) -> None:
    rows = [own_row(n) | {"rationale": None, "type": None} for n in range(2)]
    lines = "\r\n\r\n".join(map(json.dumps, rows))
    (tmp_path / "own.jsonl").write_bytes(b"\xef\xbb\xbf" + lines.encode())
    first, second = dataset("jsonl", path=str(tmp_path / "own.jsonl")).problems()
    assert (first.rationale, first.type, second.rationale) == ("", "", "")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{", r"own\.jsonl:2: not JSON"),
        ("[1]", r"own\.jsonl:2: got \[1\], expected a JSON object"),
        ('{"id": "b", "question": "?"}', r"own\.jsonl:2: answer missing; a row needs question and"),
        ('{"id": 7.5, "question": "?", "answer": 1}', r"own\.jsonl:2: id must be text or a whole"),
        ('{"id": "b", "question": "?", "answer": [1]}', r"own\.jsonl:2: answer must be"),
        (
            '{"id": "b", "question": "?", "answer": "3:45"}',
            r"own\.jsonl:2: no vote could elect the answer '3:45'; allowed are numbers \(12",
        ),
        ('{"id": "b", "question": "?", "answer": NaN}', r"own\.jsonl:2: not JSON: got NaN"),
        (
            '{"id": "b", "question": "?", "answer": "B", "options": [1, 2]}',
            r"own\.jsonl:2: options must be a list of texts, found \[1, 2\]",
        ),
        ('{"id": "q0", "question": "?", "answer": 1}', r"own\.jsonl:2: the id 'q0' is used twice"),
    ],
)
def test_faulty_own_row_is_named_by_file_and_line(
    tmp_path: Path, line: str, complaint: str
) -> None:
    file = tmp_path / "own.jsonl"
    file.write_text(json.dumps(own_row(0)) + "\n" + line + "\n")
    with pytest.raises(SourceError, match=complaint):
        dataset("jsonl", path=str(file)).problems()


def test_a_larger_limit_only_adds_problems(tmp_path: Path) -> None:
    write_rows(tmp_path / "test.jsonl", map(own_row, range(30)))

    def ids(limit: int) -> list[str]:
        return [p.id for p in dataset("jsonl", path=str(tmp_path), limit_test=limit).problems()]

    assert [len(ids(limit)) for limit in (1, 10, 11, 99)] == [1, 10, 11, 30]
    assert set(ids(10)) < set(ids(11))
    assert ids(10) != [f"q{n}" for n in range(10)], "a hash, not the order of the file, decides"


def test_limit_depends_on_the_seed_alone() -> None:
    problems = [
        Problem(id=f"p{n}", dataset="d", split="train", question="?", answer=n) for n in range(40)
    ]
    backwards = first_by_hash(problems[::-1], 8, seed=1)
    assert {p.id for p in first_by_hash(problems, 8, seed=1)} == {p.id for p in backwards}
    assert first_by_hash(problems, 8, seed=2) != first_by_hash(problems, 8, seed=1)


@pytest.mark.parametrize("templates", ["easy", "all"])
def test_symbolic_splits_share_no_template(templates: Any) -> None:
    pytest.importorskip("reasoning_gym")
    train, test = split_templates(templates)
    assert not set(train) & set(test)
    assert len(train) + len(test) == (len(EASY) if templates == "easy" else 85)
    assert len(train) > 2 * len(test) - 2


def test_symbolic_templates_take_turns_and_do_not_repeat() -> None:
    pytest.importorskip("reasoning_gym")
    made: GsmSymbolic = dataset("gsm_symbolic", limit_train=60, limit_test=30)
    problems = made.problems()
    for split, size in (("train", 60), ("test", 30)):
        ours = [p for p in problems if p.split == split]
        times = Counter(p.type for p in ours)
        assert len(ours) == size
        assert max(times.values()) - min(times.values()) <= 1
    assert len({p.question for p in problems}) == len({p.id for p in problems}) == 90
    assert not any("final answer" in p.question for p in problems)
    more = dataset("gsm_symbolic", limit_train=70, limit_test=30).problems()
    assert {p.id: p for p in problems}.items() <= {p.id: p for p in more}.items()
    assert dataset("gsm_symbolic", limit_train=60, limit_test=30, draw=2).problems() != problems


@needs_data
@pytest.mark.parametrize(
    ("name", "options", "sizes"),
    [
        ("svamp", {}, {"train": 700, "test": 300}),
        ("svamp", {"split": "dss"}, {"train": 800, "test": 200}),
        ("svamp_pool", {}, {"train": 1633, "test": 300}),
        ("svamp_pool", {"ood": ["asdiv"]}, {"train": 1633 - 834, "test": 300}),
        ("gsm8k", {}, {"train": 7473, "test": 1319}),
        ("asdiv", {}, {"test": 2159}),
    ],
)
def test_real_sizes(name: str, options: dict[str, Any], sizes: dict[str, int]) -> None:
    made: Dataset = dataset(name, path=DATA, **options)
    assert splits(made.problems()) == sizes


@needs_data
@pytest.mark.parametrize("split", ["default", "dss"])
def test_split_of_the_hub_is_that_of_the_folder(split: str) -> None:
    problems = dataset("svamp", path=DATA, split=split).problems()
    train = {int(p.id.rsplit("-", 1)[1]) for p in problems if p.split == "train"}
    assert svamp.training_numbers(svamp.NUM_TRAIN[split]) == train
