"""A teacher that replays recorded answers: no network, no key, no cost.

A file is JSON Lines; a row has at least `id` (of the problem), `thought`, `completion` and `model`,
and may have `thinking`, what the model thought before its answer. recorded_rows.py says which other
rows can be read. If `path` names a file for each thought, all rows of a file get that thought,
whatever they say, so that two sources of one thought can be kept apart. Samples of one (problem,
thought) are numbered in the order of files and lines. Where a thought has several texts, each text
is a row with `part` and preferably `sample` (recorded_dialogue.py).
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mdexp.ports import Executor, SourceError, Thought, Write
from mdexp.records import Path, Problem, ThinkingUse, by_id
from mdexp.teacher.dialogue import Dialogue, is_dialogue, opened, refuse_reading, write_out
from mdexp.teacher.recorded_dialogue import RecordedDialogues
from mdexp.teacher.recorded_rows import Fields, Place, RecordedFile, question_key
from mdexp.teacher.request import Answer

log = logging.getLogger(__name__)

Names = tuple[str, str]  # of a problem and a thought
Recorded = tuple[int, Place]  # number of the file, and the place in it


class ReplayTeacher(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    ask_again: ClassVar[bool] = False

    path: str | tuple[str, ...] | dict[str, str]  # dict: the file of each thought
    num_paths: int = Field(ge=1)
    fields: Fields | None = Field(None, exclude_if=lambda fields: not fields)  # keys as before
    thinking: ThinkingUse = Field("drop", exclude=True)  # for verify alone

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
        """The recorded files, by number and name; ValueError if one does not exist."""
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
        self,
        problems: Sequence[Problem],
        thoughts: Mapping[str, Thought],
        ledger: FilePath,
        executor: Executor,
    ) -> Iterator[Path]:
        """Yield paths by problem, thought and sample. The ledger is not used. Answers of one text
        are read from the file when needed; memory holds only their places."""
        refuse_reading(thoughts)
        files = self._recorded_files(problems)
        found, dialogues, left_out = self._sorted(files, problems, thoughts)
        written: dict[Names, list[Path]] = defaultdict(list)
        for path in _written(problems, thoughts, dialogues, executor):
            if path is None:
                left_out["transcripts that lack a text"] += 1
            else:
                written[path.problem_id, path.thought].append(path)
        played = sum(map(len, found.values())) + sum(map(len, written.values()))
        unused = ", ".join(f"{reason} {number}" for reason, number in left_out.items())
        log.info("teacher: %d recorded paths; rows not used: %s", played, unused or "none")
        if problems and thoughts and not played:
            raise SourceError(
                f"teacher.path: none of {left_out.total()} rows is of a problem and a thought "
                f"asked for, such as {problems[0].id!r} and {next(iter(thoughts))!r}"
            )
        for names, places in found.items():
            for sample, (file, place) in enumerate(places):
                yield _path(files[file].row(place), sample)
            yield from written[names]

    def left_out(
        self, problems: Sequence[Problem], thoughts: Mapping[str, Thought]
    ) -> dict[str, int]:
        """How many rows are not used, by reason."""
        return dict(self._sorted(self._recorded_files(problems), problems, thoughts)[2])

    def _recorded_files(self, problems: Sequence[Problem]) -> list[RecordedFile]:
        ids = {question_key(problem.question): problem.id for problem in problems}
        files = self.files().values()
        thoughts = self.path if isinstance(self.path, dict) else [None] * len(files)
        return [
            RecordedFile(file, self.fields or {}, thought, ids)
            for thought, file in zip(thoughts, files, strict=True)
        ]

    def _sorted(
        self,
        files: Sequence[RecordedFile],
        problems: Sequence[Problem],
        thoughts: Mapping[str, Thought],
    ) -> tuple[dict[Names, list[Recorded]], dict[Names, list[list[Answer]]], Counter[str]]:
        """The places of answers of one text, the texts of dialogues, and how many rows are left
        out."""
        wanted: dict[Names, list[Recorded]] = {
            (problem.id, thought): [] for problem in problems for thought in thoughts
        }
        dialogues = {
            names: RecordedDialogues() for names in wanted if is_dialogue(thoughts[names[1]])
        }
        left_out: Counter[str] = Counter()
        for number, (name, file) in enumerate(zip(self.files(), files, strict=True)):
            for place, row in file.rows():
                if isinstance(row, str):
                    left_out[row] += 1
                    continue
                names = (row["id"], row["thought"])
                if row["thought"] not in thoughts:
                    left_out["thought not asked for"] += 1
                elif names not in wanted:
                    left_out["problem not asked for"] += 1
                elif names in dialogues:
                    try:
                        dialogues[names].add(row, name)
                    except ValueError as error:
                        raise SourceError(f"{file.file}:{place[0]}: {error}") from error
                elif isinstance(row.get("part"), int) and row["part"] > 0:
                    left_out["later part of a thought of one text"] += 1
                elif len(wanted[names]) == self.num_paths:
                    left_out["beyond num_paths"] += 1
                else:
                    wanted[names].append((number, place))
        played = {names: of.played(self.num_paths) for names, of in dialogues.items()}
        counted = sum((of.left_out for of in dialogues.values()), left_out)
        return wanted, played, counted


def _written(
    problems: Sequence[Problem],
    thoughts: Mapping[str, Thought],
    recorded: Mapping[Names, list[list[Answer]]],
    executor: Executor,
) -> list[Path | None]:
    """The paths of dialogues; None for one that lacks a text."""
    known = by_id(problems)
    texts = {
        (problem_id, name, sample): answers
        for (problem_id, name), samples in recorded.items()
        for sample, answers in enumerate(samples)
    }
    dialogues = [opened(known[p], name, thoughts[name], sample) for p, name, sample in texts]

    def next_texts(pending: Sequence[tuple[Dialogue, Write]]) -> list[Answer | None]:
        return [_next_text(dialogue, texts) for dialogue, _ in pending]

    write_out(dialogues, next_texts, executor)
    return [dialogue.path(model="") for dialogue in dialogues]


def _next_text(
    dialogue: Dialogue, texts: Mapping[tuple[str, str, int], list[Answer]]
) -> Answer | None:
    transcript = dialogue.walk.transcript
    answers = texts[transcript.problem_id, transcript.thought, transcript.sample]
    return answers[dialogue.part] if dialogue.part < len(answers) else None


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
