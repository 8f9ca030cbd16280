"""The opening of the report: what training gained, then what mixing gained, with their
uncertainty."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from mdexp.grading.analysis import Analyses
from mdexp.grading.curves import Curves, Gain
from mdexp.grading.pairing import Verdicts, compare_verdicts, paired_verdicts
from mdexp.grading.statistics import Interval, holm
from mdexp.records import Generation, Phase, Vote
from mdexp.records.row_names import RUN_VOTE
from mdexp.report.charts import svg
from mdexp.report.tables import p_value

WIDTH, HEAD, ROW, PADDING = 320, 8, 26, 12  # row height, equal to that of the table beside it
TEST = "exact McNemar test"
CLEAR = 0.05  # largest p that counts as a difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Versus:
    """A difference of two accuracies on one test set, as a share."""

    name: str  # the row that it is measured against
    mean: float
    ci95: Interval
    p: float  # exact McNemar, not corrected
    accuracies: tuple[float, float] | None = None  # of both sides, if they are single rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """A claim of the report; its first difference is the one that counts."""

    claim: str  # the claim without its number
    differences: list[Versus]
    how: str  # what is compared, and whether that is fair
    verdict: str  # the result of interval and test


def headlines(
    analyses: Analyses,
    generations: Sequence[Generation],
    votes: Sequence[Vote],
    names: Mapping[str, str] = MappingProxyType({}),
) -> list[Headline]:
    """What training and what mixing gained on the first test set, each if the run has both sides of
    it. `names` are the rows' names for people."""
    if not analyses:
        return []
    dataset, phases = next(iter(analyses.items()))
    phase: Phase = "after" if "after" in phases else "before"
    before, after = (
        paired_verdicts(generations, votes, p).get(dataset, {}) for p in ("before", phase)
    )
    found = []
    if phase == "after" and (rows := _own_answer_first(before, after)):
        found.append(_training(dataset, {row: names.get(row, row) for row in rows}, before, after))
    if mixing := _mixing(dataset, phases[phase]["curves"], after, names):
        found.append(mixing)
    return found


def forest(differences: Sequence[Versus]) -> str:
    """A chart of each difference with its interval on one scale, with zero marked."""
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


def _own_answer_first(before: Mapping[str, Verdicts], after: Mapping[str, Verdicts]) -> list[str]:
    """The rows that both phases have, the run's own answer first: its vote if it has one."""
    shared = [row for row in after if row in before]
    thoughts = [row for row in shared if not row.endswith(RUN_VOTE)]
    votes = [RUN_VOTE] if RUN_VOTE in shared and len(thoughts) > 1 else []
    return [*votes, *thoughts]


def _mixing(
    dataset: str,
    curves: Curves | None,
    after: Mapping[str, Verdicts],
    names: Mapping[str, str],
) -> Headline | None:
    """The claim about mixing. Of several thoughts the first is the hardest to beat on this test
    set, so that choosing it works against the mix. None if only one thought answers."""
    if curves and curves["gains"]:
        return _equal_budget(dataset, curves["gains"])
    thoughts = [row for row in after if not row.endswith(RUN_VOTE)]
    if len(thoughts) > 1 and RUN_VOTE in after:
        return _one_answer_each(dataset, after, thoughts, names.get(RUN_VOTE, RUN_VOTE))
    return None


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
        "narrow if few problems differ. Test: over problems, on one subset of each."
    )
    return _ordered("Mixing", differences, how)


def _one_answer_each(
    dataset: str, after: Mapping[str, Verdicts], thoughts: Sequence[str], name: str
) -> Headline:
    differences = [
        _versus(f"one {thought} answer", after[thought], after[RUN_VOTE]) for thought in thoughts
    ]
    how = (
        f"On {dataset}, the {name} against one greedy answer of a thought. The budgets are not "
        "equal: nothing can be said about mixing itself until both sides have as many paths "
        "(decoding.num_paths). Interval: paired bootstrap over problems (BCa), 95 %."
    )
    return _ordered(f"The {name}", differences, how)


def _training(
    dataset: str,
    names: Mapping[str, str],
    before: Mapping[str, Verdicts],
    after: Mapping[str, Verdicts],
) -> Headline:
    """The claim about training. It is about the first row, which is not chosen for its result;
    `names` are by row."""
    differences = [
        _versus(f"{name} before", before[row], after[row]) for row, name in names.items()
    ]
    own = next(iter(names.values()))
    how = (
        f"On {dataset}, after training against before. The claim is about the run's own answer, "
        f"{own}. Interval: paired bootstrap over problems (BCa), 95 %."
    )
    return _claimed("Training", differences, how, (differences[0].p, TEST))


def _versus(name: str, first: Verdicts, second: Verdicts) -> Versus:
    found = compare_verdicts(first, second)
    return Versus(
        name=name,
        mean=found.difference.mean,
        ci95=found.difference.ci95,
        p=found.mcnemar.p,
        accuracies=found.accuracies,
    )


def _ordered(subject: str, differences: Sequence[Versus], how: str) -> Headline:
    """The differences with the one that is hardest to show first."""
    hardest_first = sorted(differences, key=lambda d: d.mean)
    return _claimed(subject, hardest_first, how, _tested(hardest_first))


def _claimed(
    subject: str, differences: list[Versus], how: str, tested: tuple[float, str]
) -> Headline:
    """The claim from the first difference.

    An interval alone is not enough: a bootstrap of a few discordant pairs that all agree never
    draws a different one.
    """
    low, high = differences[0].ci95
    side = "lies above" if low > 0 else "lies below" if high < 0 else "contains"
    p, test = tested
    clear = side != "contains" and p <= CLEAR
    value = p_value(p) if p < 0.0001 else f"= {p_value(p)}"
    however = "but" if p > CLEAR and side != "contains" else "and"
    seen = f"The interval {side} zero {however} p {value} ({test})"
    if clear:
        claim, verdict = f"{subject} {'helped' if low > 0 else 'hurt'}:", f"{seen}."
    else:
        claim = f"{subject} made no clear difference:"
        verdict = f"{seen}; this run shows neither a gain nor a loss."
    return Headline(claim=claim, differences=differences, how=how, verdict=verdict)


def _tested(hardest_first: Sequence[Versus]) -> tuple[float, str]:
    """The p of the claim, and how it was computed.

    Mixing helps if it beats every thought, so the largest p counts. It hurts if one thought beats
    it; since that one was chosen, its p is corrected for all of them.
    """
    p_values = [d.p for d in hardest_first]
    if len(p_values) == 1:
        return p_values[0], TEST
    if hardest_first[0].mean > 0:
        return max(p_values), f"{TEST}, the largest of {len(p_values)}"
    return holm(p_values)[0], f"{TEST}, Holm-corrected for {len(p_values)} comparisons"
