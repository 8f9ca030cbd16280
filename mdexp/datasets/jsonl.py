"""The user's own problems as JSON Lines: `question`, `answer`, and optionally `id`, `rationale`,
`type` and `options` (the texts of the choices A, B, ... that the question lists).

`dataset.path=` is a folder with test.jsonl and, to train, train.jsonl; or one file, all of it test.
"""

from collections import Counter
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from mdexp.config.ood_sets import OodNames
from mdexp.datasets.own_files import split_files
from mdexp.datasets.own_rows import Fields, OwnRows
from mdexp.records import NearDuplicates, Overlap, Problem, Split, TextMatch


class JsonLines(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str | None
    split: Literal["default"]
    limit_train: PositiveInt | None
    limit_test: PositiveInt | None
    ood: OodNames
    overlap: Overlap = "exact"  # not recorded by earlier versions
    near_duplicates: NearDuplicates = "keep"
    name: str = Field("jsonl", pattern=r"^[\w.-]+$")  # not recorded by earlier versions
    # In stage keys only where they differ from their defaults.
    fields: Fields | None = Field(None, exclude_if=lambda value: value is None)
    match: TextMatch | None = Field(None, exclude_if=lambda value: value is None)
    source: str = ""  # said in the report; not recorded by earlier versions
    licence: str = ""

    def files(self) -> dict[str, Path]:
        return {f"{self.name}/{part}.jsonl": file for part, file in self._files().items()}

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
        return split_files("jsonl", self.path, (".jsonl",))
