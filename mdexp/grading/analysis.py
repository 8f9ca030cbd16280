"""Analyses the result rows per test set and phase: most of what the report shows."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import NotRequired, TypedDict

from mdexp.grading.breakdowns import answer_size, error_class, steps
from mdexp.grading.curves import Curves, path_curves
from mdexp.grading.graders.dss import Dss
from mdexp.grading.graders.lenient import Lenient
from mdexp.grading.graders.pad import Pad
from mdexp.grading.graders.strict import STRICT
from mdexp.grading.graders.xot import Xot
from mdexp.grading.overlap import SolvedSet, decisions, solved_by, solved_by_votes
from mdexp.grading.score import PHASES, attempt, by_problem
from mdexp.grading.selection import Selection, selections
from mdexp.grading.shares import Share, share
from mdexp.grading.vote_rules.majority import MAJORITY
from mdexp.ports import Grader, VoteRule
from mdexp.records import Generation, Problem, Vote

GRADERS: tuple[Grader, ...] = (STRICT, Lenient(), Pad(), Xot(), Dss())  # shown side by side
KINDS: dict[str, Callable[[Problem], str]] = {
    "type": lambda problem: problem.type or "not known",
    "steps": steps,
    "answer": answer_size,
}


class Disputed(TypedDict):
    """One thought's greedy paths under one grader, compared with the run's own grader."""

    n: int
    correct: int
    ci95: list[float]  # Wilson
    only_here: int  # right here and wrong under the run's grader
    only_run: int  # wrong here and right under the run's grader
    ids: list[str]  # problems in dispute


class Analysis(TypedDict):
    """The analysis of one test set in one phase."""

    curves: Curves | None
    rule: str  # of the vote
    solved_by: dict[str, SolvedSet]  # by greedy paths
    solved_by_votes: dict[str, SolvedSet]  # by the vote of each thought's sampled paths
    decided: dict[str, Share]  # records.Vote.decided
    kinds: dict[str, dict[str, dict[str, Share]]]  # `type`, `steps`, `answer`; group; row
    errors: dict[str, dict[str, int]]  # thought (all its paths), class
    graders: dict[str, dict[str, Disputed]]  # thought, grader
    # What choosing by the run's scorer comes to, by thought; of a run without one it is left out.
    selection: NotRequired[dict[str, Selection]]


Analyses = dict[str, dict[str, Analysis]]  # dataset, phase


def analyse(
    generations: Sequence[Generation],
    votes: Sequence[Vote],
    problems: Mapping[str, Problem],
    thoughts: Sequence[str],
    rule: VoteRule = MAJORITY,
) -> Analyses:
    """The analysis of every test set in every generated phase, without validation. `rule` is the
    run's vote rule."""
    table: Analyses = {}
    tested = [path for path in generations if path.split == "test"]
    for dataset, phase in product(dict.fromkeys(path.dataset for path in tested), PHASES):
        paths = [g for g in tested if (g.dataset, g.phase) == (dataset, phase)]
        elected = [v for v in votes if (v.dataset, v.phase, v.split) == (dataset, phase, "test")]
        if paths:
            found = _analysis(paths, elected, problems, thoughts, rule)
            tuned = [g for g in generations if (g.phase, g.split) == (phase, "validation")]
            order = next(vote.order for vote in elected if vote.row == "vote")
            if chosen := selections(paths, tuned, order):
                found["selection"] = chosen
            table.setdefault(dataset, {})[phase] = found
    return table


def _analysis(
    paths: Sequence[Generation],
    votes: Sequence[Vote],
    problems: Mapping[str, Problem],
    thoughts: Sequence[str],
    rule: VoteRule,
) -> Analysis:
    run_vote = next(vote for vote in votes if vote.row == "vote")
    sampled = [path for path in paths if path.sample > 0]
    return Analysis(
        curves=_curves(by_problem(sampled), run_vote.order),
        rule=rule.describe(run_vote.order),
        solved_by=solved_by(paths, votes, thoughts),
        solved_by_votes=solved_by_votes(votes, thoughts),
        decided=decisions(votes),
        kinds={
            name: by_kind(paths, votes, {id: kind(p) for id, p in problems.items()})
            for name, kind in KINDS.items()
        },
        errors=errors(paths),
        graders=disputes([p for p in paths if p.sample == 0], problems),
    )


def _curves(problems: Sequence[Sequence[Generation]], order: Sequence[str]) -> Curves | None:
    """The curves; None if nothing was sampled, or if the paths are not random samples of equal
    size: problems with a settled vote have fewer, and those of a search are its best."""
    if len({len(paths) for paths in problems}) != 1:
        return None
    if any("node" in path.trace for paths in problems for path in paths):
        return None
    return path_curves(problems, order)


def by_kind(
    paths: Sequence[Generation], votes: Sequence[Vote], kinds: Mapping[str, str]
) -> dict[str, dict[str, Share]]:
    """Each group of problems with its accuracy per row; empty if there is only one group."""
    verdicts = [(p.problem_id, p.thought, p.correct) for p in paths if p.sample == 0]
    verdicts += [(v.problem_id, v.row, v.correct) for v in votes]
    groups: dict[str, dict[str, list[bool]]] = {}
    for problem, row, right in verdicts:
        groups.setdefault(kinds[problem], {}).setdefault(row, []).append(right)
    if len(groups) < 2:
        return {}
    return {
        kind: {row: share(sum(seen), len(seen)) for row, seen in groups[kind].items()}
        for kind in sorted(groups, key=_natural)
    }


def errors(paths: Sequence[Generation]) -> dict[str, dict[str, int]]:
    """The number of each thought's paths by error class, the most frequent first, including
    `right`."""
    counts: dict[str, Counter[str]] = {}
    for path in paths:
        counts.setdefault(path.thought, Counter())[error_class(path)] += 1
    return {thought: dict(classes.most_common()) for thought, classes in counts.items()}


def disputes(
    paths: Sequence[Generation],
    problems: Mapping[str, Problem],
) -> dict[str, dict[str, Disputed]]:
    """Each thought's paths under every grader, compared with the run's verdicts."""
    judged: dict[str, dict[str, list[tuple[Generation, bool]]]] = {}
    for path in paths:
        seen = attempt(path)
        gold = problems[path.problem_id].answer
        for grader in GRADERS:
            right = path.status != "truncated" and grader.is_right(seen, gold)
            judged.setdefault(path.thought, {}).setdefault(grader.name, []).append((path, right))
    return {
        thought: {grader: _disputed(verdicts) for grader, verdicts in graders.items()}
        for thought, graders in judged.items()
    }


def _disputed(verdicts: Sequence[tuple[Generation, bool]]) -> Disputed:
    counted = share(sum(right for _, right in verdicts), len(verdicts))
    odd = [(path, right) for path, right in verdicts if right != path.correct]
    return Disputed(
        n=counted["n"],
        correct=counted["correct"],
        ci95=counted["ci95"],
        only_here=sum(right for _, right in odd),
        only_run=sum(path.correct for path, _ in odd),
        ids=[path.problem_id for path, _ in odd],
    )


def _natural(kind: str) -> tuple[bool, float, str]:
    """A sort key that puts `2` before `10`, and words last."""
    number = kind.split()[0]
    return not number.isdigit(), float(number) if number.isdigit() else 0.0, kind
