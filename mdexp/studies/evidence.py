"""Applies the page's rule: what the finished jobs say about each planned test.

A test is *seen* or *opposite* if its p, corrected by Holm for all planned tests of the page, is at
most 5 % and its 95 % interval excludes zero; else it is *not seen*. A test whose jobs have not run
counts in the correction with p = 1, so that running it later cannot undo an earlier verdict.

Paired tests: the exact sign-flip test over problems, which for one seed is McNemar's, and the
interval of `mdexp compare`. Interactions: each problem's slope over the swept value, and whether
its mean differs between kinds of problems more than under permutations of the kinds: a sequential
Monte Carlo p (Besag and Clifford 1991), which stops when 2,000 permutations differ at least as
much, or after 500,000.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, ncx2

from mdexp.grading import clusters
from mdexp.grading.pairing import BOOTSTRAP_SEED
from mdexp.grading.statistics import NORMAL, Interval, bca, holm, paired_difference
from mdexp.studies.job_record import Records
from mdexp.studies.plan import InteractionTest, PairedTest, Study
from mdexp.studies.study_files import StudyError
from mdexp.studies.verdicts import refuse_other_problems, seeds_done, set_results, solved

Verdict = Literal["seen", "not seen", "opposite", "not run"]
ALPHA = 0.05
POWER = 0.8  # the power at the smallest visible difference
MAX_PERMUTATIONS, ENOUGH_EXTREME, BATCH = 500_000, 2_000, 10_000
SHOWN = 5  # kinds of fewer problems count in an interaction's p, and get no estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A difference as a share, with its 95 % interval."""

    name: str
    mean: float
    ci95: Interval


@dataclass(frozen=True, kw_only=True)
class PairedEvidence:
    """Correct answers of both sides, each seeds x problems."""

    name: str
    seeds: Sequence[int]
    first: NDArray[np.bool_]
    second: NDArray[np.bool_]
    same_students: bool  # both sides are answers of one arm

    @cached_property
    def p(self) -> float:
        return clusters.sign_flip(self.first, self.second)

    @property
    def discordant(self) -> float:
        """The share of problems that one side alone solves, as a mean over seeds."""
        return float((self.first != self.second).mean())

    def accuracies(self) -> list[float]:
        return [float(self.first.mean()), float(self.second.mean())]

    @cached_property
    def estimates(self) -> list[Estimate]:
        """The second's accuracy minus the first's; the interval takes a second to compute."""
        if len(self.seeds) == 1:
            pair = self.first[0].tolist(), self.second[0].tolist()
            found = paired_difference(*pair, seed=BOOTSTRAP_SEED)
        else:
            found = clusters.difference(
                self.first, self.second, same_students=self.same_students, seed=BOOTSTRAP_SEED
            )
        return [Estimate(name=self.name, mean=found.mean, ci95=found.ci95)]

    def direction(self) -> Verdict:
        """The verdict if the p is small enough: the side of zero on which the interval lies."""
        low, high = self.estimates[0].ci95
        return "seen" if low > 0 else "opposite" if high < 0 else "not seen"


@dataclass(frozen=True, kw_only=True)
class InteractionEvidence:
    """Each problem's answers at every swept value, and its kind."""

    name: str
    seeds: Sequence[int]
    values: Sequence[float]  # swept
    right: NDArray[np.float64]  # values x problems, shares of the seeds
    by: str  # what the kinds are: type or steps
    kinds: Sequence[str]

    @property
    def slopes(self) -> NDArray[np.float64]:
        """Of each problem, the slope of the straight line fitted to its answers over the values."""
        values = np.array(self.values)
        weights = (values - values.mean()) / ((values - values.mean()) ** 2).sum()
        return np.tensordot(weights, self.right, axes=1)

    @cached_property
    def p(self) -> float:
        _, groups = np.unique(self.kinds, return_inverse=True)
        of_kind = np.eye(groups.max() + 1)[groups] / np.sqrt(np.bincount(groups))
        slopes, source = self.slopes, np.random.default_rng(BOOTSTRAP_SEED)
        seen = ((slopes @ of_kind) ** 2).sum()
        number = extreme = 0
        while number < MAX_PERMUTATIONS and extreme < ENOUGH_EXTREME:
            drawn = source.permuted(np.tile(slopes, (BATCH, 1)), axis=1)
            extreme += int((((drawn @ of_kind) ** 2).sum(axis=1) >= seen - 1e-12).sum())
            number += BATCH
        return (1 + extreme) / (1 + number)

    def _shown(self) -> dict[str, NDArray[np.bool_]]:
        """Which problems are of each kind that has SHOWN of them."""
        kinds = np.array(self.kinds)
        members = {kind: kinds == kind for kind in sorted(set(self.kinds))}
        return {
            f"{self.by} {kind} (n = {of.sum()})": of
            for kind, of in members.items()
            if of.sum() >= SHOWN
        }

    def accuracies(self) -> dict[str, list[float]]:
        """Of each kind that is shown, the accuracy at each value."""
        return {name: self.right[:, of].mean(axis=1).tolist() for name, of in self._shown().items()}

    @cached_property
    def estimates(self) -> list[Estimate]:
        """The mean slope of each kind that is shown, as accuracy per unit of the swept value."""
        found = []
        for name, of in self._shown().items():
            slopes = self.slopes[of]
            ends = bca(slopes, seed=BOOTSTRAP_SEED, least=-1.0)
            found.append(Estimate(name=name, mean=float(slopes.mean()), ci95=ends))
        return found

    def direction(self) -> Verdict:
        """The verdict if the p is small enough: seen, since an interaction has no direction."""
        return "seen"


