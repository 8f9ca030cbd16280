"""How a thought goes on, and the executor that runs what it writes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from mdexp.records import ONLY_ROLE, Answer, Expected, ProgramResult, Segment, Transcript

Message = dict[str, str]  # {"role": "system" | "user" | "assistant", "content": ...}


class Executor(Protocol):
    """Runs programs that nobody has vetted. A broken sandbox raises; it never answers."""

    def run(self, programs: Sequence[str]) -> list[ProgramResult]:
        """Give one result per program, in order."""
        ...

    def solve(self, systems: Sequence[str]) -> list[ProgramResult]:
        """Give one result per system of equations, in order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """Ask the writer for a text: in a new turn after `cue`, or behind `cue` in its own text
    (`continues`).

    `stop` is called on the growing text. It returns the final text once that is complete, else
    None. Cutting there must not change how the text is read.
    """

    cue: str
    stop: Callable[[str], str | None]
    continues: bool = False
    role: str = ONLY_ROLE  # whose adapter writes it, where roles are separate


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A program is to be run, or a system of equations solved: exactly one of the two is set."""

    program: str | None = None
    equations: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a transcript comes to. `answer` is set if and only if `status` is `ok`."""

    text: str  # cleaned, as it can be trained on
    answer: Answer | None
    status: str  # ok, no_answer, truncated, or how the program failed
    error: str = ""
    result: ProgramResult | None = None  # of the program or system of equations that was read
    thinking: str = ""  # what a reasoning model thought before it answered

    @property
    def is_computed(self) -> bool:
        """Whether a program or a solver gave the answer: no text states it."""
        return self.result is not None

    @property
    def stdout(self) -> str:
        """What the program printed."""
        return self.result.stdout if self.result else ""


Step = Write | Run | Done


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a thought may know beside its own transcript."""

    expected: Expected = field(default_factory=Expected)
    others: Mapping[str, Done] = field(default_factory=dict)  # of the thoughts that it `reads`
    gold: Answer | None = None  # for a thought that declares itself an oracle, and no other


@runtime_checkable
class Thought(Protocol):
    """A way to reason: what happens next, given all that was said so far."""

    instruction: str  # system message for a teacher
    cue: str  # what follows the question, for teacher and student alike

    @property
    def max_writes(self) -> int:
        """The most texts that a writer adds to one transcript. 0: the thought is only trained on,
        beside others; no student is asked for it."""
        ...

    @property
    def votes(self) -> bool:
        """Whether its answers take part in the run's vote. One that does not is still asked of the
        student, and has rows of its own in reports."""
        ...

    @property
    def reads(self) -> tuple[str, ...]:
        """The thoughts whose outcome it is shown."""
        ...

    @property
    def made_from(self) -> Mapping[str, "Thought"]:
        """Other thoughts, by name, whose verified paths this thought's lessons are made from. The
        teacher is asked for those instead. Empty: the teacher writes this thought itself."""
        ...

    @property
    def is_oracle(self) -> bool:
        """Whether it is shown the gold answer: a bound, which no honest method reaches."""
        ...

    @property
    def shows_results(self) -> bool:
        """Whether its lessons show what a program printed. The stage verify then keeps, with each
        path that they are made from, the result of its program as an executor's segment."""
        ...

    @property
    def unit(self) -> Literal["line", "sentence"]:
        """What one reasoning step is: a line (programs, equations) or a sentence (prose)."""
        ...

    def next(self, transcript: Transcript, seen: Seen) -> Step:
        """Return what is to happen next. Pure, so that a killed run goes on from what was said.

        It is asked when the last segment is the question, a finished text or a result.
        """
        ...

    def exemplar(self, row: Mapping[str, Any]) -> tuple[Segment, ...]:
        """A few-shot exemplar (a row of exemplars.jsonl) as a transcript's segments."""
        ...

    def lesson(self, transcript: Transcript, done: Done) -> tuple[Segment, ...]:
        """The training target of a verified transcript, from its question on; empty, where there
        is nothing to learn from it. `transcript.thought` is the thought that it was written as."""
        ...


@runtime_checkable
class VariedThought(Protocol):
    """A thought that can be asked in several ways: validation problems choose one of them."""

    def variants(self) -> Mapping[str, Thought]:
        """The ways by name; without validation problems the first is taken, without any way the
        thought as it is. Texts of all of them are read alike."""
        ...


@runtime_checkable
class ChoosesThought(Protocol):
    """A thought whose writer first names another one, by which it goes on. In later rounds its own
    transcripts are lessons beside the paths that it is made from."""

    @property
    def among(self) -> Mapping[str, Thought]:
        """The thoughts that may be named."""
        ...

    def chosen(self, text: str) -> tuple[str, str]:
        """The thought that a text names, and what it says as that; an empty name for none."""
        ...


@runtime_checkable
class BringsTokens(Protocol):
    """A thought whose marks are new tokens of the student's vocabulary. Most thoughts bring none
    and need not say so."""

    @property
    def new_tokens(self) -> Mapping[str, str]:
        """Each token as texts have it, and the words as whose mean embedding it begins."""
        ...


@runtime_checkable
class HasRoles(Protocol):
    """A thought whose texts have different roles, each named by its `Write`. With
    `student.roles=separate` an adapter of its own learns and writes the texts of a role. Most
    thoughts have one role and need not say so."""

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles, in the order in which they write."""
        ...


def roles_of(thoughts: Mapping[str, Thought]) -> tuple[str, ...]:
    """The roles of all thoughts, each once."""
    each = (t.roles if isinstance(t, HasRoles) else (ONLY_ROLE,) for t in thoughts.values())
    return tuple(dict.fromkeys(role for roles in each for role in roles))


def brought_tokens(thoughts: Mapping[str, Thought]) -> dict[str, str]:
    """The new tokens that the thoughts of a run bring, each with the words that it begins as; of a
    token that two thoughts bring, the first one's words. Empty for most runs."""
    tokens: dict[str, str] = {}
    for thought in thoughts.values():
        if isinstance(thought, BringsTokens):
            tokens = dict(thought.new_tokens) | tokens
    return tokens
