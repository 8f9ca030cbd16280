"""Values in [0, 1] of texts up to a step, for a search. Steps that failed are not valued here:
tree_growth.py gives them 0."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, tanh
from typing import TYPE_CHECKING

from mdexp.decoding.cached_text import CachedText
from mdexp.decoding.prefix_scores import PrefixScores, scored
from mdexp.decoding.prefixes import why_not_shared
from mdexp.decoding.search_steps import Sought
from mdexp.decoding.search_tree import Node
from mdexp.decoding.text_states import states_behind
from mdexp.grading.choosing import half
from mdexp.ports import Scores
from mdexp.records import Generation, LinearHead
from mdexp.students.prefix_states import Prefix

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from mdexp.decoding.search import TreeSearch
    from mdexp.decoding.student_writer import StudentWriter
    from mdexp.decoding.tree_growth import Values


def step_values(
    decoding: "TreeSearch", writer: "StudentWriter", taught_by: Sequence[Generation]
) -> "Values":
    """The values of a search. A scorer that learns from paths of validation problems judges one
    half of these problems by what the other half taught."""
    if decoding.asks_scorer:
        assert writer.head is not None, "judged"
        end = writer.renderer.tokenizer.eos_token_id
        return HeadScores(writer.model, writer.head, end, decoding.batch_size)
    scorer = decoding.taught_scorer()
    if scorer is None:
        return TokenLikelihood()
    of_all = scorer.fit(taught_by)
    of_others = [
        scorer.fit([path for path in taught_by if half(path.problem_id) != ours]) for ours in (0, 1)
    ]
    known = {path.problem_id for path in taught_by}
    return FittedScores(lambda id: of_others[half(id)] if id in known else of_all)


@dataclass(frozen=True, slots=True)
class TokenLikelihood:
    """The geometric mean of the probabilities that the student gives to a text's tokens."""

    def cost(self, question: Sought, num_tokens: Sequence[int]) -> int:
        return 0

    def __call__(self, asked: Sequence[tuple[Sought, Node]]) -> list[float]:
        return [exp(node.logprob or 0.0) for _, node in asked]


@dataclass(frozen=True, slots=True)
class FittedScores:
    """The probability of a right answer by a scorer that learned from paths. `scores` returns the
    fitted scorer for a problem."""

    scores: Callable[[str], Scores]

    def cost(self, question: Sought, num_tokens: Sequence[int]) -> int:
        return 0

    def __call__(self, asked: Sequence[tuple[Sought, Node]]) -> list[float]:
        found: list[float] = []
        for question, node in asked:
            [score] = self.scores(question.problem.id)([_as_path(question, node)])
            found.append(min(1.0, exp(score)))
        return found


@dataclass(frozen=True, slots=True)
class HeadScores:
    """The probability of a right answer by the run's scorer, a head on the student's hidden states.

    Of a text that a session keeps, the student reads the last token for that; where it cannot keep
    texts (rows.py), prompt and text.
    """

    model: "PreTrainedModel"
    head: LinearHead
    end: int  # the token that ends a sequence
    batch_size: int

    def cost(self, question: Sought, num_tokens: Sequence[int]) -> int:
        if not self.head.weights or not num_tokens:
            return 0
        if self._keeps_texts:
            return len(num_tokens)
        return len(question.prompt_ids) + sum(num_tokens)

    def __call__(self, asked: Sequence[tuple[Sought, Node]]) -> list[float]:
        return [(1 + tanh(odds / 2)) / 2 for odds in self._log_odds(asked)]

    def _log_odds(self, asked: Sequence[tuple[Sought, Node]]) -> list[float]:
        if self.head.weights and self._keeps_texts:
            texts = [self._kept(question, node) for question, node in asked]
            states = states_behind(self.model, texts, self.head.depth, self.batch_size)
            return [scored(self.head, state) for state in states]
        prefixes = [Prefix(tuple(question.prompt_ids), node.token_ids) for question, node in asked]
        return PrefixScores(self.model, self.head, self.end)(prefixes)

    def _kept(self, question: Sought, node: Node) -> CachedText:
        """The text that the session keeps, without its end of sequence."""
        assert node.read is not None, "a text is valued before its cache is dropped"
        ids = [*question.prompt_ids, *node.token_ids]
        return node.read.continued_as(ids[:-1] if ids[-1] == self.end else ids)

    @property
    def _keeps_texts(self) -> bool:
        return why_not_shared(self.model, sys.maxsize) is None


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
