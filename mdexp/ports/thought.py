"""The interfaces of thoughts, and of the executor that runs their programs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from mdexp.records import ONLY_ROLE, Answer, Expected, ProgramResult, Segment, Transcript

Message = dict[str, str]  # {"role": "system" | "user" | "assistant", "content": ...}


class Executor(Protocol):
    """Runs untrusted programs. A broken sandbox raises an exception; it never gives a result."""

    def run(self, programs: Sequence[str]) -> list[ProgramResult]:
        """Return one result per program, in order."""
        ...

    def solve(self, systems: Sequence[str]) -> list[ProgramResult]:
        """Return one result per system of equations, in order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """Ask the writer for a text: in a new turn after `cue`, or as a continuation of its own text
    after `cue` (`continues`). `stop` is called on the growing text and returns the final text once
    that is complete, else None. Cutting there must not change how the text is read.
    """

    cue: str
    stop: Callable[[str], str | None]
    continues: bool = False
    role: str = ONLY_ROLE  # whose adapter writes it, if roles are separate


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Run a program or solve a system of equations; exactly one of the two is set."""

    program: str | None = None
    equations: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The outcome of a transcript. `answer` is set if and only if `status` is `ok`."""

    text: str  # cleaned, as used in training
    answer: Answer | None
    status: str  # ok, no_answer, truncated, or how the program failed
    error: str = ""
    result: ProgramResult | None = None  # of the program or system of equations that was read
    thinking: str = ""  # what a reasoning model thought before it answered

    @property
    def is_computed(self) -> bool:
        """Whether a program or a solver gave the answer, so that no text states it."""
        return self.result is not None

    @property
    def stdout(self) -> str:
        """What the program printed."""
        return self.result.stdout if self.result else ""


Step = Write | Run | Done


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a thought may see besides its own transcript."""

    expected: Expected = field(default_factory=Expected)
    others: Mapping[str, Done] = field(default_factory=dict)  # of the thoughts that it `reads`
    gold: Answer | None = None  # only for a thought that declares itself an oracle


@runtime_checkable
class Thought(Protocol):
    """A way to reason: it decides what happens next, given the transcript so far."""

    instruction: str  # system message for a teacher
    cue: str  # text after the question, for teacher and student

    @property
    def max_writes(self) -> int:
        """The most texts that a writer adds to one transcript. 0: the thought is only trained on,
        and no student is asked for it."""
        ...

    @property
    def votes(self) -> bool:
        """Whether its answers take part in the run's vote. If not, the student is still asked for
        it, and reports have its rows."""
        ...

    @property
    def reads(self) -> tuple[str, ...]:
        """The thoughts whose outcomes it sees."""
        ...

    @property
    def made_from(self) -> Mapping[str, "Thought"]:
        """Other thoughts, by name, whose verified paths this thought's lessons are made from. The
        teacher is asked for those instead. Empty: the teacher writes this thought itself."""
        ...

    @property
    def is_oracle(self) -> bool:
        """Whether it sees the gold answer, which makes it an upper bound and not a method."""
        ...

    @property
    def shows_results(self) -> bool:
        """Whether its lessons show what a program printed. The stage verify then keeps the
        program's result with each path, as an executor's segment."""
        ...

    @property
    def unit(self) -> Literal["line", "sentence"]:
        """The unit of a reasoning step: a line (programs, equations) or a sentence (prose)."""
        ...

    def next(self, transcript: Transcript, seen: Seen) -> Step:
        """Return the next action.

        It must be a pure function, so that a killed run can resume from the transcript. It is
        called when the last segment is the question, a finished text or a result.
        """
        ...

    def exemplar(self, row: Mapping[str, Any]) -> tuple[Segment, ...]:
        """A few-shot exemplar (a row of exemplars.jsonl) as a transcript's segments."""
        ...

    def lesson(self, transcript: Transcript, done: Done) -> tuple[Segment, ...]:
        """The training target of a verified transcript, from its question on; empty if there is
        nothing to learn from it. `transcript.thought` is the thought as which it was written."""
        ...


@runtime_checkable
class VariedThought(Protocol):
    """A thought with several variants, of which validation problems choose one."""

    def variants(self) -> Mapping[str, Thought]:
        """The variants by name; without validation problems the first is used, without any variant
        the thought itself. Texts of all variants are read alike."""
        ...


@runtime_checkable
class ChoosesThought(Protocol):
    """A thought whose writer first names another thought and then continues as that one. In later
    rounds its own transcripts become lessons beside the paths that it is made from."""

    @property
    def among(self) -> Mapping[str, Thought]:
        """The thoughts that may be named."""
        ...

    def chosen(self, text: str) -> tuple[str, str]:
        """The thought that a text names, and the rest of the text; an empty name if it names
        none."""
        ...


@runtime_checkable
class BringsTokens(Protocol):
    """A thought that adds tokens to the student's vocabulary. Most thoughts add none and do not
    need this."""

    @property
    def new_tokens(self) -> Mapping[str, str]:
        """Each token's text, and the words whose mean embedding initialises it."""
        ...


@runtime_checkable
class HasRoles(Protocol):
    """A thought whose texts have different roles, named by `Write.role`. With
    `student.roles=separate`, each role has an adapter that learns and writes its texts. Most
    thoughts have one role and do not need this."""

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles, in the order in which they write."""
        ...


def roles_of(thoughts: Mapping[str, Thought]) -> tuple[str, ...]:
    """The roles of all thoughts, each once."""
    each = (t.roles if isinstance(t, HasRoles) else (ONLY_ROLE,) for t in thoughts.values())
    return tuple(dict.fromkeys(role for roles in each for role in roles))


def brought_tokens(thoughts: Mapping[str, Thought]) -> dict[str, str]:
    """The tokens that a run's thoughts add, each with the words that initialise it; if two thoughts
    add the same token, the first one's words. Empty for most runs."""
    tokens: dict[str, str] = {}
    for thought in thoughts.values():
        if isinstance(thought, BringsTokens):
            tokens = dict(thought.new_tokens) | tokens
    return tokens
