"""Accuracy by the number of tokens that a student writes per problem, from the paths of a run.

A sample does not depend on how many follow it (decoding/sampling.py). Each point is therefore what
a run with fewer samples, or with `decoding=stopping`, would have written and elected.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import NamedTuple, TypedDict

import numpy as np
from numpy.typing import NDArray

from mdexp.grading.curves import MIX, SPARSE, won
from mdexp.grading.election import booth
from mdexp.grading.score import by_problem, elections
from mdexp.grading.statistics import mcnemar, wilson
from mdexp.grading.stopping import settled_at
from mdexp.grading.vote_rules.majority import Majority
from mdexp.grading.vote_rules.scorer import ScorerVote
from mdexp.ports import VoteRule
from mdexp.records import Generation, Output, Vote
from mdexp.records.row_names import RUN_VOTE

CONFIDENCES = (0.75, 0.9, 0.95, 0.99, 1.0)
STOPPING = "stopping"
BY_RULE = "vote by "  # and the name of the run's rule, where that is no majority
Tokens = Mapping[tuple[str, str, int], int]  # problem, thought, sample: tokens written
Heard = NDArray[np.bool_]  # which paths are heard, the last axis


class TokenPoint(TypedDict):
    """The accuracy and cost of a vote; paths and tokens are means over problems."""

    setting: str  # samples of each thought, or the confidence
    paths: float
    tokens: float
    accuracy: float
    ci95: list[float]  # Wilson
    p: float  # exact McNemar against the majority of all paths


TokenCurves = dict[str, list[TokenPoint]]  # each thought, the mix, stopping, and the run's own rule


class _Paths(NamedTuple):
    """The sampled paths of a test set, the same ones for each problem, in tie-break order."""

    problems: Sequence[Sequence[Generation]]
    tokens: NDArray[np.int_]  # problems x paths
    thoughts: Sequence[str]  # of each path
    samples: NDArray[np.int_]  # of each path

    def first(self, samples: int, thoughts: Sequence[str]) -> Heard:
        """The paths of the first `samples` samples of those thoughts."""
        return np.isin(self.thoughts, thoughts) & (self.samples <= samples)


def token_curves(
    generations: Sequence[Generation],
    votes: Sequence[Vote],
    outputs: Sequence[Output],
    thoughts: Sequence[str],
    rule: VoteRule,
) -> dict[str, TokenCurves]:
    """The curves of the trained student by test set. `generations` are its graded `outputs`,
    `thoughts` all by which it answers, and `rule` is that of the run's `votes`.

    A set has no curves if its problems have different sampled paths (sampling stopped early), if
    the paths are the best of a beam or a search, or if no thought has two.
    """
    ours = [g for g in generations if g.phase == "after"]
    tokens = {
        (o.problem_id, o.thought, o.sample): o.num_tokens for o in outputs if o.phase == "after"
    }
    run_votes = [v for v in votes if (v.phase, v.split, v.row) == ("after", "test", RUN_VOTE)]
    found = {}
    for dataset in dict.fromkeys(vote.dataset for vote in run_votes):
        order = next(vote.order for vote in run_votes if vote.dataset == dataset)
        asked = [g for g in ours if g.split == "validation" or g.dataset == dataset]
        paths = _sampled(asked, order, tokens)
        if paths is not None:
            found[dataset] = _curves(paths, order)
            if not isinstance(rule, Majority):
                found[dataset] |= _by_rule(paths, asked, order, thoughts, rule)
    return found


def _sampled(
    generations: Sequence[Generation], order: Sequence[str], tokens: Tokens
) -> _Paths | None:
    """The paths; None if the set has no curves."""
    problems = by_problem(g for g in generations if g.sample and g.split == "test")
    if any(path.trace for paths in problems for path in paths):
        return None
    ranked = [sorted(paths, key=lambda g: (_rank(g, order), g.sample)) for paths in problems]
    layouts = {tuple((g.thought, g.sample) for g in paths) for paths in ranked}
    if len(layouts) != 1:
        return None
    [layout] = layouts
    if max(Counter(thought for thought, _ in layout).values(), default=0) < 2:
        return None
    spent = [[tokens[g.problem_id, g.thought, g.sample] for g in paths] for paths in ranked]
    return _Paths(ranked, np.array(spent), [t for t, _ in layout], np.array([s for _, s in layout]))


def _rank(path: Generation, order: Sequence[str]) -> tuple[int, str]:
    """A sort key that puts thoughts without a say in the vote last."""
    known = path.thought in order
    return (order.index(path.thought), "") if known else (len(order), path.thought)


def _curves(paths: _Paths, order: Sequence[str]) -> TokenCurves:
    """The majority of each thought, of the thoughts in `order` together, and with stopping."""
    ways = {thought: [thought] for thought in dict.fromkeys(paths.thoughts)}
    if len(order) > 1:
        ways[MIX] = list(order)
    heard: dict[str, Heard] = {}
    settings: dict[str, Sequence[str]] = {}
    for name, thoughts in ways.items():
        numbers = _numbers(paths, thoughts)
        masks = np.stack([paths.first(n, thoughts) for n in numbers])
        heard[name] = np.broadcast_to(masks, (len(paths.problems), *masks.shape))
        settings[name] = [_plural(n) for n in numbers]
    voting = paths.first(paths.samples.max(), order)
    ends = [
        settled_at([g for g, votes in zip(each, voting, strict=True) if votes], CONFIDENCES)
        for each in paths.problems
    ]
    heard[STOPPING] = voting & (paths.samples <= np.array(ends)[:, :, np.newaxis])
    settings[STOPPING] = [f"confidence {c:g}" for c in CONFIDENCES]
    booths = [booth(each) for each in paths.problems]
    right = {
        name: np.stack([won(one, masks) for one, masks in zip(booths, each, strict=True)])
        for name, each in heard.items()
    }
    whole = right[MIX if MIX in right else order[0]][:, -1]
    return {
        name: [
            _point(setting, paths, heard[name][:, n], right[name][:, n], whole)
            for n, setting in enumerate(settings[name])
        ]
        for name in heard
    }


def _by_rule(
    paths: _Paths,
    generations: Sequence[Generation],
    order: Sequence[str],
    thoughts: Sequence[str],
    rule: VoteRule,
) -> TokenCurves:
    """The vote by the run's rule, which learns from all validation paths. If the rule asks the
    run's scorer, the tokens include the texts that this reads."""
    if isinstance(rule, ScorerVote):
        read = [[path.score is not None for path in each] for each in paths.problems]
        paths = paths._replace(tokens=paths.tokens * (1 + np.array(read)))
    points, verdicts = [], []
    numbers = _numbers(paths, order)
    for number in numbers:
        fewer = [g for g in generations if g.split == "validation" or g.sample <= number]
        elected, _ = elections(fewer, thoughts, rule, order)
        ours = [v for v in elected if v.row == RUN_VOTE and v.split == "test"]
        right = {vote.problem_id: vote.correct for vote in ours}
        verdicts.append(np.array([right[each[0].problem_id] for each in paths.problems]))
    booths = [booth(each) for each in paths.problems]
    everyone = paths.first(numbers[-1], order)
    whole = np.array([won(one, everyone[np.newaxis])[0] for one in booths])
    for number, verdict in zip(numbers, verdicts, strict=True):
        heard = np.broadcast_to(paths.first(number, order), paths.tokens.shape)
        points.append(_point(_plural(number), paths, heard, verdict, whole))
    return {BY_RULE + rule.name: points}


def _numbers(paths: _Paths, thoughts: Sequence[str]) -> list[int]:
    """The numbers of samples that have a point: 1 to 4, then round ones, and all."""
    most = int(paths.samples[np.isin(paths.thoughts, thoughts)].max())
    return sorted(number for number in {*SPARSE, most} if number <= most)


def _plural(number: int) -> str:
    return f"{number} sample{'s' if number > 1 else ''}"


def _point(
    setting: str, paths: _Paths, heard: Heard, right: Iterable[bool], whole: Iterable[bool]
) -> TokenPoint:
    """`heard` is problems x paths."""
    verdicts, reference = [bool(one) for one in right], [bool(one) for one in whole]
    n, correct = len(verdicts), sum(verdicts)
    return TokenPoint(
        setting=setting,
        paths=fmean(heard.sum(axis=1)),
        tokens=fmean((paths.tokens * heard).sum(axis=1)),
        accuracy=correct / n,
        ci95=list(wilson(correct, n)),
        p=mcnemar(reference, verdicts).p,
    )
