"""The vote over the paths of one problem.

Answers are grouped by `answers.canonical`, so 29, "29.0" and "$29" are one candidate. A path
without an answer abstains. By majority a tie goes to the first thought of the order among the tied
answers, then to its earliest sample; two single paths that differ can only tie, which is why `tie`
is kept. By cascade the first thought of the order that has an answer decides alone.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from mdexp.answers import canonical
from mdexp.records import Generation, Rule, Vote


def trust(thoughts: Sequence[str], accuracy: Mapping[str, float]) -> list[str]:
    """Thoughts by falling validation accuracy; equal or unmeasured ones keep their order."""
    return sorted(thoughts, key=lambda thought: -accuracy.get(thought, 0.0))


def elect(paths: Sequence[Generation], order: Sequence[str], rule: Rule = "majority") -> Vote:
    """The answer that most of a problem's paths reach, or by cascade most of the deciding thought.

    `order` lists thoughts, the best first; one that it leaves out has no say. The elected answer
    stands as its first path in that order wrote it. Where all abstain there is none.
    """
    heard = [path for path in paths if path.thought in order]
    ranked = sorted(heard, key=lambda path: (order.index(path.thought), path.sample))
    cast = [(key, path) for path in ranked if (key := _candidate(path)) is not None]
    if rule == "cascade":
        cast = [(key, path) for key, path in cast if path.thought == cast[0][1].thought]
    counts = Counter(key for key, _ in cast)
    most = max(counts.values(), default=0)
    elected = next((path for key, path in cast if counts[key] == most), None)
    return Vote(
        problem_id=paths[0].problem_id,
        dataset=paths[0].dataset,
        split=paths[0].split,
        phase=paths[0].phase,
        answer=elected.answer if elected else None,
        correct=elected.correct if elected else False,
        tie=list(counts.values()).count(most) > 1,
        votes=dict(counts.most_common()),
        rule=rule,
        order=list(order),
    )


def voters(paths: Sequence[Generation]) -> list[Generation]:
    """The sampled paths of a problem; the greedy ones (sample 0) only where nothing was sampled."""
    return [path for path in paths if path.sample > 0] or list(paths)


def _candidate(path: Generation) -> str | None:
    return canonical(path.answer) if path.status == "ok" else None
