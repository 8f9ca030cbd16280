"""The interfaces of plug-ins: thought, lesson maker, dataset, teacher, student, decoder, vote rule,
grader and logger; and of the executor.

A plug-in is one Python file and one yaml that names it by `_target_`. It is a frozen pydantic
model: its fields are its options. It imports torch, openai and the like only inside its methods, so
that a configuration is judged in milliseconds.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path as FilePath
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, runtime_checkable

from mdexp.records import (
    Answer,
    Example,
    Expected,
    Generation,
    Lesson,
    NearDuplicates,
    Output,
    Overlap,
    Path,
    Problem,
    ProgramResult,
    Segment,
    TextMatch,
    ThinkingUse,
    Transcript,
    VerifiedPath,
)

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
    role: str = "student"  # which student writes, where two are trained


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
        is nothing to learn from it."""
        ...


@runtime_checkable
class VariedThought(Protocol):
    """A thought that can be asked in several ways: validation problems choose one of them."""

    def variants(self) -> Mapping[str, Thought]:
        """The ways by name; without validation problems the first is taken, without any way the
        thought as it is. Texts of all of them are read alike."""
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
class LessonMaker(Protocol):
    """Makes lessons of the verified paths of a problem, without knowing the student."""

    def teaches(self, thoughts: Mapping[str, Thought]) -> Collection[str]:
        """Names of the thoughts of a run that it makes lessons of; ValueError where it lacks one
        that it needs."""
        ...

    def make(
        self,
        problem: Problem,
        paths: Sequence[VerifiedPath],
        thoughts: Mapping[str, Thought],
        executor: Executor,
    ) -> Iterator[Lesson]:
        """Yield lessons; the executor checks what is derived from a path. Lessons of two makers may
        have one `sample`: the stage `examples` gives the second another number, and each its id."""
        ...


@runtime_checkable
class Objective(Protocol):
    """What training minimises: a weighted sum over the negative log-likelihoods of a step."""

    name: ClassVar[str]  # in messages and on model cards
    pairing: Literal["both", "any"]  # both: train only on problems that have every thought

    def why_not(self, thoughts: Collection[str], lam: float | None) -> str | None:
        """Why it cannot weigh these thoughts with this λ, naming the key; None where it can."""
        ...

    def shares(self, thoughts: Collection[str], lam: float | None) -> Mapping[str, float] | None:
        """Each thought's share of the loss, summing to 1; None: they are one mean. A thought with a
        share has a target in every step."""
        ...

    def token_weights(
        self, step: Sequence[Example], shares: Mapping[str, float] | None
    ) -> Sequence[float]:
        """The weight of each scored token of each example of an optimiser step, in order. With
        `shares` of None they serve to tell thoughts apart, and only have to be positive."""
        ...

    def formula(self, thoughts: Collection[str], lam: float | None) -> str:
        """The loss as a formula with its numbers, for the report."""
        ...


@runtime_checkable
class WithAuxiliary(Protocol):
    """An objective by which the lessons of some thoughts are auxiliary: no step needs one."""

    auxiliary: Mapping[str, float]  # the share of the loss that each such thought has
    per_problem: int | None  # most lessons of such a thought from a problem in a step


@runtime_checkable
class Decoder(Protocol):
    """How a student comes to its answers: greedily and by samples, by beams, by search."""

    num_paths: int  # of each thought that vote
    num_shots: int  # of the few-shot prompt before training
    num_validation: int  # validation problems that are answered
    max_new_tokens: int  # of each text
    engine: Literal["local", "openai"]

    def why_not(self, thoughts: Mapping[str, Thought], kind: str) -> str | None:
        """Why it cannot decode these thoughts with a student of this kind; None where it can."""
        ...

    def untrained(self) -> "Decoder":
        """The decoder of the same student before training."""
        ...

    def with_choice(self, counts: Mapping[str, Any]) -> "Decoder":
        """The decoder with what it chose in a run, by its counts there of one thought."""
        ...

    def solve(
        self,
        problems: Sequence[Problem],
        thoughts: Mapping[str, Thought],
        writer: Any,
        executor: Executor,
        found: Mapping[Any, Done],
    ) -> tuple[list[Output], dict[str, Any]]:
        """What `writer` (decoding/student_writer.py) wrote for each (problem, thought, sample), and
        counts. `found` has outcomes of thoughts that these read, by reading.TranscriptKey."""
        ...


OodSet = str | dict[str, dict[str, Any]]  # a dataset by name; one's own with its options


@runtime_checkable
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


@runtime_checkable
class HasColumns(Protocol):
    """A dataset of the user's own columns, some of which nothing reads."""

    def unread(self) -> Counter[str]:
        """In how many rows each column that is not read holds something."""
        ...


