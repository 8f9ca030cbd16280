"""The interfaces of lesson makers, round methods and objectives."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import ClassVar, Literal, Protocol, runtime_checkable

from mdexp.ports.thought import Executor, Thought
from mdexp.records import Example, Lesson, Problem, VerifiedPath


@runtime_checkable
class LessonMaker(Protocol):
    """Makes lessons from the verified paths of a problem, independently of the student."""

    def teaches(self, thoughts: Mapping[str, Thought]) -> Collection[str]:
        """The names of the run's thoughts for which it makes lessons; ValueError if a thought that
        it needs is missing."""
        ...

    def make(
        self,
        problem: Problem,
        paths: Sequence[VerifiedPath],
        thoughts: Mapping[str, Thought],
        executor: Executor,
    ) -> Iterator[Lesson]:
        """Yield lessons; the executor can check what is derived from a path. Lessons of two makers
        may have the same `sample`: the stage `examples` renumbers the second and sets the ids."""
        ...


@runtime_checkable
class RoundMethod(Protocol):
    """Decides what a student learns in a later round, after it answered the training problems
    itself."""

    num_paths: int  # own paths per problem and thought: the greedy one, then sampled ones
    # Added to the question of a problem that no such path solved, which is then asked again; it
    # contains {answer}, and no lesson shows it. None: it is not asked again.
    hint: str | None

    def choose(
        self,
        problem: Problem,
        taught: Sequence[VerifiedPath],
        own: Sequence[VerifiedPath],
        thoughts: Mapping[str, Thought],
    ) -> Sequence[VerifiedPath]:
        """Return the paths of a problem from which lessons are made, among the teacher's verified
        ones and the student's own. A path that is returned twice makes two lessons. If no problem
        has any, the teacher's are used."""
        ...


@runtime_checkable
class Objective(Protocol):
    """The training objective: a weighted sum of a step's negative log-likelihoods."""

    name: ClassVar[str]  # in messages and on model cards
    pairing: Literal["both", "any"]  # both: train only on problems that have every thought

    def why_not(self, thoughts: Collection[str], lam: float | None) -> str | None:
        """Why it cannot weigh these thoughts with this λ, naming the key; None if it can."""
        ...

    def shares(self, thoughts: Collection[str], lam: float | None) -> Mapping[str, float] | None:
        """Each thought's share of the loss, summing to 1; None for one mean over all. A thought
        with a share has a target in every step."""
        ...

    def token_weights(
        self, step: Sequence[Example], shares: Mapping[str, float] | None
    ) -> Sequence[float]:
        """The weight of each scored token of each example of an optimiser step, in order. If
        `shares` is None, the call only has to give positive weights."""
        ...

    def formula(self, thoughts: Collection[str], lam: float | None) -> str:
        """The loss as a formula with its numbers, for the report."""
        ...


@runtime_checkable
class WithAuxiliary(Protocol):
    """An objective with auxiliary thoughts: no step needs a lesson of theirs."""

    auxiliary: Mapping[str, float]  # share of the loss of each auxiliary thought
    per_problem: int | None  # most lessons of such a thought from a problem in a step
