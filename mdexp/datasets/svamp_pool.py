"""Part of SVAMP's official training pool (MAWPS and ASDiv-A); the test is that of SVAMP's 700/300.

Rows that are also ASDiv problems are left out of training if ASDiv is reported as an unseen set.
"""

from collections import Counter
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, PositiveInt

from mdexp.config.ood_sets import OodNames
from mdexp.datasets.source import Row, Sizes, check_sizes, local_files, local_rows
from mdexp.datasets.subset import first_by_hash
from mdexp.ports import SourceError
from mdexp.records import NearDuplicates, Overlap, Problem, Split

FIELDS = ("id", "question", "answer")


class SvampPool(BaseModel):
    """It is not on the hub. Its test problems keep the dataset name `svamp`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str | None
    split: Literal["default"]
    limit_train: PositiveInt | None
    limit_test: PositiveInt | None
    ood: OodNames
    overlap: Overlap = "masked"  # not recorded by earlier versions
    near_duplicates: NearDuplicates = "keep"
    source: str = ""  # said in the report; not recorded by earlier versions
    licence: str = ""
    sizes: Sizes

    def files(self) -> dict[str, Path]:
        path = self._path()
        return local_files("svamp_pool", path, ("train",)) | local_files("svamp", path, ("test",))

    def dropped(self) -> Counter[str]:
        count = sum(map(self._is_ood, self._pool()))
        return Counter({"in_asdiv": count} if count else {})

    def problems(self) -> list[Problem]:
        train = self._pool()
        test = local_rows("svamp", self._path(), "test", FIELDS)
        found = {"train": len(train), "test": len(test)}
        check_sizes("svamp_pool", self.split, self.sizes, found)
        kept = [_problem(row, "svamp_pool", "train") for row in train if not self._is_ood(row)]
        tests = [_problem(row, "svamp", "test") for row in test]
        return first_by_hash(kept, self.limit_train) + first_by_hash(tests, self.limit_test)

    def _pool(self) -> list[Row]:
        return local_rows("svamp_pool", self._path(), "train", (*FIELDS, "in_asdiv"))

    def _path(self) -> str:
        if self.path is None:
            raise SourceError("svamp_pool is not on the hub: give its folder with dataset.path=")
        return self.path

    def _is_ood(self, row: Row) -> bool:
        return "asdiv" in self.ood and row["in_asdiv"]


def _problem(row: Row, dataset: str, split: Split) -> Problem:
    return Problem(
        id=row["id"],
        dataset=dataset,
        split=split,
        question=row["question"],
        answer=row["answer"],
        type=row.get("type", ""),
    )
