"""Recorded answers, played again: no network, no key, no cost.

A file is JSON Lines; a row has at least `id` (of the problem), `thought`, `completion` and `model`;
one may have what the model thought before it answered, as `thinking`. Where `path` names a file for
each thought, the rows of a file are of that thought, whatever they say: equal forms from several
sources can be told apart.
Samples of one (problem, thought) are numbered in the order of files and lines.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mdexp.ports import Thought
from mdexp.records import Path, Problem, ThinkingUse
from mdexp.store.json_lines import JsonLinesError, objects_of_file

log = logging.getLogger(__name__)

_TEXT_KEYS = ("id", "thought", "completion", "model")


class ReplayTeacher(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    ask_again: ClassVar[bool] = False

    path: str | tuple[str, ...] | dict[str, str]  # dict: the file of each thought
    num_paths: int = Field(ge=1)
    thinking: ThinkingUse = Field("drop", exclude=True)  # the paths are the same; verify heeds it

    @field_validator("path")
    @classmethod
    def _names_a_file(
        cls, path: str | tuple[str, ...] | dict[str, str]
    ) -> str | tuple[str, ...] | dict[str, str]:
        named = path.values() if isinstance(path, dict) else path
        if not path or (not isinstance(path, str) and "" in named):
            raise ValueError(
                f"got {path!r}, expected a file or a list of files, or a file for each thought"
            )
        return path

    def files(self) -> dict[str, FilePath]:
        """The recorded files, by number and name; ValueError where there is none."""
        paths = (self.path,) if isinstance(self.path, str) else self.path
        named = paths.values() if isinstance(paths, dict) else paths
        files = {
            f"{number} {FilePath(path).name}": FilePath(path) for number, path in enumerate(named)
        }
        for file in files.values():
            if not file.is_file():
                raise ValueError(f"teacher.path: got {str(file)!r}, which is no file")
        return files

    def exemplars(self) -> list[dict[str, Any]]:
        return []

    def paths(
        self, problems: Sequence[Problem], thoughts: Mapping[str, Thought], ledger: FilePath
    ) -> Iterator[Path]:
        """Yield by problem, thought and sample. Nothing is bought, so the ledger is not touched."""
        played, left_out = self._sorted(problems, thoughts)
        log.info("teacher: %d recorded paths; not played: %s", len(played), dict(left_out))
        if problems and thoughts and not played:
            raise ValueError(
                f"teacher.path: none of {left_out.total()} rows is of a problem and thought "
                f"asked for, such as {problems[0].id!r} and {next(iter(thoughts))!r}"
            )
        yield from played

    def left_out(
        self, problems: Sequence[Problem], thoughts: Mapping[str, Thought]
    ) -> dict[str, int]:
        """How many rows are not played, by reason."""
        return dict(self._sorted(problems, thoughts)[1])

    def _sorted(
        self, problems: Sequence[Problem], thoughts: Mapping[str, Thought]
    ) -> tuple[list[Path], Counter[str]]:
        wanted: dict[tuple[str, str], list[Path]] = {
            (problem.id, thought): [] for problem in problems for thought in thoughts
        }
        left_out: Counter[str] = Counter()
        for row in self._rows():
            found = wanted.get((row["id"], row["thought"]))
            if row["thought"] not in thoughts:
                left_out["thought not asked for"] += 1
            elif found is None:
                left_out["problem not asked for"] += 1
            elif len(found) == self.num_paths:
                left_out["beyond num_paths"] += 1
            else:
                found.append(_path(row, sample=len(found)))
        return [path for paths in wanted.values() for path in paths], left_out

    def _rows(self) -> Iterator[dict[str, Any]]:
        files = list(self.files().values())
        thoughts = self.path if isinstance(self.path, dict) else [None] * len(files)
        for thought, file in zip(thoughts, files, strict=True):
            for number, row in objects_of_file(file):
                if thought is not None:
                    row = {**row, "thought": thought}
                if fault := _fault(row):
                    raise JsonLinesError(file, number, fault)
                yield row


def _fault(row: Mapping[str, Any]) -> str:
    """What is wrong with a row, or nothing."""
    for key in _TEXT_KEYS:
        if not isinstance(row.get(key), str):
            return (
                f"{key}: got {row.get(key)!r}, expected a text; a row has the texts "
                f"{', '.join(_TEXT_KEYS)}"
            )
    if not isinstance(row.get("thinking") or "", str):
        return f"thinking: got {row['thinking']!r}, expected a text"
    return ""


def _path(row: Mapping[str, Any], sample: int) -> Path:
    return Path(
        problem_id=row["id"],
        thought=row["thought"],
        sample=sample,
        text=row["completion"],
        thinking=row.get("thinking") or "",
        model=row["model"],
        finish_reason=str(row.get("finish_reason") or "stop"),
    )
