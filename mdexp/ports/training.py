"""What a student is trained on, and what training minimises."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import ClassVar, Literal, Protocol, runtime_checkable

from mdexp.ports.thought import Executor, Thought
from mdexp.records import Example, Lesson, Problem, VerifiedPath


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
class RoundMethod(Protocol):
    """What a student learns in a later round, after it wrote about the training problems itself."""

    num_paths: int  # that it writes of each problem and thought: the greedy one, then sampled ones
    # Behind the question of a problem that no such path solved, which is then asked again; holds
    # {answer}, and no lesson shows it. None: it is not asked again.
    hint: str | None

    def choose(
        self,
        problem: Problem,
        taught: Sequence[VerifiedPath],
        own: Sequence[VerifiedPath],
        thoughts: Mapping[str, Thought],
    ) -> Sequence[VerifiedPath]:
        """Return the paths of a problem that lessons are made of, among the teacher's verified ones
        and the student's own. One that is returned twice makes two lessons. If no problem has any,
        the teacher's stay."""
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
