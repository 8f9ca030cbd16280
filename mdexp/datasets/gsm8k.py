"""GSM8K (Cobbe et al. 2021, arXiv 2110.14168): grade-school problems with solutions by people.

A rationale keeps the calculator marks of the source, such as `48/2 = <<48/2=24>>24`.
"""

from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, PositiveInt

from mdexp.answers import parse
from mdexp.config.ood_sets import OodNames
from mdexp.datasets.source import Hub, Row, Sizes, check_sizes, hub_rows, local_files, local_rows
from mdexp.datasets.subset import first_by_hash
from mdexp.ports import SourceError
from mdexp.records import NearDuplicates, Overlap, Problem, Split

PARTS: tuple[Split, ...] = ("train", "test")
FIELDS = ("id", "question", "answer", "rationale")


class Gsm8k(BaseModel):
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
    hub: Hub
    sizes: Sizes

    def files(self) -> dict[str, Path]:
        return local_files("gsm8k", self.path, PARTS) if self.path else {}

    def dropped(self) -> Counter[str]:
        return Counter()

    def problems(self) -> list[Problem]:
        found = {part: [_problem(row, part) for row in self._rows(part)] for part in PARTS}
        check_sizes("gsm8k", self.split, self.sizes, {part: len(found[part]) for part in PARTS})
        train = first_by_hash(found["train"], self.limit_train)
        return train + first_by_hash(found["test"], self.limit_test)

    def _rows(self, part: str) -> list[Row]:
        if self.path:
            return local_rows("gsm8k", self.path, part, FIELDS)
        rows = hub_rows("gsm8k", self.hub, part)
        return [_from_hub(row, part, number) for number, row in enumerate(rows)]


def _problem(row: Row, split: Split) -> Problem:
    return Problem(
        id=row["id"],
        dataset="gsm8k",
        split=split,
        question=row["question"],
        answer=row["answer"],
        rationale=row["rationale"],
    )


def _from_hub(row: Row, part: str, number: int) -> Row:
    """A row of the original file: the solution ends in `#### answer`, its place is its id."""
    rationale, _, answer = row["answer"].rpartition("####")
    value = parse(answer)
    if not isinstance(value, Fraction):
        raise SourceError(f"gsm8k/{part}/{number}: no number after ####: {row['answer'][-40:]!r}")
    return {
        "id": f"gsm8k/{part}/{number}",
        "question": row["question"].strip(),
        "answer": int(value) if value.denominator == 1 else float(value),
        "rationale": rationale.strip(),
    }
