"""The tree layout: the common part of a problem's prompts is computed once.

The trunk is the longest common token prefix of the problem's rendered prompts, less one token: the
last token of a prompt predicts the first of the target, so it belongs to a path. Each path is a
branch, whose positions continue those of the trunk. Prompts that alter the question share little
with the others and get a separate tree. Trees are packed into a single row, which leaves almost no
padding.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, takewhile
from typing import TYPE_CHECKING

from mdexp.students.likelihood import NO_TARGET
from mdexp.training.micro_batch import MicroBatch, Weighted, bucketed, marks

if TYPE_CHECKING:
    import torch

    from mdexp.students.branch_attention import AttentionBlock, Tree

ROW_BUCKET = 64  # tokens of a packed row
RUN_BUCKET = 32  # tokens of a run within attention
RUNS_BUCKET = 4
SPLIT_BELOW = 0.9  # of one tree's tokens: each further tree adds runs
MAX_RUNS = 8  # runs that attend together; with more their lengths would differ more


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedTrunk:
    """The trunk of a problem and the examples that continue it."""

    trunk: int  # tokens
    paths: list[Weighted]

    @property
    def tokens(self) -> int:
        return self.trunk + sum(len(path.inputs()) - self.trunk for path in self.paths)


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A trunk or a branch: consecutive tokens of the packed row."""

    ids: list[int]
    labels: list[int]
    weight: float = 0.0
    thought: int = 0
    trunk: range = range(0)  # position of a branch's trunk in the row


def tree_batches(
    step: Sequence[Weighted],
    names: tuple[str, ...],
    *,
    micro_batch_tokens: int,
    pad_id: int,
) -> list[MicroBatch]:
    """As few micro-batches as possible, of similar sizes, each within `micro_batch_tokens` padded
    tokens; a single path that is longer gets its own."""
    problems: dict[str, list[Weighted]] = defaultdict(list)
    for row in step:
        problems[row.example.problem_id].append(row)
    trees = [
        tree
        for paths in problems.values()
        for group in _by_prefix(paths)
        for tree in _within_budget(group, micro_batch_tokens)
    ]
    return [_tensors(trees, names, pad_id) for trees in _bins(trees, micro_batch_tokens)]


def trunk_length(prompts: Sequence[Sequence[int]]) -> int:
    """The number of tokens of the longest common prefix of prompts, less one."""
    common = takewhile(lambda tokens: len(set(tokens)) == 1, zip(*prompts, strict=False))
    return max(0, sum(1 for _ in common) - 1)


def _by_prefix(paths: Sequence[Weighted]) -> list[list[Weighted]]:
    """The paths of a problem, grouped so that prompts in a group share enough."""
    of_prompt: dict[tuple[int, ...], list[Weighted]] = defaultdict(list)
    for path in paths:
        of_prompt[tuple(path.example.prompt_ids)].append(path)
    groups: list[list[Weighted]] = []
    for prompt in sorted(of_prompt):  # similar prefixes become neighbours
        alone = of_prompt[prompt]
        if groups and _tokens([*groups[-1], *alone]) <= _tokens(groups[-1]) + _tokens(alone):
            groups[-1] += alone
        else:
            groups.append(alone)
    whole = list(paths)
    return groups if sum(map(_tokens, groups)) < SPLIT_BELOW * _tokens(whole) else [whole]


def _tokens(paths: Sequence[Weighted]) -> int:
    """The number of tokens of one tree of these paths."""
    trunk = trunk_length([path.example.prompt_ids for path in paths])
    return SharedTrunk(trunk=trunk, paths=list(paths)).tokens


def _within_budget(paths: Sequence[Weighted], budget: int) -> list[SharedTrunk]:
    """A problem as one tree, or as several with the same trunk if it is too large for one."""
    trunk = trunk_length([path.example.prompt_ids for path in paths])
    trees = [SharedTrunk(trunk=trunk, paths=[])]
    for path in paths:
        length = len(path.inputs()) - trunk
        if trees[-1].paths and bucketed(trees[-1].tokens + length, ROW_BUCKET) > budget:
            trees.append(SharedTrunk(trunk=trunk, paths=[]))
        trees[-1].paths.append(path)
    return trees


def _bins(trees: Sequence[SharedTrunk], budget: int) -> list[list[SharedTrunk]]:
    """The trees in as few bins as possible, the largest tree first, into the emptiest bin."""
    largest_first = sorted(trees, key=lambda tree: -tree.tokens)
    fewest = math.ceil(sum(tree.tokens for tree in trees) / budget)
    for number in range(min(fewest, len(trees)), len(trees) + 1):
        bins: list[list[SharedTrunk]] = [[] for _ in range(number)]
        for tree in largest_first:
            min(bins, key=_size).append(tree)
        if bucketed(max(map(_size, bins)), ROW_BUCKET) <= budget:
            return bins
    return [[tree] for tree in largest_first]


