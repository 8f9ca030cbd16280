"""The records that stages exchange, one JSON object a line: small, frozen, joined by id.

A *problem* is a question with a gold answer. A *transcript* is one line of reasoning of one thought
for one problem: segments by several authors. A *path* is one transcript, by the teacher or by the
student: the class `Path` is the teacher's, `Output` the student's. A *generation* is an output that
was read and graded. `sample` counts
the transcripts of one (problem, thought) from 0; for a student, sample 0 is the greedy one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Answer = int | float | str | bool
AnswerKind = Literal["number", "yes_no", "options", "text"]
TextMatch = Literal["exact", "normalised"]  # free_text.py says what they mean
Split = Literal["train", "validation", "test"]
Phase = Literal["before", "after"]
Author = Literal["question", "cue", "writer", "executor"]
Turn = Literal["user", "assistant"]
# How a path ends that the teacher or its server refuses to write.
REFUSED = ("content_filter", "refusal")

# What becomes of a teacher's thinking: it is not trained on; it is trained on inside the student's
# own tags, before the target; it is itself the reasoning that is trained on.
ThinkingUse = Literal["drop", "keep", "only"]

# Of a field: left out of a row of a file while it has its default.
OMITTED: Mapping[str, bool] = {"omitted": True}

Overlap = Literal["exact", "masked", "off"]  # datasets/overlap.py says what they mean
NearDuplicates = Literal["keep", "drop"]  # training problems that nearly equal a test problem

# Ends the name under which metrics tell of validation problems: of "svamp", "svamp/validation".
VALIDATION = "/validation"
LETTERS = "abcdefghij"  # of the options of a choice
YES_NO = {"yes": "yes", "true": "yes", "no": "no", "false": "no"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a problem's answer has to be. It tells how to read a text, not whether it is right.

    `options` are the texts behind the letters A, B, ... of a choice, where they are known. The kind
    `text` is anything else; `match` says when two texts are the same answer, where that is stated.
    """

    kind: AnswerKind = "number"
    options: tuple[str, ...] = ()
    match: TextMatch | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One question. `dataset` tells an out-of-distribution test item from one of the main test."""

    id: str
    dataset: str
    split: Split
    question: str
    answer: Answer
    rationale: str = ""  # the dataset's own solution, where it has one
    type: str = ""  # the dataset's own kind of problem: an operation, a template
    leaked: bool = False  # a training problem that equals a test one: never trained on
    options: list[str] = field(default_factory=list)  # the texts behind A, B, ...; none: no choice
    answer_kind: AnswerKind | None = None  # None: that of gold
    # Texts by thought that solve it, of a set that is made by rule; teacher=worked plays them.
    solutions: dict[str, list[str]] | None = field(default=None, metadata=OMITTED)
    # Of free text: when an answer meets gold. Such a problem has the `answer_kind` text.
    match: TextMatch | None = field(default=None, metadata=OMITTED)

    @property
    def expected(self) -> Expected:
        kind = self.answer_kind or _kind_of(self.answer)
        return Expected(kind=kind, options=tuple(self.options), match=self.match)


def _kind_of(gold: Answer) -> AnswerKind:
    if isinstance(gold, bool):
        return "yes_no"
    if not isinstance(gold, str):
        return "number"
    word = gold.strip().strip("().").lower()
    if word in YES_NO:
        return "yes_no"
    if len(word) == 1 and word in LETTERS:
        return "options"
    return "number" if any(character.isnumeric() for character in word) else "text"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch of a transcript that one author wrote.

    The question and a cue are given to the writer, who goes on behind them. The writer
    sees what the executor found only through a later cue. `turn` opens a new turn of a chat;
    without one, the segment goes on in the text before it.
    """

    author: Author
    text: str
    turn: Turn | None = field(default=None, metadata=OMITTED)
    # Which student writes it, where two are trained.
    role: str = field(default="student", metadata=OMITTED)
    # Of a lesson: the student is trained to write it.
    scored: bool = field(default=False, metadata=OMITTED)
    # Of a lesson: what the writer thinks first, in its own tags; a text may hold its own as well.
    thinking: str = field(default="", metadata=OMITTED)
    # Of an executor's segment.
    result: ProgramResult | None = field(default=None, metadata=OMITTED)
    num_tokens: int = field(default=0, metadata=OMITTED)
    # False: the token budget cut it short.
    finished: bool = field(default=True, metadata=OMITTED)
    # Mean of its tokens under its writer, nats.
    logprob: float | None = field(default=None, metadata=OMITTED)

    def __post_init__(self) -> None:
        if isinstance(self.result, dict):  # as JSON has it
            object.__setattr__(self, "result", ProgramResult(**self.result))


Segments = tuple[Segment, ...]


