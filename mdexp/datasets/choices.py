"""Reads and writes the choices A) to J) of a question."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from mdexp.records import LETTERS, Answer

NUM_KNOWN = 5  # most choices that letters A to E cover
_LABEL = re.compile(r"\s*\(?([A-J])[).:]\s*")  # "A) 21", "(B) 22", "C. 23"
_LISTED = re.compile(r"(?<!\w)\(?([A-J])[).:]\s+")


class ChoiceError(ValueError):
    """Choices that cannot be used, or an answer that is not one of them."""


def texts_of(cell: Any) -> list[str]:
    """The choices of a cell: a list, a list as JSON, texts divided by `|` or `;`, or the hub's
    {text: [...], label: [...]}. Letters before the texts are left out. Empty for an empty cell."""
    if cell is None or cell == "":
        return []
    found = cell
    if isinstance(cell, Mapping):
        found = cell.get("text", cell.get("choices"))
    elif isinstance(cell, str):
        found = _divided(cell)
    if not isinstance(found, list) or not all(isinstance(option, str) for option in found):
        raise ChoiceError(f"options must be a list of texts, found {cell!r}")
    labels = [match[1] if (match := _LABEL.match(option)) else "" for option in found]
    if labels == list(LETTERS.upper()[: len(found)]):
        return [_LABEL.sub("", option, count=1) for option in found]
    return list(found)


def with_choices(question: str, choices: Sequence[str]) -> str:
    """The question followed by its choices: `... A) 21 B) 22`."""
    _judge_number(choices)
    listed = (f"{letter}) {text}" for letter, text in zip(LETTERS.upper(), choices, strict=False))
    return " ".join([question, *listed])


def chosen_letter(cells: Mapping[Any, Any], choices: Sequence[str], answer: Answer) -> str:
    """The letter of the right choice: by `answer_index` (from 0), else by the answer, which is a
    letter, a label of the hub's, or the text of one choice. ChoiceError if that is ambiguous."""
    _judge_number(choices)
    if "answer_index" in cells:
        index = str(cells["answer_index"]).strip()
        if not index.isdecimal() or int(index) >= len(choices):
            raise ChoiceError(
                f"answer_index must be a number from 0 to {len(choices) - 1}, found {index!r}"
            )
        return LETTERS[int(index)].upper()
    said = str(answer).strip()
    same = {n for n, text in enumerate(choices) if text.strip().lower() == said.lower()}
    labels = _labels(cells.get("choices"), len(choices))
    meant = {n for n, label in enumerate(labels) if label == said.strip("().").upper()} | same
    if len(meant) != 1:
        why = "could be several of" if meant else "is none of"
        raise ChoiceError(f"the answer {answer!r} {why} the choices {', '.join(choices)}")
    return LETTERS[meant.pop()].upper()


def _judge_number(choices: Sequence[str]) -> None:
    if not 2 <= len(choices) <= len(LETTERS):
        raise ChoiceError(f"a question has 2 to {len(LETTERS)} choices, found {len(choices)}")


def listed_in(question: str) -> list[str]:
    """The texts of the choices that a question itself lists, if there are more than five; for
    fewer, the letters A to E need no texts."""
    found = list(_LISTED.finditer(question))
    begins = [n for n, match in enumerate(found) if match[1] == "A"]
    marks = found[begins[-1] :] if begins else []
    if not NUM_KNOWN < len(marks) <= len(LETTERS):
        return []
    if [match[1] for match in marks] != list(LETTERS.upper()[: len(marks)]):
        return []
    ends = [*(match.start() for match in marks[1:]), len(question)]
    texts = (question[m.end() : end] for m, end in zip(marks, ends, strict=True))
    return [text.strip(" \t\n,;") for text in texts]


def _labels(cell: Any, number: int) -> list[str]:
    """The labels by which an answer may name each choice: the hub's own, else letters."""
    if isinstance(cell, Mapping) and (labels := cell.get("label")):
        return [str(label).upper() for label in labels]
    return list(LETTERS.upper()[:number])


def _divided(cell: str) -> Any:
    if cell.lstrip().startswith("["):
        try:
            return json.loads(cell)
        except ValueError as error:
            raise ChoiceError(
                f"options must be a list of texts as JSON has it: {cell!r}"
            ) from error
    return [text.strip() for text in cell.split("|" if "|" in cell else ";")]
