"""From the student's outputs to figures: read, run, grade, vote, count.

The greedy path (sample 0) gives each thought's own row; samples 1..k vote, and where k = 0 the
greedy ones do. An output without an answer abstains from the vote and counts as wrong in every
accuracy.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import product
from typing import TypedDict

from mdexp.grading.graders import Attempt, answer_read, is_right, signature
from mdexp.grading.statistics import wilson
from mdexp.grading.vote import elect, trust, voters
from mdexp.ports import Executor, Thought
from mdexp.reading import Read, read_answers
from mdexp.records import (
    VALIDATION,
    Answer,
    Expected,
    Generation,
    Grader,
    Output,
    Phase,
    Problem,
    Rule,
    Split,
    Vote,
)

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
    grader: str  # name and version: rows of different graders are never compared


Metrics = dict[str, dict[str, dict[str, Row]]]  # dataset, phase, name of the row


def grade(
    outputs: Sequence[Output],
    problems: Mapping[str, Problem],
    thoughts: Mapping[str, Thought],
    executor: Executor,
    grader: Grader = "strict",
) -> list[Generation]:
    """Read every output with its thought, run its program, compare with gold.

    An output that the token budget cut short is `truncated`, whatever it says so far.
    """
    whole = [
        (thoughts[output.thought], output.text, problems[output.problem_id].expected)
        for output in outputs
        if output.finished
    ]
    reads = iter(read_answers(whole, executor))
    return [
        _generation(
            output,
            next(reads) if output.finished else TRUNCATED,
            problems[output.problem_id],
            thoughts[output.thought],
            grader,
        )
        for output in outputs
    ]


def attempt(
    text: str, thought: Thought, expected: Expected, answer: Answer | None, stdout: str
) -> Attempt:
    """A finished path as graders see it: of a program the printed output, of prose the text."""
    reading = thought.read(text, expected)
    worked_out = reading.program is not None or reading.equations is not None
    return Attempt(answer, stdout if worked_out else text)


def votes(
    generations: Sequence[Generation],
    thoughts: Sequence[str],
    *,
    rule: Rule = "majority",
    order: Sequence[str] = (),
) -> list[Vote]:
    """The run's vote per problem and phase, and where a thought has several sampled paths, its own.

    Without an `order` the thoughts stand by validation accuracy, equal ones as in `thoughts`.
    """
    elected = []
    for phase in PHASES:
        ours = [g for g in generations if g.phase == phase]
        accuracy = _validation_accuracy(ours, thoughts)
        ranked = order or trust(thoughts, accuracy)
        for paths in by_problem(ours):
            elected.append(elect(voters(paths), ranked, rule, accuracy))
            elected += _own_votes(voters(paths), thoughts)
    return elected


def _own_votes(paths: Sequence[Generation], thoughts: Sequence[str]) -> list[Vote]:
    """What each thought with more than one path elects alone: the mix has to beat it."""
    own = [[path for path in paths if path.thought == thought] for thought in thoughts]
    return [
        elect(heard, [heard[0].thought], row=f"{heard[0].thought} vote")
        for heard in own
        if len(heard) > 1
    ]


def metrics(
    generations: Sequence[Generation],
    votes: Sequence[Vote],
    thoughts: Sequence[str],
    grader: Grader = "strict",
) -> Metrics:
    """Result rows of test problems by dataset and phase; validation as `<dataset>/validation`."""
    table: Metrics = {}
    splits: tuple[tuple[Split, str], ...] = (("test", ""), ("validation", VALIDATION))
    datasets = dict.fromkeys(g.dataset for g in generations)
    for (split, suffix), dataset, phase in product(splits, datasets, PHASES):
        ours = [g for g in generations if (g.split, g.dataset, g.phase) == (split, dataset, phase)]
        elected = [v for v in votes if (v.split, v.dataset, v.phase) == (split, dataset, phase)]
        if ours:
            rows = _rows(ours, elected, thoughts, grader)
            table.setdefault(dataset + suffix, {})[phase] = rows
    return table


def _generation(
    output: Output, read: Read, problem: Problem, thought: Thought, grader: Grader
) -> Generation:
    seen = attempt(output.text, thought, problem.expected, read.answer, read.stdout)
    answer = answer_read(grader, seen, problem.answer) if output.finished else None
    return Generation(
        problem_id=output.problem_id,
        dataset=output.dataset,
        split=output.split,
        phase=output.phase,
        thought=output.thought,
        sample=output.sample,
        num_shots=output.num_shots,
        text=output.text,
        answer=answer,
        read=read.answer,
        status=read.status if answer is None else "ok",
        correct=output.finished and is_right(grader, seen, problem.answer),
        stdout=read.stdout,
        error=read.error,
        logprob=output.logprob,
        trace=output.trace,
    )


def _rows(
    generations: Sequence[Generation],
    votes: Sequence[Vote],
    thoughts: Sequence[str],
    grader: Grader,
) -> dict[str, Row]:
    rows = {}
    for thought in thoughts:
        if greedy := [g for g in generations if g.thought == thought and g.sample == 0]:
            rows[thought] = _row([g.correct for g in greedy], "greedy", 1, grader)
    problems = by_problem(generations)
    for name in dict.fromkeys(vote.row for vote in votes):
        elected = [vote for vote in votes if vote.row == name]
        order = elected[0].order
        num_paths = max(sum(p.thought in order for p in voters(paths)) for paths in problems)
        ties = sum(vote.tie for vote in elected)
        right = [vote.correct for vote in elected]
        rows[name] = _row(right, told(elected[0]), num_paths, grader, ties)
    if "vote" in rows:
        rows["vote"] = rows.pop("vote")  # after each thought's own
    return rows


def told(vote: Vote) -> str:
    """A vote's rule and order in words."""
    thoughts = ", ".join(vote.order)
    match vote.rule:
        case "cascade":
            return f"cascade {thoughts}"
        case "agreement":
            return f"agreement, else cascade {thoughts}"
        case "majority":
            return f"majority, ties to {thoughts}"
        case "likelihood" | "accuracy":
            return f"majority by {vote.rule}, ties to {thoughts}"


def _row(verdicts: Sequence[bool], rule: str, num_paths: int, grader: Grader, ties: int = 0) -> Row:
    n, num_correct = len(verdicts), sum(verdicts)
    return Row(
        n=n,
        correct=num_correct,
        accuracy=num_correct / n,
        ci95=list(wilson(num_correct, n)),
        ties=ties,
        num_paths=num_paths,
        rule=rule,
        grader=signature(grader),
    )


def _validation_accuracy(
    generations: Iterable[Generation], thoughts: Sequence[str]
) -> dict[str, Fraction]:
    """By the rule of succession: none right of a few is no proof that a thought never is."""
    greedy = [g for g in generations if g.split == "validation" and g.sample == 0]
    verdicts = {t: [g.correct for g in greedy if g.thought == t] for t in thoughts}
    return {t: Fraction(sum(seen) + 1, len(seen) + 2) for t, seen in verdicts.items() if seen}


def by_problem(generations: Iterable[Generation]) -> list[list[Generation]]:
    """Generations of one phase, those of a problem together; each path may be there once."""
    problems: dict[str, list[Generation]] = {}
    for generation in generations:
        problems.setdefault(generation.problem_id, []).append(generation)
    for id, paths in problems.items():
        distinct = {(path.thought, path.sample) for path in paths}
        assert len(distinct) == len(paths), f"{id}: a path of a phase is there twice"
    return list(problems.values())