@runtime_checkable
class Teacher(Protocol):
    """A source of paths."""

    num_paths: int
    thinking: ThinkingUse
    ask_again: ClassVar[bool]  # whether a path that is missing may come when it is asked for again

    def files(self) -> dict[str, FilePath]:
        """Local files that are read: their content is part of the stage's key."""
        ...

    def exemplars(self) -> Sequence[Mapping[str, Any]]:
        """The worked problems that it is shown; none for one that is not prompted."""
        ...

    def paths(
        self,
        problems: Sequence[Problem],
        thoughts: Mapping[str, Thought],
        ledger: FilePath,
        executor: Executor,
    ) -> Iterator[Path]:
        """Yield up to `num_paths` paths per (problem, thought); those for k are a subset of those
        for k + 1.

        What costs money is kept in the folder `ledger`, which outlives every run. The executor runs
        what a thought wants run before its next text is written.
        """
        ...


Tuning = Literal["full", "lora", "dora", "qlora"]


@runtime_checkable
class StudentConfig(Protocol):
    """A student as configured: it names its weights and loads them when asked.

    One may also have `base_dtype`, the type of frozen weights: auto, float32 or bfloat16.
    """

    kind: Literal["causal", "seq2seq"]
    prompt: Literal["chat", "plain"]
    tuning: Tuning
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

    def tokenizer(self) -> Any:
        """The tokenizer that `load` gives, without reading weights."""
        ...

    def config(self) -> Any:
        """transformers' configuration of the model that `load` gives, without reading weights."""
        ...


Weight = float | Fraction
Tally = dict[str, Weight]  # canonical answer: weight


class Ballot(NamedTuple):
    """One path's answer in a vote, as a canonical key (answers.canonical)."""

    key: str
    thought: str
    logprob: float | None = None  # mean of the path's tokens, nats; None: not known
    path: Generation | None = None  # the path itself, for rules that look at more of it


Scores = Callable[[Sequence[Generation]], Sequence[float]]


@runtime_checkable
class Scorer(Protocol):
    """How likely a path is right, learned from graded paths of validation problems."""

    def fit(self, paths: Sequence[Generation]) -> Scores:
        """Return a function that gives one score a path, the higher the better, as a
        log-probability (nats). `paths` may be none at all, all right or all wrong: a weak student
        is no error."""
        ...


@runtime_checkable
class VoteRule(Protocol):
    """How much weight each answer gets in a vote; grading/vote.py elects the heaviest."""

    name: ClassVar[str]  # in votes.jsonl and in messages
    all_vote: ClassVar[bool]  # whether `order`, where given, has to name every thought
    needs_validation: ClassVar[bool]  # whether it weighs by accuracy on validation problems
    order: tuple[str, ...]  # thoughts, the most trusted first; empty: by validation accuracy

    def tally(self, ballots: Sequence[Ballot], accuracy: Mapping[str, Fraction]) -> Tally:
        """Return the weight, at least 0, of each answer that may win; the heaviest wins.

        There is at least one ballot. They come ranked: by the order of thoughts, then by sample.
        `accuracy` is what validation lets expect of each thought's paths that vote; a thought that
        answered no validation problem is missing.
        """
        ...

    def describe(self, order: Sequence[str]) -> str:
        """The rule in words, such as `majority, ties to pot, cot`; `order` is the one in use."""
        ...


@runtime_checkable
class LearnedVote(Protocol):
    """A vote rule that learns from validation problems before it weighs."""

    def learned(self, paths: Sequence[Generation]) -> Sequence[VoteRule]:
        """The rules that graded paths of validation problems lead to. The one whose votes are right
        most often there is taken, of equal ones the first."""
        ...


class Attempt(NamedTuple):
    """A finished path as a grader sees it."""

    answer: Answer | None  # None where its thought read none or its program failed
    said: str  # its prose, or what its program printed
    match: TextMatch | None = None  # when free text meets gold, where gold is free text


@runtime_checkable
class Grader(Protocol):
    """When an answer counts as right. A path that the token budget cut short never reaches it."""

    name: ClassVar[str]  # with the version in every result row
    version: ClassVar[int]  # raised when it judges otherwise: versions are never compared

    def read(self, attempt: Attempt, gold: Answer) -> Answer | None:
        """The answer that the path gives, which is what votes count; None if it gives none.

        `gold` tells only what kind of answer is asked for. Most return `attempt.answer`.
        """
        ...

    def is_right(self, attempt: Attempt, gold: Answer) -> bool:
        """Whether the attempt answers the problem."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RunIdentity:
    """A run as its logger knows it."""

    folder: FilePath
    config: Mapping[str, Any]  # composed, every value resolved
    group: str | None  # the sweep that it belongs to


class LoggedRun(Protocol):
    """A run that a logger has begun to follow."""

    last_step: int  # the last optimiser step that it had before; -1 for none

    def lightning(self) -> Any:
        """A Lightning logger, which gets the numbers of a training while it runs."""
        ...

    def finish(self, metrics: Mapping[str, Any] | None) -> None:
        """End with the final metrics (nested, as in metrics.json), or with None as failed."""
        ...


@runtime_checkable
class Logger(Protocol):
    """Where a run's numbers go, beside its CSV files."""

    def start(self, run: RunIdentity) -> LoggedRun | None:
        """Follow a run from before its first stage; None where CSV files are enough."""
        ...

    def log_sweep(self, folder: FilePath, page: FilePath, curves: Sequence[Sequence[Any]]) -> None:
        """Log a finished sweep: its page, and its curves as rows (test set, key, value, line,
        accuracy, low, high)."""
        ...
