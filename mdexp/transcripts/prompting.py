"""Builds the prompt of a question with its few-shot exemplars, as a chat or as one text to be
completed.

A chat is the same turns for a teacher and a student; its words are in conf/thought. A text is laid
out by a template of the thought (`cot.jinja`). Exemplars are our own worked problems, in sets:
exemplars.jsonl, exemplars_2.jsonl, ... for problems whose answer is a number, and
exemplars_yes_no.jsonl, exemplars_options.jsonl and exemplars_text.jsonl for the other kinds. A
user's folder may hold others under these names; its exemplars.jsonl, ... serve for a kind that it
has no file for.

The system message is not among the turns: teachers get `thought.instruction`, students may not.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import count, takewhile
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from mdexp.ports import Message, Thought
from mdexp.records import AnswerKind, Problem, Segment, turns_of
from mdexp.store.integrity import file_hash
from mdexp.store.json_lines import JsonLinesError, objects_of_file

OWN_FOLDER = Path(__file__).parent / "prompts"
_COLUMNS = ("question", "answer")  # beside a text per thought
OTHER_KINDS: tuple[AnswerKind, ...] = ("yes_no", "options", "text")  # with separate exemplars
# Their files are part of every key. Free text came later: `free_text_key` has its exemplars.
KEYED_KINDS: tuple[AnswerKind, ...] = ("number", "yes_no", "options")
# Follows an instruction, whose words are about numbers.
_ANSWER_FORMS: Mapping[AnswerKind, str] = {
    "yes_no": 'Here the answer is "yes" or "no", not a number.',
    "options": "Here the answer is the letter of one of the options, not a number.",
    "text": "Here the answer is a name or a few words, not a number.",
}


def load_exemplars(kind: AnswerKind = "number") -> list[dict[str, Any]]:
    """Our own worked problems in the order they are shown: question, answer, a text per thought."""
    return exemplar_rows(exemplar_files(kind=kind)[0])


def exemplar_files(folder: Path = OWN_FOLDER, kind: AnswerKind = "number") -> list[Path]:
    """The sets of exemplars for a kind of answer in a folder, in order; ValueError if there is
    none."""
    if kind in OTHER_KINDS and (found := _numbered(folder, f"exemplars_{kind}")):
        return found
    if not (found := _numbered(folder, "exemplars")):
        raise ValueError(f"got {str(folder)!r}, which has no exemplars.jsonl")
    return found


def keyed_exemplar_files() -> dict[str, Path]:
    """Our first set of each of KEYED_KINDS, by name."""
    return {file.name: file for file in (exemplar_files(kind=kind)[0] for kind in KEYED_KINDS)}


def free_text_key() -> dict[str, str]:
    """What our exemplars of free text add to the key of a stage that shows them."""
    return {file.name: file_hash(file) for file in exemplar_files(kind="text")}


def shown_by(thought: Thought, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The exemplars that the thought can show: equations, for one, answer no yes/no question."""
    return [row for row in rows if _can_show(thought, row)]


def goes_on(thought: Thought, row: Mapping[str, Any]) -> bool:
    """Whether the exemplar of a thought goes on within a text; not if it has none of that row."""
    try:
        shown = thought.exemplar(row)
    except KeyError:
        return False
    return any(s.author == "writer" and s.turn is None for s in shown)


def instruction_for(thought: Thought, kind: AnswerKind) -> str:
    """The system message for a teacher, which says what an answer of that kind is."""
    return " ".join(filter(None, (thought.instruction, _ANSWER_FORMS.get(kind))))


def most_asked(problems: Sequence[Problem]) -> AnswerKind:
    """The kind of answer that most of the problems ask for; a number where there are none."""
    kinds = Counter(problem.expected.kind for problem in problems)
    return kinds.most_common(1)[0][0] if kinds else "number"


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
        self,
        question: str,
        thought: Thought,
        exemplars: Sequence[Mapping[str, Any]] = (),
        kind: AnswerKind = "number",
    ) -> str:
        """The prompt, which ends where the model is to go on."""
        shots = [
            {"question": row["question"], "answer": chat(_shown(row, thought))[-1]["content"]}
            for row in exemplars
        ]
        try:
            return self._template.render(
                instruction=instruction_for(thought, kind),
                cue=thought.cue,
                question=question,
                shots=shots,
            )
        except TemplateError as error:
            raise ValueError(f"{self._file.name}: {error}") from error


def _numbered(folder: Path, name: str) -> list[Path]:
    names = (f"{name}_{n}.jsonl" if n > 1 else f"{name}.jsonl" for n in count(1))
    return list(takewhile(Path.is_file, (folder / name for name in names)))


def _can_show(thought: Thought, row: Mapping[str, Any]) -> bool:
    try:
        return bool(thought.exemplar(row))
    except KeyError:
        return False


def _asked(question: str, thought: Thought) -> Message:
    return {"role": "user", "content": f"{question}\n{thought.cue}"}


def _shown(row: Mapping[str, Any], thought: Thought) -> tuple[Segment, ...]:
    try:
        return thought.exemplar(row)
    except KeyError as error:
        raise ValueError(
            f"the exemplar {row['question']!r} has no {error.args[0]}, which the thought shows"
        ) from error
