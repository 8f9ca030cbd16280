"""Grows the search trees of many questions side by side: one batch draws the next steps of all.

A tree begins with the steps of the greedy text, so that each search that can pay for that text has
a complete one. Then steps are drawn behind the one that PUCT selects (search_tree.py). The program
so far is run (thoughts/steps.py), and each step gets a value: 0 if its program raises. A session
keeps the cache of each text, so that only its last token is read again; that token counts, too.

A search never spends more than its budget: it draws only as often as the rest of the budget pays
for in the worst case.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from mdexp.decoding.request import DecodingLimits, DecodingRequest
from mdexp.decoding.search_steps import MOST_STEPS, Sought, StepReader
from mdexp.decoding.search_tree import Node, SearchTree
from mdexp.decoding.session import EMPTY, Session
from mdexp.ports import Executor
from mdexp.thoughts.steps import OneStep, check


class Values(Protocol):
    """The values of texts up to a step, in [0, 1]."""

    def cost(self, question: Sought, num_tokens: Sequence[int]) -> int:
        """The most tokens that are read for texts of so many tokens each, behind one prompt."""
        ...

    def __call__(self, asked: Sequence[tuple[Sought, Node]]) -> Sequence[float]: ...


class Grown(NamedTuple):
    """What was written behind a step of a tree: several texts, each as its steps."""

    question: Sought
    tree: SearchTree
    parent: Node
    texts: list[list[Node]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """The settings of a search: `branches` draws at a step, of at most `step_tokens` each."""

    session: Session
    executor: Executor
    values: Values
    limits: DecodingLimits  # of a whole text
    budget: int  # tokens of each tree
    branches: int
    step_tokens: int
    exploration: float

    def grow(self, questions: Sequence[Sought]) -> list[SearchTree]:
        """The tree of each question, grown until its budget is spent or nothing is left to try.
        Without steps if the budget is less than the prompt and a whole text."""
        trees = [SearchTree(budget=self.budget, exploration=self.exploration) for _ in questions]
        pairs = list(zip(questions, trees, strict=True))
        self._write_greedy(
            [
                (question, tree)
                for question, tree in pairs
                if len(question.prompt_ids) + self.limits.max_new_tokens <= tree.left
            ]
        )
        while tried := [
            (question, tree, node, number)
            for question, tree in pairs
            if (node := tree.next_to_expand()) and (number := self._draws(question, tree, node))
        ]:
            self._expand(tried)
        return trees

    def _write_greedy(self, pairs: Sequence[tuple[Sought, SearchTree]]) -> None:
        requests = [
            DecodingRequest(
                prompt_ids=question.prompt_ids,
                problem=question.problem.id,
                stop=question.stop,
                sample=0,
                stream=f"{question.stream}/greedy",
            )
            for question, _ in pairs
        ]
        written = self.session.write(requests, [EMPTY] * len(requests), self.limits)
        grown = []
        for (question, tree), (answered, read) in zip(pairs, written, strict=True):
            tree.root.read = read
            tree.spent.prompt += len(question.prompt_ids)
            tree.spent.written += answered.num_tokens
            steps = self._reader.of_text(question, answered, read, tree.root)
            grown.append(Grown(question, tree, tree.root, [steps]))
        self._add(grown)

    def _draws(self, question: Sought, tree: SearchTree, node: Node) -> int:
        """The number of draws at a step that the tree can pay for; 0 without a greedy text."""
        if not tree.root.children:
            return 0
        left = tree.left - self._unread(question, node)
        longest = len(node.token_ids) + self.step_tokens
        return max(
            number
            for number in range(self.branches + 1)
            if not number
            or number * self.step_tokens
            + self.values.cost(question, [longest] * (number * MOST_STEPS))
            <= left
        )

    def _unread(self, question: Sought, node: Node) -> int:
        """The number of tokens that are read before the draws behind a step."""
        ids = [*question.prompt_ids, *node.token_ids]
        return len(ids) - (node.read or EMPTY).continued_as(ids).num_read

    def _expand(self, tried: Sequence[tuple[Sought, SearchTree, Node, int]]) -> None:
        requests = [
            DecodingRequest(
                prompt_ids=[*question.prompt_ids, *node.token_ids],
                problem=question.problem.id,
                stop=OneStep(question.thought).complete,
                sample=1,  # none is greedy
                stream=f"{question.stream}/expansion {tree.expansions}/{draw}",
            )
            for question, tree, node, number in tried
            for draw in range(number)
        ]
        texts = [node.read or EMPTY for _, _, node, number in tried for _ in range(number)]
        limits = replace(self.limits, max_new_tokens=self.step_tokens)
        written = iter(self.session.write(requests, texts, limits))
        grown = []
        for question, tree, node, number in tried:
            tree.expansions += 1
            tree.spent.prompt += self._unread(question, node)
            drawn = [next(written) for _ in range(number)]
            tree.spent.written += sum(answered.num_tokens for answered, _ in drawn)
            texts_of = [self._reader.of_draw(question, *one, node) for one in drawn]
            grown.append(Grown(question, tree, node, texts_of))
            node.is_expanded = True
        self._add(grown)

    @property
    def _reader(self) -> StepReader:
        return StepReader(self.session.renderer, self.limits.max_new_tokens)

    def _add(self, grown: Sequence[Grown]) -> None:
        """Check what was written, add it to the trees, and back up the values of new steps."""
        self._check([(one.question, step) for one in grown for text in one.texts for step in text])
        valued: list[tuple[Sought, Node]] = []
        new: list[tuple[SearchTree, Node]] = []
        for question, tree, parent, texts in grown:
            steps = [step for text in texts for step in tree.extend(parent, text)]
            running = [step for step in steps if step.status != "failed"]
            cost = self.values.cost(question, [len(step.token_ids) for step in running])
            if cost > tree.left:
                tree.is_done = True  # of a greedy text; of draws so much is left
                continue
            tree.spent.scored += cost
            valued += [(question, step) for step in running]
            new += [(tree, step) for step in steps]
        for (_, step), value in zip(valued, self.values(valued), strict=True):
            step.value = value
        for tree, step in new:
            tree.back_up(step)
            if step.is_closed:
                step.read = None
        for one in grown:
            one.tree.close_exhausted(one.parent)

    def _check(self, written: Sequence[tuple[Sought, Node]]) -> None:
        """Run the programs up to each complete step."""
        ended = [(question, step) for question, step in written if not step.is_cut]
        texts = [(question.thought, question.opening + step.text) for question, step in ended]
        for (_, step), checked in zip(ended, check(texts, self.executor), strict=True):
            step.status, step.error = checked.status, checked.error
            if step.status == "failed":
                step.is_closed = True