def _read_segments(row: Any) -> None:
    """Turn the mappings that JSON has for segments into Segments."""
    found = tuple(Segment(**s) if isinstance(s, dict) else s for s in row.segments)
    object.__setattr__(row, "segments", found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """What was said so far about a problem, in order; the first segment is the question."""

    problem_id: str
    thought: str
    sample: int
    segments: tuple[Segment, ...]
    round: int = 0

    def after(self, *segments: Segment) -> "Transcript":
        """The transcript with further segments behind it."""
        return replace(self, segments=(*self.segments, *segments))

    @property
    def last(self) -> Segment:
        return self.segments[-1]

    def by(self, author: Author) -> list[Segment]:
        return [segment for segment in self.segments if segment.author == author]


def turns_of(segments: Sequence[Segment]) -> list[tuple[Turn, str]]:
    """The turns of a chat; what an executor found is in none of them."""
    turns: list[tuple[Turn, str]] = []
    for segment in segments:
        if segment.author == "executor":
            continue
        if segment.turn:
            turns.append((segment.turn, segment.text))
        else:
            turn, text = turns[-1]
            turns[-1] = (turn, text + segment.text)
    return turns


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """What the teacher wrote, untouched. `segments` is empty where that was one text."""

    problem_id: str
    thought: str
    sample: int
    text: str
    model: str
    finish_reason: str = "stop"
    thinking: str = ""  # what the server sent apart from the text; it may stand in the text, too
    segments: Segments = field(default=(), metadata=OMITTED)

    def __post_init__(self) -> None:
        _read_segments(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedPath:
    """A path that may be trained on: `text` is cleaned, `answer` is what it leads to, `thinking`
    what is trained on before it. `segments` is empty where it is one text whose result no lesson
    shows; of several texts each holds its own thinking."""

    problem_id: str
    thought: str
    sample: int
    text: str
    answer: Answer
    model: str
    thinking: str = ""
    segments: Segments = field(default=(), metadata=OMITTED)

    def __post_init__(self) -> None:
        _read_segments(self)


# Of a verified path that is named among the unused: no lesson is made of it.
IN_NO_LESSON = "in_no_lesson"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A path or a lesson that was dropped, and why: `reason` is a word to count by, `detail` is for
    people."""

    problem_id: str
    thought: str
    sample: int
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What a student is to learn from: a transcript whose scored segments it is trained to write.

    `sources` name the paths that it was made of, as `thought/sample`.
    """

    id: str  # problem_id/thought/sample
    problem_id: str
    thought: str
    sample: int  # no two lessons of one (problem, thought) have the same
    segments: Segments
    sources: tuple[str, ...]
    # Epoch it is for, from 0; after the last such epoch they repeat. None: every epoch.
    epoch: int | None = None

    def __post_init__(self) -> None:
        _read_segments(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One training sequence as token ids; `target_ids`, end of sequence included, are scored, but
    for the ranges [start, end) of `unscored`."""

    problem_id: str
    thought: str
    sample: int
    prompt_ids: list[int]
    target_ids: list[int]
    target: str
    unscored: tuple[tuple[int, int], ...] = field(default=(), metadata=OMITTED)
    epoch: int | None = field(default=None, metadata=OMITTED)  # as of its lesson

    def scored(self) -> list[bool]:
        """Whether each of `target_ids` is scored."""
        marks = [True] * len(self.target_ids)
        for start, end in self.unscored:
            marks[start:end] = [False] * (end - start)
        return marks

    @property
    def num_scored(self) -> int:
        return len(self.target_ids) - sum(end - start for start, end in self.unscored)


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What the student wrote. `finished` is False where the token budget cut it short; `segments`
    is empty where it wrote one text."""

    problem_id: str
    dataset: str
    split: Split
    phase: Phase
    thought: str
    sample: int
    num_shots: int
    text: str
    num_tokens: int
    finished: bool
    logprob: float | None = None  # mean of its tokens under the student, nats; None: not known
    trace: dict[str, Any] = field(default_factory=dict)  # how a step-wise beam came about
    segments: Segments = field(default=(), metadata=OMITTED)

    def __post_init__(self) -> None:
        _read_segments(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """An output read, run and graded. `status` is `ok` or why there is no answer.

    `read` is what its thought reads or its program gave. `answer` is the same but under a grader
    that reads the text in its own way (`lenient`), and is what votes count.
    """

    problem_id: str
    dataset: str
    split: Split
    phase: Phase
    thought: str
    sample: int
    num_shots: int
    text: str
    answer: Answer | None
    status: str
    correct: bool
    read: Answer | None = None
    is_computed: bool = False  # a program or a solver gave the answer, no text states it
    stdout: str = ""
    error: str = ""
    logprob: float | None = None  # of the output
    trace: dict[str, Any] = field(default_factory=dict)  # of the output
    segments: Segments = field(default=(), metadata=OMITTED)  # of the output
    match: TextMatch | None = field(default=None, metadata=OMITTED)  # of the problem

    def __post_init__(self) -> None:
        _read_segments(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One answer elected from several generations; `votes` weighs each canonical answer.

    `order` lists the thoughts that had a say: some rules let the first that answers decide, others
    settle ties by it. `correct`: most of the paths that gave this answer were graded right; a
    grader may judge answers differently that a vote holds equal. `decided` says how it came about:
    `agreement`, `cot only` (no other thought had an answer), `cot overruled` (its own choice was
    another one), `nobody`.
    """

    problem_id: str
    dataset: str
    split: Split
    phase: Phase
    answer: Answer | None
    correct: bool
    tie: bool
    votes: dict[str, float]
    rule: str = "majority"  # name of the vote rule
    order: list[str] = field(default_factory=list)
    decided: str = ""
    row: str = "vote"  # the result row: the run's `vote`, or `cot vote` for one thought's own paths
