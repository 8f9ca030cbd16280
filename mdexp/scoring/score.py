"""From the student's outputs to figures: read, run, grade, vote, count.

The greedy path (sample 0) gives each thought's own row; samples 1..k vote, and where k = 0 the
greedy ones do. An output without an answer abstains from the vote and counts as wrong in every
accuracy.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, product
from typing import TypedDict

from mdexp.answers import correct
from mdexp.ports import Executor, Thought
from mdexp.reading import Read, read_answers
from mdexp.records import VALIDATION, Generation, Output, Phase, Problem, Rule, Split, Vote
from mdexp.scoring.statistics import wilson
from mdexp.scoring.vote import elect, trust, voters

PHASES: tuple[Phase, ...] = ("before", "after")
TRUNCATED = Read(text="", answer=None, status="truncated")


class Row(TypedDict):
    """One line of a result table. What follows the interval tells how its answers came about."""

    n: int
    correct: int
    accuracy: float
    ci95: list[float]  # Wilson
    ties: int
    num_paths: int
    rule: str  # for people: "greedy", or the rule of the vote and its order of thoughts


Metrics = dict[str, dict[str, dict[str, Row]]]  # dataset, phase, thought or "vote"


def grade(
    outputs: Sequence[Output],
    problems: Mapping[str, Problem],
    thoughts: Mapping[str, Thought],
    executor: Executor,
) -> list[Generation]:
    """Read every output with its thought, run its program, compare with gold.

    An output that the token budget cut short is `truncated`, whatever it says so far.
    """
    whole = [(thoughts[output.thought], output.text) for output in outputs if output.finished]
    reads = iter(read_answers(whole, executor))
    return [
        _generation(
            output, next(reads) if output.finished else TRUNCATED, problems[output.problem_id]
        )
        for output in outputs
    ]


def votes(
    generations: Sequence[Generation],
    thoughts: Sequence[str],
    *,
    rule: Rule = "majority",
    order: Sequence[str] = (),
) -> list[Vote]:
    """One vote per problem and phase. Without an `order` the thoughts stand by validation accuracy,
    equal ones as in `thoughts`."""
    elected = []
    for phase in PHASES:
        ours = [g for g in generations if g.phase == phase]
        ranked = order or trust(thoughts, _validation_accuracy(ours, thoughts))
        elected += [elect(voters(paths), ranked, rule) for paths in _by_problem(ours)]
    return elected


def metrics(
    generations: Sequence[Generation], votes: Sequence[Vote], thoughts: Sequence[str]
) -> Metrics:
    """Result rows of test problems by dataset and phase; validation as `<dataset>/validation`."""
    table: Metrics = {}
    splits: tuple[tuple[Split, str], ...] = (("test", ""), ("validation", VALIDATION))
    datasets = dict.fromkeys(g.dataset for g in generations)
    for (split, suffix), dataset, phase in product(splits, datasets, PHASES):
        ours = [g for g in generations if (g.split, g.dataset, g.phase) == (split, dataset, phase)]
        elected = [v for v in votes if (v.split, v.dataset, v.phase) == (split, dataset, phase)]
        if ours:
            rows = _rows(ours, elected, thoughts)
            table.setdefault(dataset + suffix, {})[phase] = rows
    return table


def solved_by(
    generations: Sequence[Generation], thoughts: Sequence[str]
) -> dict[str, dict[str, dict[str, int]]]:
    """Test problems by the set of thoughts whose greedy path solves them: `cot only`, `both`, ...

    What a mix can gain lies in the problems that one thought alone solves.
    """
    table: dict[str, dict[str, dict[str, int]]] = {}
    greedy = [g for g in generations if g.split == "test" and g.sample == 0]
    for dataset, phase in product(dict.fromkeys(g.dataset for g in greedy), PHASES):
        ours = [g for g in greedy if (g.dataset, g.phase) == (dataset, phase)]
        asked = [t for t in thoughts if any(g.thought == t for g in ours)]
        if len(asked) < 2:
            continue
        counts = {_set_name(subset, asked): 0 for subset in _subsets(asked)}
        for paths in _by_problem(ours):
            solvers = [t for t in asked if any(g.correct for g in paths if g.thought == t)]
            counts[_set_name(solvers, asked)] += 1
        table.setdefault(dataset, {})[phase] = counts
    return table


def _generation(output: Output, read: Read, problem: Problem) -> Generation:
    return Generation(
        problem_id=output.problem_id,
        dataset=output.dataset,
        split=output.split,
        phase=output.phase,
        thought=output.thought,
        sample=output.sample,
        num_shots=output.num_shots,
        text=output.text,
        answer=read.answer,
        status=read.status,
        correct=read.status == "ok" and correct(read.answer, problem.answer),
        stdout=read.stdout,
        error=read.error,
    )


def _rows(
    generations: Sequence[Generation], votes: Sequence[Vote], thoughts: Sequence[str]
) -> dict[str, Row]:
    rows = {}
    for thought in thoughts:
        if greedy := [g for g in generations if g.thought == thought and g.sample == 0]:
            rows[thought] = _row([g.correct for g in greedy], rule="greedy", num_paths=1)
    rows["vote"] = _row(
        [vote.correct for vote in votes],
        ties=sum(vote.tie for vote in votes),
        num_paths=max(len(voters(paths)) for paths in _by_problem(generations)),
        rule=_told(votes[0]),
    )
    return rows


def _row(verdicts: Sequence[bool], *, num_paths: int, rule: str, ties: int = 0) -> Row:
    n, num_correct = len(verdicts), sum(verdicts)
    return Row(
        n=n,
        correct=num_correct,
        accuracy=num_correct / n,
        ci95=list(wilson(num_correct, n)),
        ties=ties,
        num_paths=num_paths,
        rule=rule,
    )


def _told(vote: Vote) -> str:
    thoughts = ", ".join(vote.order)
    return f"cascade {thoughts}" if vote.rule == "cascade" else f"majority, ties to {thoughts}"


def _validation_accuracy(
    generations: Iterable[Generation], thoughts: Sequence[str]
) -> dict[str, float]:
    greedy = [g for g in generations if g.split == "validation" and g.sample == 0]
    verdicts = {t: [g.correct for g in greedy if g.thought == t] for t in thoughts}
    return {thought: sum(seen) / len(seen) for thought, seen in verdicts.items() if seen}


def _by_problem(generations: Iterable[Generation]) -> list[list[Generation]]:
    problems: dict[str, list[Generation]] = {}
    for generation in generations:
        problems.setdefault(generation.problem_id, []).append(generation)
    for id, paths in problems.items():
        distinct = {(path.thought, path.sample) for path in paths}
        assert len(distinct) == len(paths), f"{id}: a path of a phase is there twice"
    return list(problems.values())


def _subsets(thoughts: Sequence[str]) -> list[tuple[str, ...]]:
    sizes = [*range(1, len(thoughts) + 1), 0]
    return [subset for size in sizes for subset in combinations(thoughts, size)]


def _set_name(subset: Sequence[str], thoughts: Sequence[str]) -> str:
    if not subset:
        return "none"
    if len(subset) == len(thoughts):
        return "both" if len(thoughts) == 2 else "all"
    return f"{subset[0]} only" if len(subset) == 1 else " + ".join(subset)
