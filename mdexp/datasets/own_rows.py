"""Makes problems from the user's own columns, and checks the answers.

`dataset.fields` names the column of each field, as in {question: q, answer: label}. A field that it
does not name is read from the column of the same name, except `choices` and `answer_index`; a field
that is null is not read. Without a column `id`, an id is the set's name, the split and the row's
position. Columns that no field reads are counted and reported.

If an answer ends in `#### 72`, that is the answer and the text before it the rationale.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from mdexp.answers import parse
from mdexp.datasets.choices import chosen_letter, listed_in, texts_of, with_choices
from mdexp.datasets.own_files import columns_of, file_rows
from mdexp.datasets.source import Row
from mdexp.datasets.subset import first_by_hash
from mdexp.ports import SourceError
from mdexp.records import LETTERS, Answer, Problem, Split, TextMatch

Field = Literal[
    "id", "question", "answer", "answer_index", "rationale", "type", "options", "choices"
]


def _is_columns(value: object) -> object:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list | tuple) and value and all(isinstance(one, str) for one in value):
        return tuple(value)
    raise ValueError(f"expected a column, a list of columns, or null; got {value!r}")


# Several columns, each a choice: {choices: [A, B, C]}. None: the field is not read.
Columns = Annotated[str | tuple[str, ...] | None, BeforeValidator(_is_columns)]
Fields = dict[Field, Columns]
BY_NAME: tuple[Field, ...] = ("id", "question", "answer", "rationale", "type", "options")
HASHES = "####"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRows:
    """Turns the rows of a set into problems. `match` says when two free-text answers are equal;
    None refuses free text."""

    name: str
    fields: Fields
    match: TextMatch | None

    def problems(
        self, files: Mapping[Split, Path], limits: Mapping[Split, int | None]
    ) -> list[Problem]:
        """The problems of all files, up to `limits` of each; SourceError naming file and row."""
        found = {part: self._problems(file, part) for part, file in files.items()}
        if twice := found.get("train", {}).keys() & found.get("test", {}).keys():
            raise SourceError(
                f"{files['train'].name} and {files['test'].name} share {len(twice)} of their ids, "
                f"such as {min(twice)!r}: a problem of the test is never trained on, so give "
                "different problems different ids"
            )
        return [
            problem
            for part, by_id in found.items()
            for problem in first_by_hash(list(by_id.values()), limits[part])
        ]

    def unread(self, files: Mapping[Split, Path]) -> Counter[str]:
        """For each column that no field reads, the number of rows with a value."""
        counts = Counter[str]()
        for file in files.values():
            filled = columns_of(file_rows(file))
            read = {name for columns in self._columns(filled).values() for name in columns}
            counts.update({name: rows for name, rows in filled.items() if name not in read})
        return +counts

    def _columns(self, there: Mapping[str, int]) -> dict[Field, tuple[str, ...]]:
        """The columns of each field that the file has."""
        named = {
            field: (columns,) if isinstance(columns, str) else columns
            for field, columns in self.fields.items()
            if columns is not None
        }
        taken = {name for columns in named.values() for name in columns}
        own = {
            f: (str(f),) for f in BY_NAME if f not in self.fields and f in there and f not in taken
        }
        if "answer_index" in named:
            own.pop("answer", None)
        return {**named, **own}

    def _problems(self, file: Path, part: Split) -> dict[str, Problem]:
        rows = file_rows(file)
        columns = self._judged(file, columns_of(rows))
        problems: dict[str, Problem] = {}
        for place, (number, row) in enumerate(rows, start=1):
            made_id = "" if "id" in columns else f"{self.name}/{part}/{place}"
            try:
                problem = self._problem(row, columns, part, made_id)
            except ValueError as error:  # a ChoiceError among them
                raise SourceError(f"{file}:{number}: {error}") from error
            if problem.id in problems:
                raise SourceError(f"{file}:{number}: the id {problem.id!r} is used twice")
            problems[problem.id] = problem
        return problems

    def _judged(self, file: Path, there: Mapping[str, int]) -> dict[Field, tuple[str, ...]]:
        """The columns of each field; SourceError if a required one is missing."""
        columns = self._columns(there)
        known = ", ".join(there)
        for field, names in columns.items():
            if missing := [name for name in names if name not in there]:
                raise SourceError(
                    f"dataset.fields.{field}={missing[0]}: {file} has no such column; "
                    f"it has {known}"
                )
        gold: Field = "answer_index" if "answer_index" in columns else "answer"
        null = [field for field in ("question", gold) if self.fields.get(field, "") is None]
        if null:
            raise SourceError(f"dataset.fields.{null[0]}: got null, but each problem needs it")
        if lacking := [field for field in ("question", gold) if field not in columns]:
            example = ", ".join(f"{field}: COLUMN" for field in lacking)
            raise SourceError(
                f"{file} has no column {' and no column '.join(lacking)}; it has {known}: "
                f"say which they are with 'dataset.fields={{{example}}}'"
            )
        return columns

    def _problem(
        self, row: Row, columns: Mapping[Field, tuple[str, ...]], part: Split, made_id: str
    ) -> Problem:
        cells = {field: _cell(row, names) for field, names in columns.items()}
        needed: tuple[Field, ...] = ("id", "question", "answer", "answer_index")
        if missing := [f"{f}" for f in needed if f in columns and cells[f] in (None, "")]:
            raise ValueError(f"{' and '.join(missing)} missing; a row needs question and answer")
        question = _text("question", cells["question"]).strip()
        answer, worked = _gold(cells.get("answer"))
        options = texts_of(cells.get("options"))
        if choices := texts_of(cells.get("choices")):
            answer = chosen_letter(cells, choices, answer)
            question, options = with_choices(question, choices), choices
        options = options or listed_in(question)
        rationale = _text("rationale", cells.get("rationale"))
        more: dict[str, Any] = {}
        if parse(answer) is None and self.match:
            _judge_text(answer)
            more = {"answer_kind": "text", "match": self.match}
        else:
            _judge_answer(answer, options)
        return Problem(
            id=made_id or _id(cells["id"]),
            dataset=self.name,
            split=part,
            question=question,
            answer=answer,
            rationale=rationale or worked,
            type=_type(cells.get("type")),
            options=options,
            **more,
        )


def _cell(row: Row, names: tuple[str, ...]) -> Any:
    """The value of a field; for several columns, the list of non-empty values."""
    if len(names) == 1:
        return row.get(names[0])
    return [value for name in names if (value := row.get(name)) not in (None, "")]


def _text(field: Field, value: Any) -> str:
    if not isinstance(value or "", str):
        raise ValueError(f"{field} must be text, found {value!r}")
    return value or ""


def _type(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value or "", str | int):
        raise ValueError(f"type must be text or a whole number, found {value!r}")
    return "" if value is None else str(value)


def _id(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"id must be text or a whole number, found {value!r}")
    return str(value)


def _gold(value: Any) -> tuple[Answer, str]:
    """The answer of a cell, and the rationale before it."""
    if value is None:
        return "", ""
    if not isinstance(value, int | float | str):
        raise ValueError(f"answer must be a number, text, true or false, found {value!r}")
    if isinstance(value, str) and HASHES in value:
        rationale, _, answer = value.rpartition(HASHES)
        return answer.strip(), rationale.strip()
    return value, ""


def _judge_answer(answer: Answer, options: list[str]) -> None:
    value = parse(answer)
    if value is None:
        raise ValueError(
            f"no vote could elect the answer {answer!r}; allowed are numbers (12, 0.5, '1,200', "
            "'3/4', '$5'), true and false, 'yes' and 'no', and options 'A' to 'J'; free text needs "
            "dataset.match=normalised or exact"
        )
    if isinstance(value, str) and value in LETTERS[5:] and value not in LETTERS[: len(options)]:
        raise ValueError(
            f"the answer {answer!r} is the letter of a choice that is not known: name the column "
            "of the choices with 'dataset.fields={choices: COLUMN}'"
        )


def _judge_text(answer: Answer) -> None:
    if not isinstance(answer, str) or "\n" in answer.strip() or len(answer) > 200:
        raise ValueError(f"a free-text answer has one line of at most 200 characters: {answer!r}")
