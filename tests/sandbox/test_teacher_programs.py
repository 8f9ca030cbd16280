"""Real programs of real teachers: reading and verification keep what was right with CPython.

The shares are those of the README beside the data, measured when the programs were collected. Two
rows of `reft` are missing: 8.99955 for 9 and 0.16665 for 0.165, which its wider tolerance takes.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mdexp.grading.verify import verify_paths
from mdexp.records import Path as TeacherPath
from mdexp.records import Problem
from mdexp.sandbox.cpython import confinement
from mdexp.sandbox.executor import Sandbox
from mdexp.thoughts.pot import ProgramOfThought

DATA = os.environ.get("MDEXP_DATA")
pytestmark = [
    pytest.mark.skipif(not DATA, reason="MDEXP_DATA names no folder with teacher programs"),
    pytest.mark.skipif(bool(confinement()), reason="CPython cannot be confined here"),
]


@pytest.fixture(scope="module")
def roomy() -> Iterator[Sandbox]:
    with Sandbox(timeout_s=5, memory_mib=64, output_kib=64, workers=0) as sandbox:
        yield sandbox


def _rows(*path: str) -> list[dict[str, Any]]:
    text = Path(str(DATA), *path).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n") if line]


def _problems(dataset: str) -> dict[str, Problem]:
    files = [file.name for file in Path(str(DATA), dataset).glob("*.jsonl")]
    return {
        row["id"]: Problem(
            id=row["id"],
            dataset=dataset,
            split="train",
            question=row["question"],
            answer=row["answer"],
        )
        for file in files
        for row in _rows(dataset, file)
    }


def _path(row: dict[str, Any]) -> TeacherPath:
    return TeacherPath(
        problem_id=row["id"], thought="pot", sample=1, text=row["completion"], model=row["model"]
    )


@pytest.mark.parametrize(
    ("file", "dataset", "right", "rows", "published"),
    [
        ("goldequation-svamp-pot.jsonl", "svamp", 999, 1000, 99.9),
        ("pot-svamp-pot.jsonl", "svamp", 848, 999, 84.9),
        ("potzs-svamp-pot.jsonl", "svamp", 698, 999, 69.9),
        ("reft-svamp_pool-pot.jsonl", "svamp_pool", 1595, 1597, 99.9),
        ("template-gsm8k-pot.jsonl", "gsm8k", 4813, 4909, 98.0),
        ("mot_gpt4-asdiv-pot.jsonl", "asdiv", 1937, 2095, 92.5),
    ],
)
def test_shares_of_correct_programs(
    file: str, dataset: str, right: int, rows: int, published: float, roomy: Sandbox
) -> None:
    paths = [_path(row) for row in _rows("teacher", file)]
    thoughts = {"pot": ProgramOfThought(instruction="", cue="")}
    kept, rejected = verify_paths(paths, _problems(dataset), thoughts, roomy, "gold")
    # A duplicate is right as well, but no second path to learn from.
    met = len(kept) + sum(rejection.reason == "duplicate" for rejection in rejected)
    assert (met, len(paths)) == (right, rows)
    assert round(100 * met / rows, 1) == published
    assert not {rejection.reason for rejection in rejected} & {"unsupported", "timeout", "memory"}
