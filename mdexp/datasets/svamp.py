"""SVAMP (Patel et al. 2021, arXiv 2103.07191): 1,000 short problems, made to trip up shortcuts.

The paper has no training part. Two splits are in use: `default`, 700/300 (Ho et al. 2023), and
`dss`, 800/200 (Hsieh et al. 2023, and by its figures Mixed Distillation). Both are head and tail of
numpy's RandomState(0) permutation of the problems, so the 200 lie within the 300.
"""

from collections import Counter
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, PositiveInt

from mdexp.config.ood_sets import OodNames
from mdexp.datasets.source import Hub, Row, Sizes, check_sizes, hub_rows, local_files, local_rows
from mdexp.datasets.subset import first_by_hash
from mdexp.records import NearDuplicates, Overlap, Problem, Split

PARTS: tuple[Split, ...] = ("train", "test")
FIELDS = ("id", "question", "answer", "type", "source_split", "dss_split")
NUM_PROBLEMS = 1000
NUM_TRAIN = {"default": 700, "dss": 800}


class Svamp(BaseModel):
    """`split=dss` moves 100 of the 300 test rows into training."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str | None
    split: Literal["default", "dss"]
    limit_train: PositiveInt | None
    limit_test: PositiveInt | None
    ood: OodNames
    overlap: Overlap = "masked"  # not recorded by earlier versions
    near_duplicates: NearDuplicates = "keep"
    source: str = ""  # said in the report; not recorded by earlier versions
    licence: str = ""
    hub: Hub
    sizes: Sizes

    def files(self) -> dict[str, Path]:
        return local_files("svamp", self.path, PARTS) if self.path else {}

    def dropped(self) -> Counter[str]:
        return Counter()

    def problems(self) -> list[Problem]:
        rows = self._rows_of_folder(self.path) if self.path else self._rows_of_hub()
        found = {part: [_problem(row) for row in rows if row["split"] == part] for part in PARTS}
        check_sizes("svamp", self.split, self.sizes, {part: len(found[part]) for part in PARTS})
        train = first_by_hash(found["train"], self.limit_train)
        return train + first_by_hash(found["test"], self.limit_test)

    def _rows_of_folder(self, path: str) -> list[Row]:
        rows = [row for part in PARTS for row in local_rows("svamp", path, part, FIELDS)]
        key = "dss_split" if self.split == "dss" else "source_split"
        return [row | {"split": row[key]} for row in rows]

    def _rows_of_hub(self) -> list[Row]:
        rows = [_from_hub(row) for part in PARTS for row in hub_rows("svamp", self.hub, part)]
        train = training_numbers(NUM_TRAIN[self.split])
        return [row | {"split": "train" if _number(row) in train else "test"} for row in rows]


def training_numbers(num_train: int) -> set[int]:
    """The numbers (from 1) of the training problems, as both papers drew them."""
    import numpy as np

    order = np.random.RandomState(0).permutation(NUM_PROBLEMS)
    return {int(index) + 1 for index in order[:num_train]}


def _number(row: Row) -> int:
    return int(row["id"].rsplit("-", 1)[1])  # of "svamp/chal-12"


def _problem(row: Row) -> Problem:
    return Problem(
        id=row["id"],
        dataset="svamp",
        split=row["split"],
        question=row["question"],
        answer=row["answer"],
        type=row["type"],
    )


def _from_hub(row: Row) -> Row:
    """A row of the original file, whose body often ends without a full stop."""
    body, answer = row["Body"].strip(), float(row["Answer"])
    return {
        "id": f"svamp/{row['ID']}",
        "question": f"{body}{'' if body[-1] in '.?!,' else '.'} {row['Question'].strip()}",
        "answer": int(answer) if answer.is_integer() else answer,
        "type": row["Type"],
    }
