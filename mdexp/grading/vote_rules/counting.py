"""Counts that several rules share. It imports nothing slow, since rules are built when settings are
validated."""

from collections import Counter
from collections.abc import Sequence

from mdexp.ports import Ballot, Tally


def paths_per_answer(ballots: Sequence[Ballot]) -> Tally:
    """How many paths give each answer."""
    return dict(Counter(ballot.key for ballot in ballots))


def by_thought(ballots: Sequence[Ballot]) -> dict[str, list[Ballot]]:
    """The ballots of each thought, in their order."""
    thoughts: dict[str, list[Ballot]] = {}
    for ballot in ballots:
        thoughts.setdefault(ballot.thought, []).append(ballot)
    return thoughts


def own_choices(ballots: Sequence[Ballot]) -> dict[str, str]:
    """The answer that each thought would give alone: that of most of its paths, then the
    earliest."""
    counts = {thought: paths_per_answer(cast) for thought, cast in by_thought(ballots).items()}
    return {thought: max(own, key=own.__getitem__) for thought, own in counts.items()}
