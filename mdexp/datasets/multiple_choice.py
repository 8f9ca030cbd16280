"""Multiple-choice questions from a folder or the hub: ARC-Easy (Clark et al. 2018, arXiv
1803.05457), AQuA (Ling et al. 2017, arXiv 1705.04146).

The options follow the question as `A) ... B) ...`; the answer is a letter. A row of a folder has
id, question, options (a list of texts), answer (a letter) and optionally rationale. A question with
fewer than 2 or more than 5 options is dropped and counted.
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
FIELDS = ("id", "question", "options", "answer")
LETTERS = "ABCDE"
TOO_MANY_OR_FEW = "fewer than 2 or more than 5 options"


class MultipleChoice(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Literal["arc_easy", "aqua"]
    path: str | None
    split: Literal["default"]
    limit_train: PositiveInt | None
    limit_test: PositiveInt | None
    ood: OodNames
    overlap: Overlap
    near_duplicates: NearDuplicates
    source: str = ""
    licence: str = ""
    hub: Hub
    sizes: Sizes

    def files(self) -> dict[str, Path]:
        return local_files(self.name, self.path, PARTS) if self.path else {}

    def dropped(self) -> Counter[str]:
        number = sum(not is_choice(row) for rows in self._rows().values() for row in rows)
        return Counter({TOO_MANY_OR_FEW: number} if number else {})

    def problems(self) -> list[Problem]:
        sizes: dict[str, int] = {part: len(rows) for part, rows in self._rows().items()}
        check_sizes(self.name, self.split, self.sizes, sizes)
        limits = {"train": self.limit_train, "test": self.limit_test}
        return [
            problem
            for part, rows in self._rows().items()
            for problem in first_by_hash(
                [self._problem(row, part) for row in rows if is_choice(row)], limits[part]
            )
        ]

    def _rows(self) -> dict[Split, list[Row]]:
        if self.path:
            return {part: local_rows(self.name, self.path, part, FIELDS) for part in PARTS}
        return {
            part: [
                from_hub(row, f"{self.name}/{part}/{number}")
                for number, row in enumerate(hub_rows(self.name, self.hub, part))
            ]
            for part in PARTS
        }

    def _problem(self, row: Row, part: Split) -> Problem:
        options = [str(option).strip() for option in row["options"]]
        letters = LETTERS[: len(options)]
        answer = str(row["answer"]).strip().upper()
        if answer not in [*letters]:
            raise SourceError(
                f"{self.name}: {row['id']}: the answer is {row['answer']!r}, "
                f"expected a letter of its options, {' '.join(letters)}"
            )
        listed = " ".join(f"{letter}) {o}" for letter, o in zip(letters, options, strict=True))
        return Problem(
            id=str(row["id"]),
            dataset=self.name,
            split=part,
            question=f"{row['question'].strip()} {listed}",
            answer=answer,
            rationale=str(row.get("rationale", "")).strip(),
            options=options,
        )


def is_choice(row: Row) -> bool:
    """Whether the number of options is one that votes support."""
    return 2 <= len(row["options"]) <= len(LETTERS)


def from_hub(row: Row, name: str) -> Row:
    """A row of either repository in the format of a folder. AQuA's options begin with their letter
    (`A)21`); ARC's answer is one of its own labels, letters or numbers."""
    if "choices" in row:
        labels = [str(label) for label in row["choices"]["label"]]
        place = labels.index(str(row["answerKey"]))
        return {
            "id": f"arc_easy/{row['id']}",
            "question": row["question"],
            "options": list(row["choices"]["text"]),
            "answer": LETTERS[place] if place < len(LETTERS) else "",
        }
    return {
        "id": name,
        "question": row["question"],
        "options": [option.partition(")")[2] for option in row["options"]],
        "answer": row["correct"],
        "rationale": row["rationale"],
    }
