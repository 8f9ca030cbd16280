"""Own problems: a JSON object a line with `id`, `question`, `answer` and maybe `rationale`, `type`,
`options` (the texts behind the letters A, B, ... of a choice).

`dataset.path=` is a folder with test.jsonl and, to train, train.jsonl; or one file, all of it test.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from mdexp.answers import parse
from mdexp.config.ood_sets import OodNames
from mdexp.datasets.source import SourceError, numbered_rows
from mdexp.datasets.subset import first_by_hash
from mdexp.records import NearDuplicates, Overlap, Problem, Split

PARTS: tuple[Split, ...] = ("train", "test")
REQUIRED = ("id", "question", "answer")
OPTIONAL = ("rationale", "type", "options")  # null is as good as none
TEXTS = ("id", "question", "rationale", "type")


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
    source: str = ""  # said in the report; not recorded by earlier versions
    licence: str = ""

    def files(self) -> dict[str, Path]:
        return {f"{self.name}/{part}.jsonl": file for part, file in self._files().items()}

    def dropped(self) -> Counter[str]:
        return Counter()

    def problems(self) -> list[Problem]:
        limits = {"train": self.limit_train, "test": self.limit_test}
        found: list[Problem] = []
        for part, file in self._files().items():
            found += first_by_hash(_problems(self.name, file, part), limits[part])
        return found

    def _files(self) -> dict[Split, Path]:
        if self.path is None:
            raise SourceError("dataset=jsonl reads your own files: give them with dataset.path=")
        path = Path(self.path)
        if path.is_file():
            return {"test": path}
        files: dict[Split, Path] = {part: path / f"{part}.jsonl" for part in PARTS}
        present = {part: file for part, file in files.items() if file.is_file()}
        if not present:
            raise SourceError(f"dataset.path={path}: neither a file nor a folder with test.jsonl")
        return present


def _problems(name: str, file: Path, split: Split) -> list[Problem]:
    problems: dict[str, Problem] = {}
    for number, row in numbered_rows(file):
        if fault := _fault(row):
            raise SourceError(f"{file}:{number}: {fault}")
        if row["id"] in problems:
            raise SourceError(f"{file}:{number}: the id {row['id']!r} is used twice")
        known = {key: row[key] for key in (*REQUIRED, *OPTIONAL) if row.get(key) is not None}
        problems[row["id"]] = Problem(dataset=name, split=split, **known)
    return list(problems.values())


def _fault(row: Mapping[str, Any]) -> str:
    """What is wrong with a row, or nothing. Extra fields are ignored."""
    if missing := [key for key in REQUIRED if row.get(key) in (None, "")]:
        return f"{' and '.join(missing)} missing; a row needs {', '.join(REQUIRED)}"
    for key in TEXTS:
        if not isinstance(row.get(key) or "", str):
            return f"{key} must be text, found {row[key]!r}"
    options = row.get("options") or []
    if not isinstance(options, list) or not all(isinstance(option, str) for option in options):
        return f"options must be a list of texts, found {options!r}"
    if not isinstance(row["answer"], int | float | str):
        return f"answer must be a number, text, true or false, found {row['answer']!r}"
    if parse(row["answer"]) is None:
        return (
            f"no vote could elect the answer {row['answer']!r}; allowed are numbers (12, 0.5, "
            "'1,200', '3/4', '$5'), true and false, 'yes' and 'no', and options 'A' to 'E'"
        )
    return ""
