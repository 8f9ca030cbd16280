"""Holds the vote over the paths of one problem: a rule weighs the answers, and the heaviest is
elected.

Rules are in vote_rules/; which answers are equal and when one is right is in election.py. A tie
goes to the first thought of the order among the tied answers, then to its earliest sample; two
single paths that differ always tie under majority, so `tie` is recorded.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np

from mdexp.grading.election import booth, candidate, count, verdicts
from mdexp.grading.vote_rules.counting import own_choices
from mdexp.grading.vote_rules.majority import MAJORITY
from mdexp.ports import Ballot, Tally, VoteRule
from mdexp.records import Generation, Vote

EQUAL = 1e-9  # relative; floating-point sums differ by 1e-16


def trust(thoughts: Sequence[str], accuracy: Mapping[str, Fraction]) -> list[str]:
    """The thoughts by decreasing validation accuracy; equal or unmeasured ones keep their order."""
    return sorted(thoughts, key=lambda thought: -accuracy.get(thought, Fraction(0)))


def elect(
    paths: Sequence[Generation],
    order: Sequence[str],
    rule: VoteRule = MAJORITY,
    row: str = "vote",
) -> Vote:
    """The answer to which a problem's paths give the most weight by `rule`.

    `order` lists thoughts, the best first; others do not vote. The elected answer is written as in
    its first path in that order. If all paths abstain there is none.
    """
    heard = [path for path in paths if path.thought in order]
    ranked = sorted(heard, key=lambda path: (order.index(path.thought), path.sample))
    cast = [(key, path) for path in ranked if (key := candidate(path)) is not None]
    ballots = [Ballot(key, path.thought, path.logprob, path) for key, path in cast]
    counted = _tallied(rule, ballots) if ballots else {}
    most = max(counted.values(), default=0)
    winners = {key for key, weight in counted.items() if weight >= most * (1 - EQUAL)}
    place = next((n for n, ballot in enumerate(ballots) if ballot.key in winners), None)
    elected = None if place is None else cast[place][1]
    return Vote(
        problem_id=paths[0].problem_id,
        dataset=paths[0].dataset,
        split=paths[0].split,
        phase=paths[0].phase,
        answer=elected.answer if elected else None,
        correct=place is not None and _is_right([path for _, path in cast], place),
        tie=len(winners) > 1,
        votes=_written(counted),
        rule=rule.name,
        order=list(order),
        decided=_decided(ballots, None if place is None else ballots[place].key),
        row=row,
    )


def voters(paths: Sequence[Generation]) -> list[Generation]:
    """The sampled paths of a problem; the greedy ones (sample 0) only if nothing was sampled."""
    return [path for path in paths if path.sample > 0] or list(paths)


def _tallied(rule: VoteRule, ballots: Sequence[Ballot]) -> Tally:
    """The weights by the rule; ValueError if they are all 0 or include an answer that no path
    gave."""
    counted = rule.tally(ballots)
    given = {ballot.key for ballot in ballots}
    if not counted or not counted.keys() <= given or not all(w >= 0 for w in counted.values()):
        raise ValueError(
            f"vote={rule.name}: tally has to give weights of at least 0 to some of the answers "
            f"{', '.join(sorted(given))}, got {counted}"
        )
    return counted


def _is_right(cast: Sequence[Generation], place: int) -> bool:
    everyone = np.ones((1, len(cast)), dtype=bool)
    return bool(verdicts(count(booth(cast), everyone), np.array([place]))[0])


def _decided(ballots: Sequence[Ballot], elected: str | None) -> str:
    """How the vote was decided (see records.Vote). A thought all of whose paths failed has no
    choice."""
    own = own_choices(ballots)
    if elected is None:
        return "nobody"
    if len(own) == 1:
        return f"{next(iter(own))} only"
    overruled = [thought for thought, choice in own.items() if choice != elected]
    return f"{', '.join(overruled)} overruled" if overruled else "agreement"


def _written(counted: Tally) -> dict[str, float]:
    """The weights for JSON, the heaviest first; whole numbers as integers."""
    ordered = sorted(counted.items(), key=lambda item: -item[1])
    return {key: int(w) if w == int(w) else round(float(w), 6) for key, w in ordered}
