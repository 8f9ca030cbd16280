"""The sets of exemplars (worked problems) that prompts show, for each kind of answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from mdexp.records import AnswerKind
from mdexp.transcripts.prompting import (
    KEYED_KINDS,
    OTHER_KINDS,
    OWN_FOLDER,
    exemplar_files,
    exemplar_rows,
)

Rows = list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class ExemplarSets:
    """`num_sets` sets of `num_shots` exemplars from a folder; a kind of answer may have fewer
    sets."""

    folder: Path
    num_shots: int  # 0: none are shown
    num_sets: int

    def refuse_missing(self) -> None:
        """ValueError if the folder has fewer sets, or a set has fewer exemplars."""
        if not self.num_shots:
            if self.num_sets > 1:
                raise ValueError(
                    f"exemplar_sets: got {self.num_sets} with num_shots 0, which shows none"
                )
            return
        files = exemplar_files(self.folder)
        if self.num_sets > len(files):
            raise ValueError(f"exemplar_sets: got {self.num_sets}, there are {len(files)}")
        for file in files[: self.num_sets]:
            if self.num_shots > (most := len(exemplar_rows(file))):
                raise ValueError(
                    f"num_shots: got {self.num_shots}, there are {most} exemplars in {file.name}"
                )

    def files(self) -> list[Path]:
        """The files of all kinds, each once; of mdexp's own folder only those of KEYED_KINDS."""
        if not self.num_shots:
            return []
        is_ours = self.folder == OWN_FOLDER
        kinds = KEYED_KINDS if is_ours else ("number", *OTHER_KINDS)
        return list(dict.fromkeys(chain.from_iterable(map(self._files, kinds))))

    def of_kind(self, kind: AnswerKind = "number") -> list[Rows]:
        """The sets for a kind of answer: at least one, which may be empty."""
        if not self.num_shots:
            return [[]]
        return [exemplar_rows(file)[: self.num_shots] for file in self._files(kind)]

    def of_other_kinds(self) -> Mapping[AnswerKind, list[Rows]]:
        return {kind: self.of_kind(kind) for kind in OTHER_KINDS}

    def _files(self, kind: AnswerKind) -> list[Path]:
        return exemplar_files(self.folder, kind)[: self.num_sets]
