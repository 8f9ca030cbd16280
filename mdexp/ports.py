"""The plug points: what a thought, dataset, teacher, executor and student have to offer.

A plug-in is one Python file and one yaml that names it by `_target_`. It is a frozen pydantic
model: its fields are its options. It imports torch, openai and the like only inside its methods, so
that a configuration is judged in milliseconds.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, ClassVar, Literal, Protocol

from mdexp.records import Answer, NearDuplicates, Overlap, Path, Problem

Message = dict[str, str]  # {"role": "system" | "user" | "assistant", "content": ...}

ProgramStatus = Literal[
    "ok",
    "syntax_error",
    "runtime_error",
    "timeout",
    "memory",
    "output",
    "forbidden",
    "unsupported",
    "no_answer",
    # of equations only
    "ambiguous",
    "underdetermined",
    "inconsistent",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramResult:
    """What became of a program or system of equations. `answer` is set only if `status` is `ok`."""

    status: ProgramStatus
    answer: Answer | None = None
    error: str = ""  # exception class, message and line
    stdout: str = ""  # capped
    seconds: float = 0.0
    tier: str = ""


class Executor(Protocol):
    """Runs programs that nobody has vetted. A broken sandbox raises; it never answers."""

    def run(self, programs: Sequence[str]) -> list[ProgramResult]:
        """Give one result per program, in order."""
        ...

    def solve(self, systems: Sequence[str]) -> list[ProgramResult]:
        """Give one result per system of equations, in order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A text as its thought understands it: it states an answer, or something has to be worked out.

    At most one of the three is set; none, where the text says nothing of the kind.
    """

    text: str  # the cleaned path
    answer: Answer | None = None
    program: str | None = None  # to be run
    equations: str | None = None  # to be solved


class Thought(Protocol):
    """A way to reason: how to ask for it, how to read it, how it is written as a target."""

    instruction: str  # system message for a teacher
    cue: str  # what follows the question, for teacher and student alike

    def exemplar(self, row: Mapping[str, Any]) -> str:
        """The answer of a few-shot exemplar (a row of exemplars.jsonl) in this thought."""
        ...

    def read(self, text: str) -> Reading: ...

    def complete(self, text: str) -> str | None:
        """The part of a growing text that says all there is to read; None while it may go on."""
        ...

    def target(self, text: str, answer: Answer) -> str:
        """The canonical training target of a verified path."""
        ...


OodSet = str | dict[str, dict[str, Any]]  # a dataset by name; one's own with its options


class Dataset(Protocol):
    """Problems with their official splits."""

    path: str | None
    limit_test: int | None
    ood: tuple[OodSet, ...]
    overlap: Overlap  # when a training problem counts as a test problem
    near_duplicates: NearDuplicates  # of test problems, among the training problems
    source: str  # where its problems are from
    licence: str

    def files(self) -> dict[str, FilePath]:
        """Local files that are read: their content is part of the stage's key."""
        ...

    def problems(self) -> list[Problem]: ...

    def dropped(self) -> Counter[str]:
        """How many rows are no problem here, by reason."""
        ...


class Teacher(Protocol):
    """A source of paths."""

    num_paths: int
    ask_again: ClassVar[bool]  # whether a path that is missing may come when it is asked for again

    def files(self) -> dict[str, FilePath]:
        """Local files that are read: their content is part of the stage's key."""
        ...

    def exemplars(self) -> Sequence[Mapping[str, Any]]:
        """The worked problems that it is shown; none for one that is not prompted."""
        ...

    def paths(
        self, problems: Sequence[Problem], thoughts: Mapping[str, Thought], ledger: FilePath
    ) -> Iterator[Path]:
        """Yield up to `num_paths` paths per (problem, thought), those for k among those for k+1.

        What costs money is kept in the folder `ledger`, which outlives every run.
        """
        ...


class StudentConfig(Protocol):
    """A student as configured: it names its weights and loads them when asked."""

    kind: Literal["causal", "seq2seq"]
    prompt: Literal["chat", "plain"]
    tuning: Literal["full", "lora", "dora"]
    lora_rank: int
    lora_alpha: float
    lora_dropout: float
    lora_targets: str | tuple[str, ...]

    def files(self) -> dict[str, FilePath]:
        """Local files that it is made of: their content is part of the stages' keys."""
        ...

    def is_packed(self) -> bool:
        """Whether loading takes an unpacking that is worth doing once for all runs."""
        ...

    def load(self, seed: int) -> Any:
        """Model and tokenizer (students/load.py)."""
        ...