Evidence = PairedEvidence | InteractionEvidence


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedTest:
    """A planned test and its outcome; `evidence` and `holm` are None until it has run."""

    question: str
    test: PairedTest | InteractionTest
    evidence: Evidence | None
    holm: float | None
    verdict: Verdict


def judged_tests(study: Study, records: Records) -> list[JudgedTest]:
    """Every planned test of the page, in order."""
    planned = list(study.tests())
    found = [gather(study, test, records) for _, test in planned]
    corrected = holm([evidence.p if evidence else 1.0 for evidence in found])
    results = []
    for (question, test), evidence, p in zip(planned, found, corrected, strict=True):
        verdict: Verdict = "not run"
        if evidence:
            verdict = evidence.direction() if p <= ALPHA else "not seen"
        results.append(
            JudgedTest(
                question=question,
                test=test,
                evidence=evidence,
                holm=p if evidence else None,
                verdict=verdict,
            )
        )
    return results


def question_verdict(results: Sequence[JudgedTest]) -> Verdict | None:
    """Seen if every test was, opposite if any was, not run while one is not; None without tests."""
    verdicts = [result.verdict for result in results]
    if "not run" in verdicts:
        return "not run"
    if not verdicts:
        return None
    if "opposite" in verdicts:
        return "opposite"
    return "seen" if set(verdicts) == {"seen"} else "not seen"


def gather(study: Study, test: PairedTest | InteractionTest, records: Records) -> Evidence | None:
    """The evidence for a test from the seeds that all its arms have; None without any."""
    systems = test.systems()
    seeds = seeds_done(study, systems, records)
    if not seeds:
        return None
    refuse_other_problems(study, systems, seeds, records)
    right = [solved(study, system, seeds, records) for system in systems]
    if isinstance(test, PairedTest):
        return PairedEvidence(
            name=describe_test(test),
            seeds=seeds,
            first=right[0],
            second=right[1],
            same_students=test.first.arm == test.second.arm,
        )
    results = set_results(study, f"{systems[0].arm}-{seeds[0]}", study.dataset(systems[0]), records)
    kinds = results.kinds[test.by]
    if len(set(kinds)) < 2:
        raise StudyError(f"{describe_test(test)}: all problems are of one kind, {kinds[0]}")
    return InteractionEvidence(
        name=describe_test(test),
        seeds=seeds,
        values=list(test.arms),
        right=np.array([each.mean(axis=0) for each in right]),
        by=test.by,
        kinds=kinds,
    )


def describe_test(test: PairedTest | InteractionTest) -> str:
    if isinstance(test, PairedTest):
        return f"{test.second.describe()} against {test.first.describe()}"
    return f"slope of {test.row} by {test.by}"


def smallest_visible(study: Study, test: PairedTest | InteractionTest) -> float | None:
    """The difference that one seed shows in four of five studies, at the strictest level that Holm
    sets. For a pair it is Connor's (1987) approximation for McNemar's test; for an interaction, the
    standard deviation over equally large kinds, by the noncentral chi-square distribution. None if
    there are too few problems to show any."""
    level = ALPHA / len(list(study.tests()))
    n, share = study.problems[study.dataset(test.systems()[0])], test.discordant
    if isinstance(test, InteractionTest):
        spread = noncentrality(test.groups - 1, level)
        return sqrt(spread / n * share)
    wrong, missed = NORMAL.inv_cdf(1 - level / 2), NORMAL.inv_cdf(POWER)
    # sqrt(n) x = wrong sqrt(share) + missed sqrt(share - x^2), solved for x
    root = sqrt(share * (n * missed**2 - wrong**2 * missed**2 + missed**4))
    found = (sqrt(n * share) * wrong + root) / (n + missed**2)
    return found if found < share else None


def noncentrality(degrees: int, level: float) -> float:
    """The noncentrality at which the chi-square test with so many degrees of freedom has the power
    POWER."""
    critical, low, high = chi2.ppf(1 - level, degrees), 0.0, 1e3
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if ncx2.sf(critical, degrees, middle) < POWER else (low, middle)
    return high
