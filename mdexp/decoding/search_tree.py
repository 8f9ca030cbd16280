"""The tree of a Monte-Carlo tree search: it selects the step to expand and backs up values.

PUCT (Rosin 2011, as in AlphaZero, arXiv 1712.01815): from the root on, the child with the highest

    mean value + exploration * prior * sqrt(visits of the parent) / (1 + visits of the child)

is followed, up to a step that has not been expanded. Mean values are scaled so that the lowest and
the highest value of the tree, failures aside, are 0 and 1 (MuZero, arXiv 1911.08265): `exploration`
means the same for values of any spread.

The prior of a step is its share of the draws at its parent. The student itself draws the steps, so
that the share estimates their probability (Sampled MuZero, Hubert et al. 2021, arXiv 2104.06303).
Values do not change, so a step with nothing left to try behind it is closed and not selected again.
When the whole tree is closed, all its steps are opened for another round of draws, until a round
finds nothing new.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import TYPE_CHECKING, Any

from mdexp.thoughts.steps import Status

if TYPE_CHECKING:
    from mdexp.decoding.cached_text import CachedText


@dataclass(slots=True, eq=False, kw_only=True)
class Node:
    """A text up to one of its steps. One that reaches the token limit is closed and not whole."""

    parent: "Node | None" = None
    token_ids: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()  # of each token, nats
    text: str = ""
    status: Status = "open"
    error: str = ""
    draws: int = 1  # times that the student wrote this step behind its parent
    value: float = 0.0  # in [0, 1]
    visits: int = 0  # values that were backed up through it
    total: float = 0.0  # their sum
    children: list["Node"] = field(default_factory=list)
    is_whole: bool = False
    is_closed: bool = False  # nothing is to be tried behind it
    is_cut: bool = False  # its step is not complete
    is_expanded: bool = False
    read: "CachedText | None" = None  # of a text that may be expanded

    @property
    def step(self) -> str:
        """What the text says behind its parent's."""
        return self.text[len(self.parent.text) :] if self.parent else self.text

    @property
    def logprob(self) -> float | None:
        """The mean of its tokens, nats."""
        return sum(self.logprobs) / len(self.logprobs) if self.logprobs else None

    def lineage(self) -> Iterator["Node"]:
        """Itself, its parent, and so on to the root."""
        node: Node | None = self
        while node:
            yield node
            node = node.parent


@dataclass(slots=True, kw_only=True)
class Tokens:
    """Tokens that a search spent. `prompt`: read of the prompt, and read again of texts; `written`,
    including what was cut off; `scored`: read by a scorer."""

    prompt: int = 0
    written: int = 0
    scored: int = 0

    @property
    def total(self) -> int:
        return self.prompt + self.written + self.scored


@dataclass(slots=True, kw_only=True)
class SearchTree:
    """The tree of one question. `nodes` are in the order in which they were found, the root (the
    empty text) first."""

    budget: int  # tokens
    exploration: float
    root: Node = field(default_factory=Node)
    spent: Tokens = field(default_factory=Tokens)
    expansions: int = 0
    nodes: list[Node] = field(default_factory=list)
    is_done: bool = False
    reopened_at: int = 0  # how many steps there were then

    def __post_init__(self) -> None:
        self.nodes.append(self.root)

    @property
    def left(self) -> int:
        """Tokens that may still be spent."""
        return self.budget - self.spent.total

    def next_to_expand(self) -> Node | None:
        """The step that PUCT selects; None if nothing is left to try."""
        if self.root.is_closed:
            self._reopen()
        values = [node.value for node in self.nodes[1:] if node.status != "failed"]
        low, high = min(values, default=0.0), max(values, default=0.0)
        node = self.root
        while node.is_expanded:
            draws = sum(child.draws for child in node.children)
            weight = self.exploration * sqrt(node.visits) / draws
            node = max(
                (child for child in node.children if not child.is_closed),
                key=lambda child: (
                    _scaled(child.total / child.visits, low, high)
                    + weight * child.draws / (1 + child.visits)
                ),
            )
        return None if self.is_done else node

    def _reopen(self) -> None:
        self.is_done = len(self.nodes) == self.reopened_at
        self.reopened_at = len(self.nodes)
        for node in self.nodes:
            if node.children:
                node.is_expanded = node.is_closed = False

    def extend(self, parent: Node, steps: Sequence[Node]) -> list[Node]:
        """Add consecutive steps behind `parent`, and return the new ones. A step that is there
        already counts as drawn once more. Nothing is added behind a step that failed."""
        new = []
        for step in steps:
            if parent.status == "failed":
                break
            same = (step.text, step.is_whole)
            known = [child for child in parent.children if (child.text, child.is_whole) == same]
            if known:
                [parent] = known
                parent.draws += 1
            else:
                step.parent = parent
                parent.children.append(step)
                new.append(step)
                parent = step
        self.nodes += new
        return new

    def back_up(self, node: Node) -> None:
        """Add the value of a new step to its own mean and to those of all steps before it."""
        for each in node.lineage():
            each.visits += 1
            each.total += node.value

    def close_exhausted(self, node: Node) -> None:
        """Close an expanded step if all its children are closed, then its parent, and so on."""
        for each in node.lineage():
            if not each.is_expanded or not all(child.is_closed for child in each.children):
                return
            each.is_closed = True

    def leaves(self) -> list[Node]:
        """Whole texts that did not fail, by falling value, then in the order found."""
        whole = [node for node in self.nodes if node.is_whole and node.status != "failed"]
        return sorted(whole, key=lambda node: -node.value)

    def best(self) -> Node:
        """The whole text of the highest value; without one the best unfinished text, else one
        that failed."""
        if leaves := self.leaves():
            return leaves[0]
        ends = [node for node in self.nodes if not node.children]
        return max(ends, key=lambda node: (node.status != "failed", node.value))

    def rows(self) -> list[dict[str, Any]]:
        """The nodes as JSON. `parent` is an index into the list, `mean` the mean of the values that
        were backed up."""
        places = {id(node): place for place, node in enumerate(self.nodes)}
        return [
            {
                "parent": places[id(node.parent)] if node.parent else None,
                "text": node.step,
                "status": "whole" if node.is_whole and node.status != "failed" else node.status,
                "error": node.error,
                "draws": node.draws,
                "value": round(node.value, 4),
                "visits": node.visits,
                "mean": round(node.total / node.visits, 4) if node.visits else None,
            }
            for node in self.nodes
        ]


def _scaled(mean: float, low: float, high: float) -> float:
    """A mean value on the scale from the lowest value to the highest; failures may bring it below
    the lowest, which is 0 all the same."""
    return max(0.0, (mean - low) / (high - low)) if high > low else 0.0
