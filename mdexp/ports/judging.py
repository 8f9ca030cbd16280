"""The interfaces of graders, vote rules and scorers."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, runtime_checkable

from mdexp.records import Answer, Generation, LinearHead, TextMatch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Weight = float | Fraction


Tally = dict[str, Weight]  # canonical answer: weight


class Ballot(NamedTuple):
    """One path's answer in a vote, as a canonical key (answers.canonical)."""

    key: str
    thought: str
    logprob: float | None = None  # mean of the path's tokens, nats; None: not known
    path: Generation | None = None  # the path itself, for rules that need more of it


Scores = Callable[[Sequence[Generation]], Sequence[float]]


@runtime_checkable
class Scorer(Protocol):
    """Estimates how likely a path is right, fitted on graded paths of validation problems."""

    def fit(self, paths: Sequence[Generation]) -> Scores:
        """Return a function that gives one score per path, the higher the better, as a
        log-probability (nats). `paths` may be empty, all right or all wrong: a weak student is not
        an error."""
        ...


class ReadPrefix(NamedTuple):
    """A path of the trained student, or the beginning of one, as that student reads it."""

    problem_id: str
    thought: str
    step: int | None  # that it ends with, from 0; None: it is the whole path
    num_tokens: int  # of the text so far
    is_right: bool  # whether the whole path is
    states: "NDArray[np.float32]"  # behind the last token, (depths, hidden size)


@runtime_checkable
class PrefixScorer(Protocol):
    """How likely a path, or the beginning of one, leads to a right answer: a linear head on the
    hidden states of the trained student, which stays as it is. It learns from the student's own
    paths of training problems, and what it chooses it chooses on validation problems."""

    num_paths: int  # own paths of each problem and thought: the greedy one, then sampled ones
    num_problems: int | None  # training problems, the first ones; None: all
    depths: tuple[float, ...]  # of the states: 0 the embeddings, 1 the last layer
    by_step: bool  # whether it is given the beginnings of paths up to each step, too

    def fit(
        self, training: Sequence[ReadPrefix], validation: Sequence[ReadPrefix]
    ) -> tuple[LinearHead, Mapping[str, Any]]:
        """Return the head, and counts. Either may be empty, all right or all wrong: a weak student
        is no error."""
        ...


class AdapterOptions(Protocol):
    """How an adapter learns with a scorer's head (training/scorer_adapter.py)."""

    @property
    def rank(self) -> int: ...

    @property
    def epochs(self) -> int: ...

    @property
    def learning_rate(self) -> float: ...


@runtime_checkable
class AdaptsReader(Protocol):
    """A scorer that may let an adapter on the student learn, with which the student reads paths for
    it. Most scorers keep the student frozen and do not need this."""

    @property
    def adapter(self) -> AdapterOptions | None: ...

    def pairs(self, paths: Sequence[ReadPrefix]) -> Sequence[tuple[int, int]]:
        """Places of a right and a wrong path that the adapter is to tell apart. The paths are
        whole, and their states are not yet read."""
        ...


@runtime_checkable
class VoteRule(Protocol):
    """Gives each answer of a vote its weight; grading/vote.py elects the heaviest."""

    name: ClassVar[str]  # in votes.jsonl and in messages
    all_vote: ClassVar[bool]  # whether `order`, if given, has to name every thought
    needs_validation: ClassVar[bool]  # whether it learns from validation problems
    order: tuple[str, ...]  # thoughts, the most trusted first; empty: by validation accuracy

    def tally(self, ballots: Sequence[Ballot]) -> Tally:
        """Return the weight, at least 0, of each answer that may win; the heaviest wins.

        There is at least one ballot; ballots are sorted by the order of thoughts, then by sample.
        """
        ...

    def describe(self, order: Sequence[str]) -> str:
        """The rule in words, such as `majority, ties to pot, cot`; `order` is the order in use."""
        ...


@runtime_checkable
class LearnedVote(Protocol):
    """A vote rule that is fitted on validation problems before it weighs answers."""

    def learned(self, paths: Sequence[Generation]) -> Sequence[VoteRule]:
        """The candidate rules, fitted on graded paths of validation problems; for any paths the
        same options in the same order. The option whose votes are right most often on problems it
        was not fitted on is used, the first of equals."""
        ...


class Attempt(NamedTuple):
    """A finished path as a grader sees it."""

    answer: Answer | None  # None if its thought found none or its program failed
    said: str  # its prose, or the output of its program
    match: TextMatch | None = None  # how free text is compared, if gold is free text


@runtime_checkable
class Grader(Protocol):
    """Decides when an answer counts as right. A path that the token limit cut short never reaches
    it."""

    name: ClassVar[str]  # written, with the version, into every result row
    version: ClassVar[int]  # raise it when verdicts change: versions are never compared

    def read(self, attempt: Attempt, gold: Answer) -> Answer | None:
        """The path's answer, which votes count; None if it has none.

        Use `gold` only for the kind of answer that is expected. Most graders return
        `attempt.answer`.
        """
        ...

    def is_right(self, attempt: Attempt, gold: Answer) -> bool:
        """Whether the attempt answers the problem."""
        ...
