"""The user's own problems in CSV, TSV or parquet files, whose columns `dataset.fields` names.

`dataset.path=` is a folder with test.csv and, to train, train.csv; or one file, all of it test.
"""

from collections import Counter
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from mdexp.config.ood_sets import OodNames
from mdexp.datasets.own_files import split_files
from mdexp.datasets.own_rows import Fields, OwnRows
from mdexp.records import NearDuplicates, Overlap, Problem, Split, TextMatch

SUFFIXES = {"csv": (".csv", ".tsv"), "parquet": (".parquet",)}


class Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["csv", "parquet"]
    path: str | None
    fields: Fields | None
    match: TextMatch | None
    split: Literal["default"]
    limit_train: PositiveInt | None
    limit_test: PositiveInt | None
    ood: OodNames
    overlap: Overlap
    near_duplicates: NearDuplicates
    name: str = Field(pattern=r"^[\w.-]+$")
    source: str
    licence: str

    def files(self) -> dict[str, Path]:
        return {f"{self.name}/{file.name}": file for file in self._files().values()}

    def dropped(self) -> Counter[str]:
        return Counter()

    def unread(self) -> Counter[str]:
        return self._rows.unread(self._files())

    def problems(self) -> list[Problem]:
        limits: dict[Split, int | None] = {"train": self.limit_train, "test": self.limit_test}
        return self._rows.problems(self._files(), limits)

    @property
    def _rows(self) -> OwnRows:
        return OwnRows(name=self.name, fields=self.fields or {}, match=self.match)

    def _files(self) -> dict[Split, Path]:
        return split_files(self.format, self.path, SUFFIXES[self.format])
