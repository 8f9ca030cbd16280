"""Splits what the student wrote into the steps of a search tree."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mdexp.decoding.cached_text import CachedText
from mdexp.decoding.request import Answered
from mdexp.decoding.search_tree import Node
from mdexp.ports import Thought
from mdexp.records import Problem
from mdexp.students.prompts import Renderer
from mdexp.thoughts.steps import OneStep

MOST_STEPS = 2  # of one draw: the step, and what is left of a text that ends right behind it

Ids = Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """A question with the thought to answer it by. `stream` names its random numbers; `opening` is
    the opening tag of thinking at the end of the prompt, mostly empty."""

    problem: Problem
    name: str
    thought: Thought
    stop: Callable[[str], str | None]
    prompt_ids: Ids
    stream: str
    opening: str = ""


@dataclass(frozen=True, slots=True)
class StepReader:
    """Makes nodes of tokens. A text of `max_tokens` tokens is closed."""

    renderer: Renderer
    max_tokens: int

    def of_text(
        self, question: Sought, answered: Answered, read: CachedText, to: Node
    ) -> list[Node]:
        """All steps of a text written behind `to`, each the child of the one before."""
        pieces = []
        rest: Ids = answered.token_ids
        while rest:
            count = self._first(question.thought, rest)
            pieces.append(rest[:count])
            rest = rest[count:]
        return self._nodes(question, answered, pieces, read, to)

    def of_draw(
        self, question: Sought, answered: Answered, read: CachedText, to: Node
    ) -> list[Node]:
        """The step drawn behind `to`. Tokens behind its end are dropped, unless the text ends
        there: they are then a second step."""
        ids = answered.token_ids
        count = self._first(question.thought, ids)
        pieces = [ids[:count]]
        if self._at_end(ids[count:]):
            pieces.append(ids[count:])
        return self._nodes(question, answered, pieces, read, to)

    def _nodes(
        self,
        question: Sought,
        answered: Answered,
        pieces: Sequence[Ids],
        read: CachedText,
        parent: Node,
    ) -> list[Node]:
        nodes: list[Node] = []
        start = 0
        for ids in pieces:
            end = start + len(ids)
            token_ids = (*parent.token_ids, *ids)
            text = self.renderer.text(token_ids)
            whole = question.stop(text)
            ended = whole is not None or self._at_end(ids)
            is_closed = ended or not ids or len(token_ids) >= self.max_tokens
            parent = Node(
                parent=parent,
                token_ids=token_ids,
                logprobs=(*parent.logprobs, *answered.logprobs[start:end]),
                text=text if whole is None else whole,
                is_whole=ended and len(token_ids) <= self.max_tokens,
                is_closed=is_closed,
                is_cut=not ended
                and OneStep(question.thought).complete(self.renderer.text(ids)) is None,
                read=read,
            )
            nodes.append(parent)
            if is_closed:
                break
            start = end
        return nodes

    def _first(self, thought: Thought, ids: Ids) -> int:
        """The number of tokens of the first step; all tokens if it is not complete."""
        step = OneStep(thought)
        complete = (n for n in range(1, len(ids)) if step.complete(self.renderer.text(ids[:n])))
        return next(complete, len(ids))

    def _at_end(self, ids: Ids) -> bool:
        return bool(ids) and ids[-1] == self.renderer.tokenizer.eos_token_id
