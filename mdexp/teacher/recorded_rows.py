"""Rows of recorded answers as replay reads them, whatever their file calls them.

A row of ours has `id` (of the problem), `thought`, `completion` and `model`. `teacher.fields` says
the columns of other files, as in {question: prompt, completion: output}: `question` stands for `id`
and is the problem's question, word by word. Without a column `model` that is the file's name.

A line of an OpenAI batch's output has the problem's id as `custom_id`; each of its choices is a
row. A line that failed has none, and is counted.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from mdexp.store.json_lines import JsonLinesError, objects_of_file
from mdexp.teacher.batch_lines import line_outcome
from mdexp.teacher.reply import Reply

Column = Literal["id", "question", "thought", "completion", "model", "thinking"]
Fields = dict[Column, str]
Row = dict[str, Any]

TEXTS = ("id", "thought", "completion", "model")
FAILED = "lines of a batch without an answer"
NO_PROBLEM = "question of no problem"


def recorded_rows(
    file: Path, fields: Fields, thought: str | None, ids: Mapping[str, str]
) -> Iterator[tuple[int, Row | str]]:
    """Line number and row of each recorded answer, or why there is none: FAILED or NO_PROBLEM.

    `thought` is that of all rows of the file, if it has one; `ids` has the problem of each question
    as `question_key` gives it. JsonLinesError for a row that cannot be read.
    """
    for number, row in objects_of_file(file):
        for found in _rows(row, file, number, fields, ids):
            if isinstance(found, dict):
                found = found if thought is None else {**found, "thought": thought}
                if fault := _fault(found):
                    raise JsonLinesError(file, number, fault)
            yield number, found


def question_key(question: str) -> str:
    """A question without regard to white space."""
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
    """What is wrong with a row, or nothing."""
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
