"""ASDiv (Miao et al. 2020, ACL): 2,305 diverse problems without an official split: all are test.

146 problems are left out because their answers are not single numbers but times, names, ratios or
lists.
"""

import re
from collections import Counter
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, PositiveInt

from mdexp.config.ood_sets import OodNames
from mdexp.datasets.source import Hub, Row, Sizes, check_sizes, hub_rows, local_files, local_rows
from mdexp.datasets.subset import first_by_hash
from mdexp.records import NearDuplicates, Overlap, Problem

FIELDS = ("id", "question", "answer", "numeric", "type")
_NUMERIC = re.compile(r"(-?[\d,]*\.?\d+)\s*(?:\([^()]*\))?")  # "9 (apples)"


class Asdiv(BaseModel):
    """`limit_train` has no effect, since there is nothing to train on; every dataset has the
    key."""

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
        return local_files("asdiv", self.path, ("test",)) if self.path else {}

    def dropped(self) -> Counter[str]:
        count = sum(not row["numeric"] for row in self._rows())
        return Counter({"not_numeric": count} if count else {})

    def problems(self) -> list[Problem]:
        rows = self._rows()
        check_sizes("asdiv", self.split, self.sizes, {"test": len(rows)})
        return first_by_hash([_problem(row) for row in rows if row["numeric"]], self.limit_test)

    def _rows(self) -> list[Row]:
        if self.path:
            return local_rows("asdiv", self.path, "test", FIELDS)
        rows = hub_rows("asdiv", self.hub, "test")
        return [_from_hub(row, number) for number, row in enumerate(rows, start=1)]


def _problem(row: Row) -> Problem:
    return Problem(
        id=row["id"],
        dataset="asdiv",
        split="test",
        question=row["question"],
        answer=row["answer"],
        type=row["type"],
    )


def _from_hub(row: Row, number: int) -> Row:
    """A row of the hub's copy, which lacks ids; the original numbers its problems from 1."""
    body = row["body"].strip()
    numeric = _NUMERIC.fullmatch(row["answer"].strip())
    value = float(numeric[1].replace(",", "")) if numeric else 0.0
    return {
        "id": f"asdiv/nluds-{number:04d}",
        "question": f"{body}{'' if body[-1] in '.?!,' else '.'} {row['question'].strip()}",
        "answer": int(value) if value.is_integer() else value,
        "numeric": bool(numeric),
        "type": row["solution_type"],
    }