def _size(trees: Sequence[SharedTrunk]) -> int:
    return sum(tree.tokens for tree in trees)


def _segments(trees: Sequence[SharedTrunk]) -> list[Branch]:
    """The trunks and branches in their order in the row."""
    segments: list[Branch] = []
    start = 0
    for tree in trees:
        shared = tree.paths[0].inputs()[: tree.trunk]
        segments.append(Branch(ids=shared, labels=[NO_TARGET] * tree.trunk))
        segments += [
            Branch(
                ids=path.inputs()[tree.trunk :],
                labels=path.labels()[tree.trunk :],
                weight=path.weight,
                thought=path.thought,
                trunk=range(start, start + tree.trunk),
            )
            for path in tree.paths
        ]
        start += tree.tokens
    return segments


def _tensors(trees: Sequence[SharedTrunk], names: tuple[str, ...], pad_id: int) -> MicroBatch:
    import torch

    segments = _segments(trees)
    lengths = [len(segment.ids) for segment in segments]
    tokens = sum(lengths)
    empty = bucketed(tokens, ROW_BUCKET) - tokens
    filler = Branch(ids=[pad_id] * empty, labels=[NO_TARGET] * empty)
    whole = [*segments, filler]
    of_token = torch.repeat_interleave(torch.tensor([*lengths, empty]))
    labels = torch.tensor([[label for segment in whole for label in segment.labels]])
    positions = [len(s.trunk) + i for s in whole for i in range(len(s.ids))]
    return MicroBatch(
        input_ids=torch.tensor([[token for segment in whole for token in segment.ids]]),
        attention_mask=torch.ones_like(labels),
        labels=labels,
        names=names,
        tokens=tokens,
        tree=_tree(segments, torch.tensor([positions])),
        **marks(
            labels,
            torch.tensor([segment.weight for segment in whole])[of_token][None],
            torch.tensor([segment.thought for segment in whole])[of_token][None],
        ),
    )


def _tree(segments: Sequence[Branch], positions: "torch.Tensor") -> "Tree":
    import torch

    from mdexp.students.branch_attention import Tree

    ends = list(accumulate(len(segment.ids) for segment in segments))
    runs = [
        (range(end - len(segment.ids), end), segment.trunk)
        for segment, end in zip(segments, ends, strict=True)
        if segment.ids
    ]
    runs.sort(key=lambda run: (len(run[1]) > 0, len(run[0]), len(run[1])))  # trunks, then branches
    num_trunks = sum(not trunk for _, trunk in runs)
    cuts = sorted({0, *range(num_trunks, len(runs), MAX_RUNS), *range(0, num_trunks, MAX_RUNS)})
    blocks = [_block(runs[cut:end]) for cut, end in zip(cuts, [*cuts[1:], len(runs)], strict=True)]
    queries = torch.cat([block.queries.flatten() for block, _ in blocks])
    real = torch.cat([real.flatten() for _, real in blocks])
    place = torch.zeros(positions.shape[1], dtype=torch.long)
    place[queries[real]] = real.nonzero()[:, 0]
    return Tree(
        blocks=tuple(block for block, _ in blocks),
        positions=positions,
        place=place,
        longest=int(positions.max()) + 1,
    )


def _block(runs: Sequence[tuple[range, range]]) -> "tuple[AttentionBlock, torch.Tensor]":
    """Runs of similar length, padded to the longest, and which of their queries are not padding."""
    import torch

    from mdexp.students.branch_attention import AttentionBlock

    queries = _indices([run for run, _ in runs])
    keys = _indices([(*trunk, *run) for run, trunk in runs])
    empty = [0] * (len(queries) - len(runs))
    trunks = torch.tensor([*(len(trunk) for _, trunk in runs), *empty])
    lengths = torch.tensor([*(len(run) for run, _ in runs), *empty])
    query = torch.arange(queries.shape[1])
    # Padding comes after the last key of a run, where its queries do not attend.
    seen = torch.arange(keys.shape[1]) <= trunks[:, None, None] + query[:, None]
    return AttentionBlock(queries=queries, keys=keys, seen=seen), query < lengths[:, None]


def _indices(rows: Sequence[Sequence[int]]) -> "torch.Tensor":
    """Rows of a bucketed length and number, padded with token 0."""
    import torch

    length = bucketed(max(map(len, rows)), RUN_BUCKET)
    full = [[*row, *[0] * (length - len(row))] for row in rows]
    empty = bucketed(len(rows), RUNS_BUCKET) - len(rows)
    return torch.tensor(full + [[0] * length] * empty)
