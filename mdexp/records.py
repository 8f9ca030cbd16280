"""The records that stages exchange, one JSON object a line: small, frozen, joined by id.

A *problem* is a question with a gold answer. A *path* is one line of reasoning of one thought for
one problem, as the teacher wrote it. A *generation* is the same from the student. `sample` counts
the paths of one (problem, thought) from 0; for a student, sample 0 is the greedy one.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

Answer = int | float | str | bool
Split = Literal["train", "validation", "test"]
Phase = Literal["before", "after"]
Rule = Literal["majority", "likelihood", "accuracy", "cascade", "agreement"]
Grader = Literal["strict", "lenient", "pad", "xot", "dss"]
Overlap = Literal["exact", "masked", "off"]  # datasets/overlap.py says what they mean
NearDuplicates = Literal["keep", "drop"]  # training problems that nearly equal a test problem

# Ends the name under which metrics tell of validation problems: of "svamp", "svamp/validation".
VALIDATION = "/validation"


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
    leaked: bool = False  # a training problem that gives a test problem away: never trained on


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """What the teacher wrote, untouched."""

    problem_id: str
    thought: str
    sample: int
    text: str
    model: str
    finish_reason: str = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedPath:
    """A path that may be trained on: `text` is cleaned, `answer` is what it leads to."""

    problem_id: str
    thought: str
    sample: int
    text: str
    answer: Answer
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A path that was dropped, and why: `reason` is a word to count by, `detail` is for people."""

    problem_id: str
    thought: str
    sample: int
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One training sequence as token ids; `target_ids`, end of sequence included, are scored."""

    problem_id: str
    thought: str
    sample: int
    prompt_ids: list[int]
    target_ids: list[int]
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What the student wrote. `finished` is False where the token budget cut it short."""

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
    stdout: str = ""
    error: str = ""
    logprob: float | None = None  # of the output
    trace: dict[str, Any] = field(default_factory=dict)  # of the output


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One answer elected from several generations; `votes` weighs each canonical answer.

    `order` lists the thoughts that had a say: some rules let the first that answers decide, others
    settle ties by it. `correct` is the verdict on most of the paths that gave the answer: a grader
    may part answers that a vote holds equal. `decided` says how it came about: `agreement`,
    `cot only` (no other thought had an answer), `cot overruled` (its own choice was another one),
    `nobody`.
    """

    problem_id: str
    dataset: str
    split: Split
    phase: Phase
    answer: Answer | None
    correct: bool
    tie: bool
    votes: dict[str, float]
    rule: Rule = "majority"
    order: list[str] = field(default_factory=list)
    decided: str = ""
    row: str = "vote"  # the result row: the run's `vote`, or `cot vote` for one thought's own paths
