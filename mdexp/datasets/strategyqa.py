"""StrategyQA (Geva et al. 2021, arXiv 2101.02235): questions answered by yes or no.

With `facts=given` the supporting facts that annotators wrote precede the question, as in PaD;
`facts=none` is the closed-book task. The labels of the original test part are not public:
`official` tests on its development part, `default` is the 70/30 split of Ho et al. 2023.
"""

from collections import Counter
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, PositiveInt

from mdexp.config.ood_sets import OodNames
from mdexp.datasets.source import Hub, Row, Sizes, check_sizes, hub_rows, local_files, local_rows
from mdexp.datasets.subset import first_by_hash
from mdexp.ports import SourceError
from mdexp.records import NearDuplicates, Overlap, Problem, Split

PARTS: tuple[Split, ...] = ("train", "test")
FIELDS = ("id", "question", "answer", "rationale", "source_split", "ho_split")


class StrategyQa(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str | None
    split: Literal["default", "official"]
    facts: Literal["none", "given"]
    limit_train: PositiveInt | None
    limit_test: PositiveInt | None
    ood: OodNames
    overlap: Overlap = "masked"  # not recorded by earlier versions
    near_duplicates: NearDuplicates = "keep"
    source: str = ""
    licence: str = ""
    hub: Hub
    sizes: Sizes

    def files(self) -> dict[str, Path]:
        return local_files("strategyqa", self.path, PARTS) if self.path else {}

    def dropped(self) -> Counter[str]:
        return Counter()

    def problems(self) -> list[Problem]:
        rows = self._rows_of_folder(self.path) if self.path else self._rows_of_hub()
        found = {
            part: [self._problem(row) for row in rows if row["split"] == part] for part in PARTS
        }
        sizes: dict[str, int] = {part: len(found[part]) for part in PARTS}
        check_sizes("strategyqa", self.split, self.sizes, sizes)
        train = first_by_hash(found["train"], self.limit_train)
        return train + first_by_hash(found["test"], self.limit_test)

    def _rows_of_folder(self, path: str) -> list[Row]:
        rows = [row for part in PARTS for row in local_rows("strategyqa", path, part, FIELDS)]
        key = "source_split" if self.split == "official" else "ho_split"
        return [row | {"split": row[key]} for row in rows]

    def _rows_of_hub(self) -> list[Row]:
        if self.split == "official":
            raise SourceError(
                "strategyqa: the hub has dataset.split=default alone; give a folder that holds the "
                "official parts with dataset.path="
            )
        return [
            _from_hub(row) | {"split": part}
            for part in PARTS
            for row in hub_rows("strategyqa", self.hub, part)
        ]

    def _problem(self, row: Row) -> Problem:
        facts = f"{row['rationale']} " if self.facts == "given" else ""
        return Problem(
            id=row["id"],
            dataset="strategyqa",
            split=row["split"],
            question=f"{facts}{row['question']}",
            answer=row["answer"],
            rationale=row["rationale"],
        )


def _from_hub(row: Row) -> Row:
    return {
        "id": f"strategyqa/{row['qid']}",
        "question": row["question"].strip(),
        "answer": "yes" if row["answer"] else "no",
        "rationale": row["facts"].strip(),
    }
