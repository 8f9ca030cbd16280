"""A student's outputs, graded generations, and votes over them."""

from dataclasses import dataclass, field
from typing import Any, Literal

from mdexp.records.problem import Answer, Split, TextMatch
from mdexp.records.rows import OMITTED
from mdexp.records.transcript import Segments, read_segments

Phase = Literal["before", "after"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What the student wrote. `finished` is False if the token limit cut it short; `segments` is
    empty if it is one text."""

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
    trace: dict[str, Any] = field(default_factory=dict)  # the steps of a beam, the tree of a search
    segments: Segments = field(default=(), metadata=OMITTED)
    # Why a server's model may not be the trained student; else empty.
    unverified: str = field(default="", metadata=OMITTED)

    def __post_init__(self) -> None:
        read_segments(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """An output, read, run and graded. `status` is `ok` or the reason why there is no answer.

    `read` is the answer that its thought reads or its program gives. `answer` is what votes count:
    the same, unless the grader reads the text in its own way (`lenient`).
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
    is_computed: bool = False  # a program or a solver gave the answer; no text states it
    stdout: str = ""
    error: str = ""
    logprob: float | None = None  # of the output
    trace: dict[str, Any] = field(default_factory=dict)  # of the output
    segments: Segments = field(default=(), metadata=OMITTED)  # of the output
    match: TextMatch | None = field(default=None, metadata=OMITTED)  # of the problem
    unverified: str = field(default="", metadata=OMITTED)  # of the output
    # Log-odds of being right, in nats, by the run's scorer.
    score: float | None = field(default=None, metadata=OMITTED)

    def __post_init__(self) -> None:
        read_segments(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class PathScore:
    """What a run's scorer says of an output of the trained student: log-odds of being right, in
    nats; and how many tokens of its text were read for it, those of the prompt aside."""

    problem_id: str
    thought: str
    sample: int
    score: float
    num_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TextScore:
    """What a student says of a text that it could be trained to write, summed over the text's
    scored tokens."""

    problem_id: str
    num_tokens: int
    nll: float  # nats
    rank: float  # of each token in the vocabulary: 1 for the likeliest


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearHead:
    """A linear function of a student's hidden state: weights · state + bias, in nats of log-odds.
    `depth` says of which layer: 0 the embeddings, 1 the last one."""

    depth: float
    weights: tuple[float, ...]
    bias: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One answer elected from several generations; `votes` weighs each canonical answer.

    `order` lists the thoughts that voted: some rules let the first with an answer decide, others
    settle ties by it. `correct` is whether most of the paths with this answer were graded right,
    since a grader may distinguish answers that the vote groups. `decided` says how it came about:
    `agreement`, `cot only` (no other thought had an answer), `cot overruled` (its own choice was a
    different one), `nobody`.
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
