"""The vote over the paths of one problem.

Answers are grouped by `answers.canonical`, so 29, "29.0" and "$29" are one candidate. A path
without an answer abstains. What each rule counts stands in rules.py. A tie goes to the first
thought of the order among the tied answers, then to its earliest sample; two single paths that
differ can only tie by majority, which is why `tie` is kept. Paths with the same answer may be
judged apart (18.0000001 is 18 here, not for dss): the verdict is that on most of them, half are too
few, so that it does not hang on which path came first.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from mdexp.answers import canonical
from mdexp.grading import rules
from mdexp.grading.rules import Ballot, Tally
from mdexp.records import Generation, Rule, Vote

Accuracy = Mapping[str, Fraction]  # what validation lets expect of each thought's greedy path
EQUAL = 1e-9  # relative difference below which two weights tie: floating-point sums differ by 1e-16


def trust(thoughts: Sequence[str], accuracy: Accuracy) -> list[str]:
    """Thoughts by falling validation accuracy; equal or unmeasured ones keep their order."""
    return sorted(thoughts, key=lambda thought: -accuracy.get(thought, Fraction(0)))


def elect(
    paths: Sequence[Generation],
    order: Sequence[str],
    rule: Rule = "majority",
    accuracy: Accuracy | None = None,
    row: str = "vote",
) -> Vote:
    """The answer to which a problem's paths give the most weight by `rule`.

    `order` lists thoughts, the best first; one that it leaves out has no say. The elected answer
    stands as its first path in that order wrote it. Where all abstain there is none. `accuracy` is
    what vote=accuracy weighs by.
    """
    heard = [path for path in paths if path.thought in order]
    ranked = sorted(heard, key=lambda path: (order.index(path.thought), path.sample))
    cast = [(key, path) for path in ranked if (key := _candidate(path)) is not None]
    ballots = [Ballot(key, path.thought, path.logprob) for key, path in cast]
    counted = tally(rule, ballots, accuracy or {})
    most = max(counted.values(), default=0)
    winners = {key for key, weight in counted.items() if weight >= most * (1 - EQUAL)}
    elected = next((path for key, path in cast if key in winners), None)
    key = _candidate(elected) if elected else None
    verdicts = [path.correct for given, path in cast if given == key]
    return Vote(
        problem_id=paths[0].problem_id,
        dataset=paths[0].dataset,
        split=paths[0].split,
        phase=paths[0].phase,
        answer=elected.answer if elected else None,
        correct=2 * sum(verdicts) > len(verdicts),
        tie=len(winners) > 1,
        votes=_written(counted),
        rule=rule,
        order=list(order),
        decided=_decided(ballots, key),
        row=row,
    )


def tally(rule: Rule, ballots: Sequence[Ballot], accuracy: Accuracy) -> Tally:
    """The weight of each answer by the rule of that name."""
    if not ballots:
        return {}
    match rule:
        case "majority":
            return rules.majority(ballots)
        case "likelihood":
            return rules.by_likelihood(ballots)
        case "accuracy":
            return rules.by_accuracy(ballots, accuracy)
        case "cascade":
            return rules.cascade(ballots)
        case "agreement":
            return rules.agreement_first(ballots)


def voters(paths: Sequence[Generation]) -> list[Generation]:
    """The sampled paths of a problem; the greedy ones (sample 0) only where nothing was sampled."""
    return [path for path in paths if path.sample > 0] or list(paths)


def _candidate(path: Generation) -> str | None:
    return canonical(path.answer) if path.status == "ok" else None


def _decided(ballots: Sequence[Ballot], elected: str | None) -> str:
    """Who made the vote: see records.Vote. A thought whose every path failed has no choice."""
    own = rules.choices(ballots)
    if elected is None:
        return "nobody"
    if len(own) == 1:
        return f"{next(iter(own))} only"
    overruled = [thought for thought, choice in own.items() if choice != elected]
    return f"{', '.join(overruled)} overruled" if overruled else "agreement"


def _written(counted: Tally) -> dict[str, float]:
    """Weights as JSON holds them, the heaviest first; whole ones as integers."""
    ordered = sorted(counted.items(), key=lambda item: -item[1])
    return {key: int(w) if w == int(w) else round(float(w), 6) for key, w in ordered}
