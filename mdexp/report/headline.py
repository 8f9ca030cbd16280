"""What the report opens with: what mixing the thoughts gained, and how sure that is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mdexp.grading.analysis import Analyses
from mdexp.grading.curves import Gain
from mdexp.grading.pairing import compare_verdicts, paired_verdicts
from mdexp.grading.statistics import Interval, holm
from mdexp.records import Generation, Phase, Vote
from mdexp.report.charts import svg
from mdexp.report.tables import p_value

WIDTH, HEAD, ROW, PADDING = 320, 8, 26, 12  # rows as high as those of the table beside it
CLEAR = 0.05  # largest p that is called a difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Versus:
    """A difference of two accuracies on one test set, as a share."""

    name: str  # what it is measured against
    mean: float
    ci95: Interval
    p: float  # exact McNemar, not corrected


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The answer of the run: the first difference is the one that counts."""

    claim: str  # what the number says, without it
    differences: list[Versus]
    how: str  # what is compared with what, and whether that is fair
    verdict: str  # what the interval and the test say


def headline(
    analyses: Analyses, generations: Sequence[Generation], votes: Sequence[Vote]
) -> Headline | None:
    """On the first test set, after training if there is an after; None if nothing was generated.

    Against several thoughts the first is the one that is hardest to beat on this very test, so
    that picking it works against the mix.
    """
    if not analyses:
        return None
    dataset, phases = next(iter(analyses.items()))
    phase: Phase = "after" if "after" in phases else "before"
    found = phases[phase]["curves"]
    if found and found["gains"]:
        return _equal_budget(dataset, found["gains"])
    before, after = (
        paired_verdicts(generations, votes, p).get(dataset, {}) for p in ("before", phase)
    )
    thoughts = [name for name in after if not name.endswith("vote")]
    if len(thoughts) > 1 and "vote" in after:
        return _vote_of_greedy(dataset, after, thoughts)
    if phase == "after" and thoughts and thoughts[0] in before:
        return _training(dataset, thoughts[0], before, after)
    return None


def forest(differences: Sequence[Versus]) -> str:
    """Each difference with its interval on one scale, zero marked."""
    ends = [end for d in differences for end in (*d.ci95, 0.0)]
    low, high = min(ends), max(ends)
    span = (high - low) or 1.0

    def x(value: float) -> float:
        return PADDING + (value - low) / span * (WIDTH - 2 * PADDING)

    height = HEAD + ROW * len(differences)
    parts = [f'<line class="zero" x1="{x(0):.1f}" x2="{x(0):.1f}" y1="0" y2="{height}"/>']
    for number, d in enumerate(differences):
        y = HEAD + ROW * (number + 0.5)
        parts.append(f'<line x1="{x(d.ci95[0]):.1f}" x2="{x(d.ci95[1]):.1f}" y1="{y}" y2="{y}"/>')
        parts.append(f'<circle cx="{x(d.mean):.1f}" cy="{y}" r="5"/>')
    return svg("forest", WIDTH, height, "the differences as listed, beside zero", parts)


def _equal_budget(dataset: str, gains: Sequence[Gain]) -> Headline:
    paths = gains[0]["paths"]
    differences = [
        Versus(
            name=f"{paths} {g['thought']} paths",
            mean=g["mean"],
            ci95=Interval(*g["ci95"]),
            p=g["p"],
        )
        for g in gains
    ]
    each = paths // len(gains)
    mix = " + ".join(f"{each} {g['thought']}" for g in gains)
    how = (
        f"On {dataset}, a majority of {mix} paths against as many paths of one thought: equal "
        "budgets, means over subsets of the sampled paths. Interval: BCa over problems, 95 %, too "
        "narrow where few problems are in dispute. Test: over problems, on one subset of each."
    )
    return _ordered("Mixing", differences, how)


def _vote_of_greedy(
    dataset: str, after: Mapping[str, dict[str, bool]], thoughts: Sequence[str]
) -> Headline:
    differences = []
    for thought in thoughts:
        differences.append(_versus(f"one {thought} path", after[thought], after["vote"]))
    how = (
        f"On {dataset}, the vote against one path of a thought. The budgets are not equal: nothing "
        "can be said of mixing as such until both sides have as many paths "
        "(decoding.num_paths). Interval: paired bootstrap over problems (BCa), 95 %."
    )
    return _ordered("The vote", differences, how)


def _training(
    dataset: str,
    thought: str,
    before: Mapping[str, dict[str, bool]],
    after: Mapping[str, dict[str, bool]],
) -> Headline:
    versus = _versus(f"{thought} before training", before[thought], after[thought])
    how = (
        f"On {dataset}, {thought} after training against before; this run mixes nothing. "
        "Interval: paired bootstrap over problems (BCa), 95 %."
    )
    return _ordered("Training", [versus], how)


def _versus(name: str, first: Mapping[str, bool], second: Mapping[str, bool]) -> Versus:
    found = compare_verdicts(first, second)
    return Versus(
        name=name, mean=found.difference.mean, ci95=found.difference.ci95, p=found.mcnemar.p
    )


def _ordered(subject: str, differences: Sequence[Versus], how: str) -> Headline:
    """The claim by the difference that is hardest to show.

    An interval alone is not enough: of a few discordant pairs, all alike, a bootstrap never draws
    another kind.
    """
    hardest_first = sorted(differences, key=lambda d: d.mean)
    low, high = hardest_first[0].ci95
    side = "lies above" if low > 0 else "lies below" if high < 0 else "holds"
    p, test = _tested(hardest_first)
    clear = side != "holds" and p <= CLEAR
    value = p_value(p) if p < 0.0001 else f"= {p_value(p)}"
    seen = f"The interval {side} zero and p {value} ({test})"
    if clear:
        claim, verdict = f"{subject} {'helped' if low > 0 else 'hurt'}:", f"{seen}."
    else:
        claim = f"{subject} made no clear difference:"
        verdict = f"{seen}, so that this run shows neither a gain nor a loss."
    return Headline(claim=claim, differences=hardest_first, how=how, verdict=verdict)


def _tested(hardest_first: Sequence[Versus]) -> tuple[float, str]:
    """The p of the claim, and how it was computed.

    To help is to beat every thought, so that the largest p counts. To hurt, being beaten by one is
    enough, and that one was chosen: its p is corrected for all of them.
    """
    test, p_values = "exact McNemar test", [d.p for d in hardest_first]
    if len(p_values) == 1:
        return p_values[0], test
    if hardest_first[0].mean > 0:
        return max(p_values), f"{test}, the largest of {len(p_values)}"
    return holm(p_values)[0], f"{test}, Holm-corrected for {len(p_values)} comparisons"
