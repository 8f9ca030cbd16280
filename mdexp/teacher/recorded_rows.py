"""Reads rows of recorded answers, whatever their columns are called.

A row of mdexp's has `id` (of the problem), `thought`, `completion` and `model`. `teacher.fields`
names the columns of other files, as in {question: prompt, completion: output}: `question` replaces
`id` and must equal the problem's question word for word. Without a column `model`, the file's name
is the model.

A line of an OpenAI batch's output has the problem's id as `custom_id`; each of its choices is a
row. A line that failed has no choice and is counted.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from mdexp.ports import SourceError
from mdexp.store.indexed_lines import IndexedLines
from mdexp.store.json_lines import JsonLinesError
from mdexp.teacher.batch_lines import line_outcome
from mdexp.teacher.reply import Reply

Column = Literal["id", "question", "thought", "completion", "model", "thinking"]
Fields = dict[Column, str]
Row = dict[str, Any]
Place = tuple[int, int]  # of an answer in a file: line number and number of the choice

TEXTS = ("id", "thought", "completion", "model")
FAILED = "lines of a batch without an answer"
NO_PROBLEM = "question of no problem"


class RecordedFile:
    """A file of recorded answers.

    `thought` is the thought of all its rows, if one was given for the file; `ids` maps each
    question (by `question_key`) to its problem.
    """

    def __init__(
        self, file: Path, fields: Fields, thought: str | None, ids: Mapping[str, str]
    ) -> None:
        self.file, self.fields, self.thought, self.ids = file, fields, thought, ids
        self.lines = IndexedLines(file)

    def rows(self) -> Iterator[tuple[Place, Row | str]]:
        """Each recorded answer, or why there is none (FAILED or NO_PROBLEM), and its place.
        SourceError, with file and line, for a row that cannot be read."""
        try:
            for number, row in self.lines.objects():
                for choice, found in enumerate(self._of_line(row, number)):
                    yield (number, choice), found
        except JsonLinesError as error:
            raise SourceError(str(error)) from error

    def row(self, place: Place) -> Row:
        """Read again an answer that `rows` returned."""
        number, choice = place
        found = list(self._of_line(self.lines.object(number), number))[choice]
        assert isinstance(found, dict), place
        return found

    def _of_line(self, row: Row, number: int) -> Iterator[Row | str]:
        for found in _rows(row, self.file, number, self.fields, self.ids):
            if isinstance(found, dict):
                found = found if self.thought is None else {**found, "thought": self.thought}
                if fault := _fault(found):
                    raise JsonLinesError(self.file, number, fault)
            yield found


def question_key(question: str) -> str:
    """A question with its white space normalised."""
    return " ".join(question.split())


def _rows(
    row: Row, file: Path, number: int, fields: Fields, ids: Mapping[str, str]
) -> Iterator[Row | str]:
    if isinstance(row.get("custom_id"), str) and "response" in row:
        yield from _choices(row, file)
        return
    if not fields:
        yield row
        return
    if missing := [(f, name) for f, name in fields.items() if name not in row]:
        (field, name), there = missing[0], ", ".join(row)
        raise JsonLinesError(
            file, number, f"teacher.fields.{field}={name}: the row has no such key; it has {there}"
        )
    named: Row = {str(field): row[name] for field, name in fields.items()}
    made: Row = {"model": file.stem, **row, **named}
    if "question" in fields:
        key = question_key(str(named["question"]))
        if key not in ids:
            yield NO_PROBLEM
            return
        made["id"] = ids[key]
    yield made


def _choices(row: Row, file: Path) -> Iterator[Row | str]:
    reply = line_outcome(row)
    if not isinstance(reply, Reply):
        yield FAILED
        return
    for choice in reply.choices:
        yield {
            "id": row["custom_id"],
            "completion": choice.text,
            "model": reply.model or file.stem,
            "thinking": choice.thinking,
            "finish_reason": choice.finish_reason,
        }


def _fault(row: Mapping[str, Any]) -> str:
    """What is wrong with a row; empty if nothing is."""
    for key in TEXTS:
        if not isinstance(row.get(key), str):
            hint = (
                "; name its file's thought, as in 'teacher.path={cot: FILE}'"
                if key == "thought"
                else "; 'teacher.fields={question: KEY, completion: KEY}' reads other rows"
            )
            return (
                f"{key}: got {row.get(key)!r}, expected a text; a row has the texts "
                f"{', '.join(TEXTS)}{hint}"
            )
    if not isinstance(row.get("thinking") or "", str):
        return f"thinking: got {row['thinking']!r}, expected a text"
    return ""
