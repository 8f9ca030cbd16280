"""The values that a search gives to texts up to a step, in [0, 1]. Programs that raise have the
value 0 and are not among them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, tanh
from typing import TYPE_CHECKING, ClassVar, Self

from mdexp.decoding.prefix_scores import PrefixScores
from mdexp.decoding.search_steps import Sought
from mdexp.decoding.search_tree import Node
from mdexp.ports import Scores
from mdexp.records import Generation, LinearHead
from mdexp.students.prefix_states import Prefix
from mdexp.students.prompts import Renderer

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True, slots=True)
class TokenLikelihood:
    """The geometric mean of the probabilities that the student gives to a text's tokens."""

    reads_texts: ClassVar[bool] = False

    def __call__(self, asked: Sequence[tuple[Sought, Node]]) -> list[float]:
        return [exp(node.logprob or 0.0) for _, node in asked]


@dataclass(frozen=True, slots=True)
class FittedScores:
    """The probability of a right answer by a scorer that learned from paths. `scores` returns the
    fitted scorer for a problem."""

    scores: Callable[[str], Scores]

    reads_texts: ClassVar[bool] = False

    def __call__(self, asked: Sequence[tuple[Sought, Node]]) -> list[float]:
        found: list[float] = []
        for question, node in asked:
            [score] = self.scores(question.problem.id)([_as_path(question, node)])
            found.append(min(1.0, exp(score)))
        return found


@dataclass(frozen=True, slots=True)
class HeadScores:
    """The probability of a right answer by the run's scorer, which reads prompt and text."""

    scores: PrefixScores

    @classmethod
    def of(cls, head: LinearHead, model: "PreTrainedModel", renderer: Renderer) -> Self:
        return cls(PrefixScores(model, head, renderer.tokenizer.eos_token_id))

    @property
    def reads_texts(self) -> bool:
        return bool(self.scores.head.weights)

    def __call__(self, asked: Sequence[tuple[Sought, Node]]) -> list[float]:
        log_odds = self.scores(
            [Prefix(tuple(question.prompt_ids), node.token_ids) for question, node in asked]
        )
        return [(1 + tanh(odds / 2)) / 2 for odds in log_odds]


def _as_path(question: Sought, node: Node) -> Generation:
    """A text up to a step as a path; an unfinished one has the status `truncated`."""
    return Generation(
        problem_id=question.problem.id,
        dataset=question.problem.dataset,
        split=question.problem.split,
        phase="after",
        thought=question.name,
        sample=0,
        num_shots=0,
        text=question.opening + node.text,
        answer=None,
        status="ok" if node.is_whole else "truncated",
        correct=False,
        logprob=node.logprob,
    )
