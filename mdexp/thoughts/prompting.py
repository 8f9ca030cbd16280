"""How a question is put, with its few-shot exemplars, as a chat or as one text to be completed.

A chat is the same turns for a teacher and a student; its words are in conf/thought. A text is laid
out by a template beside the thought (`cot.jinja`). Exemplars are our own worked problems, in sets:
exemplars.jsonl, exemplars_2.jsonl, ... A folder of one's own may hold others under these names.

The system message is not among the turns: teachers get `thought.instruction`, students may not.
"""

from collections.abc import Mapping, Sequence
from itertools import count, takewhile
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from mdexp.ports import Message, Thought
from mdexp.records import Segment, turns_of
from mdexp.store.json_lines import JsonLinesError, objects_of_file

OWN_FOLDER = Path(__file__).parent
_COLUMNS = ("question", "answer")  # beside a text per thought


def load_exemplars() -> list[dict[str, Any]]:
    """Our own worked problems in the order they are shown: question, answer, a text per thought."""
    return exemplar_rows(exemplar_files()[0])


def exemplar_files(folder: Path = OWN_FOLDER) -> list[Path]:
    """The sets of exemplars in a folder, in order; ValueError if there is none."""
    names = (f"exemplars_{n}.jsonl" if n > 1 else "exemplars.jsonl" for n in count(1))
    found = list(takewhile(Path.is_file, (folder / name for name in names)))
    if not found:
        raise ValueError(f"got {str(folder)!r}, which has no exemplars.jsonl")
    return found


def exemplar_rows(file: Path) -> list[dict[str, Any]]:
    """The exemplars of a set; ValueError naming the line of one that is none."""
    rows = []
    for number, row in objects_of_file(file):
        if missing := [column for column in _COLUMNS if column not in row]:
            raise JsonLinesError(file, number, f"no exemplar: no {', '.join(missing)}")
        rows.append(row)
    return rows


def template_files(folder: Path = OWN_FOLDER) -> list[Path]:
    return sorted(folder.glob("*.jinja"))


def turns(
    question: str, thought: Thought, exemplars: Sequence[Mapping[str, Any]] = ()
) -> list[Message]:
    """Each exemplar as a user and an assistant turn, then the question; without any, zero-shot."""
    messages: list[Message] = []
    for row in exemplars:
        messages += chat(_shown(row, thought))
    return [*messages, _asked(question, thought)]


def chat(segments: Sequence[Segment]) -> list[Message]:
    """The turns of a transcript as messages."""
    return [{"role": turn, "content": text} for turn, text in turns_of(segments)]


class Template:
    """The layout of a prompt that is one text, from a folder's file for a thought (its name)."""

    def __init__(self, name: str, folder: Path = OWN_FOLDER) -> None:
        """ValueError if there is no such file, or it is no template."""
        self._file = folder / f"{name}.jinja"
        if not self._file.is_file():
            raise ValueError(
                f"{name} has no {self._file.name}, which plain completions need; there are "
                f"{', '.join(file.name for file in template_files(folder)) or 'none'}"
            )
        environment = SandboxedEnvironment(
            undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        try:
            self._template = environment.from_string(self._file.read_text(encoding="utf-8"))
        except TemplateError as error:
            raise ValueError(f"{self._file.name}: {error}") from error

    def text(
        self, question: str, thought: Thought, exemplars: Sequence[Mapping[str, Any]] = ()
    ) -> str:
        """The prompt, which ends where the model is to go on."""
        shots = [
            {"question": row["question"], "answer": chat(_shown(row, thought))[-1]["content"]}
            for row in exemplars
        ]
        try:
            return self._template.render(
                instruction=thought.instruction, cue=thought.cue, question=question, shots=shots
            )
        except TemplateError as error:
            raise ValueError(f"{self._file.name}: {error}") from error


def _asked(question: str, thought: Thought) -> Message:
    return {"role": "user", "content": f"{question}\n{thought.cue}"}


def _shown(row: Mapping[str, Any], thought: Thought) -> tuple[Segment, ...]:
    try:
        return thought.exemplar(row)
    except KeyError as error:
        raise ValueError(
            f"the exemplar {row['question']!r} has no {error.args[0]}, which the thought shows"
        ) from error
