"""Any dataset of the Hugging Face hub, by its files at a pinned revision."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from mdexp.config.ood_sets import OodNames
from mdexp.datasets.own_files import PARTS
from mdexp.datasets.own_rows import Fields, OwnRows
from mdexp.datasets.source import Hub, hub_file
from mdexp.records import NearDuplicates, Overlap, Problem, Split, TextMatch


class HubTable(BaseModel):
    """`files` names the file of each split: jsonl, json, csv, tsv or parquet."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    repo: str = Field(min_length=1)
    revision: str = Field(min_length=1)
    split_files: Annotated[dict[Literal["train", "test"], str], Field(min_length=1)]
    path: str | None  # used only by the OOD sets
    fields: Fields | None
    match: TextMatch | None
    split: Literal["default"]
    limit_train: PositiveInt | None
    limit_test: PositiveInt | None
    ood: OodNames
    overlap: Overlap
    near_duplicates: NearDuplicates
    name: str = Field(pattern=r"^[\w.-]+$")
    licence: str

    @property
    def source(self) -> str:
        return f"hub {self.repo}@{self.revision[:12]}"

    def files(self) -> dict[str, Path]:
        return {}

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
        files: dict[str, str] = {str(part): file for part, file in self.split_files.items()}
        hub = Hub(repo=self.repo, revision=self.revision, files=files)
        return {part: hub_file("hf", hub, files[part]) for part in PARTS if part in files}
