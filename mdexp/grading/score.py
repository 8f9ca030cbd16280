"""Turns the student's outputs into metrics: read, run, grade, vote, count.

The greedy path (sample 0) gives each thought's own row; samples 1..k vote, and if k = 0 the greedy
paths do. An output without an answer abstains from the vote and counts as wrong in every accuracy.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from types import MappingProxyType
from typing import NotRequired, TypedDict

from mdexp.grading.choosing import choose_on_validation, half
from mdexp.grading.graders.strict import STRICT
from mdexp.grading.statistics import wilson
from mdexp.grading.vote import elect, trust, voters
from mdexp.grading.vote_rules.accuracy import expected_accuracy
from mdexp.grading.vote_rules.majority import MAJORITY
from mdexp.ports import Attempt, Done, Executor, Grader, LearnedVote, Thought, VoteRule
from mdexp.records import (
    VALIDATION,
    Generation,
    Output,
    PathScore,
    Phase,
    Problem,
    Split,
    TranscriptKey,
    Vote,
)
from mdexp.transcripts.reading import Readings, read_rows
from mdexp.transcripts.thinking import split_thinking

PHASES: tuple[Phase, ...] = ("before", "after")


class Row(TypedDict):
    """One row of a result table. The fields after the interval describe how its answers came
    about."""

    n: int
    correct: int
    accuracy: float
    ci95: list[float]  # Wilson
    ties: int
    num_paths: int
    rule: str  # for people: "greedy", or the rule of the vote and its order of thoughts
    grader: str  # name and version: rows of different graders are never compared
    unverified: NotRequired[str]  # why a server's model may not be the trained student


Metrics = dict[str, dict[str, dict[str, Row]]]  # dataset, phase, name of the row


def grade(
    outputs: Sequence[Output],
    problems: Mapping[str, Problem],
    thoughts: Mapping[str, Thought],
    executor: Executor,
    grader: Grader = STRICT,
    found: Mapping[TranscriptKey, Done] = MappingProxyType({}),
    readings: Readings | None = None,
) -> list[Generation]:
    """Read every output with its thought, run its program, and compare it with gold. `found` has
    the outcomes of other thoughts that these read, `readings` what was already read.

    An output that the token limit cut short is `truncated`, whatever it contains.
    """
    reads = read_rows(outputs, problems, thoughts, executor, found, readings=readings)
    return [
        _generation(output, read, problems[output.problem_id], grader)
        for output, read in zip(outputs, reads, strict=True)
    ]


def with_scores(generations: Sequence[Generation], scores: Iterable[PathScore]) -> list[Generation]:
    """The generations, those of the trained student with what the run's scorer says of them."""
    found = {(score.problem_id, score.thought, score.sample): score.score for score in scores}
    return [
        replace(g, score=found[g.problem_id, g.thought, g.sample]) if g.phase == "after" else g
        for g in generations
    ]


def attempt(of: Generation) -> Attempt:
    """A finished path as graders see it: for a program, its printed output; for prose, the text
    after its thinking."""
    said = of.stdout if of.is_computed else split_thinking(of.text).answer
    return Attempt(of.read, said, of.match)


def votes(
    generations: Sequence[Generation],
    thoughts: Sequence[str],
    rule: VoteRule = MAJORITY,
    voting: Sequence[str] | None = None,
) -> list[Vote]:
    """The run's vote per problem and phase, and the own votes of each thought of which some problem
    has several sampled paths.

    `voting` are the thoughts that take part in the run's vote; None means all. A rule without an
    `order` ranks them by validation accuracy, equal ones in the order given.
    """
    elected, _ = elections(generations, thoughts, rule, voting)
    return elected


def elections(
    generations: Sequence[Generation],
    thoughts: Sequence[str],
    rule: VoteRule,
    voting: Sequence[str] | None = None,
) -> tuple[list[Vote], dict[str, dict[str, int]]]:
    """The votes; and, for a rule fitted on validation problems, how many of their votes were right
    with each option, by phase, the chosen option first."""
    heard = thoughts if voting is None else voting
    elected: list[Vote] = []
    chosen: dict[str, dict[str, int]] = {}
    for phase in PHASES:
        ours = [g for g in generations if g.phase == phase]
        validation = [g for g in ours if g.split == "validation"]
        ranked = rule.order or trust(heard, expected_accuracy(validation))
        settled, by_other_half = rule, dict[str, Vote]()
        if isinstance(rule, LearnedVote) and ours:
            _each_answered(rule, ranked, validation)
            settled, chosen[phase], by_other_half = _learned(rule, validation, ranked)
        problems = by_problem(ours)
        own = _thoughts_with_own_votes(problems, thoughts)
        for paths in problems:
            first = paths[0]
            unseen = by_other_half.get(first.problem_id)
            elected.append(unseen or elect(voters(paths), ranked, settled))
            elected += _own_votes(paths, own[first.dataset, first.split])
    return elected, chosen


def _each_answered(
    rule: VoteRule, thoughts: Sequence[str], validation: Sequence[Generation]
) -> None:
    answered = {g.thought for g in validation}
    for name in thoughts:
        if rule.needs_validation and name not in answered:
            raise ValueError(
                f"vote={rule.name}: {name} answered no validation problem; it needs "
                "decoding.num_validation > 0 and a dataset that has validation problems"
            )


def _learned(
    rule: LearnedVote, validation: Sequence[Generation], order: Sequence[str]
) -> tuple[VoteRule, dict[str, int], dict[str, Vote]]:
    """The best option by the votes of validation problems; how many votes were right with each
    option, the best first; and the best option's votes, by problem. Each half of the problems votes
    with a rule fitted on the other half; the returned rule is fitted on all."""
    rules = rule.learned(validation)
    tried: dict[int, list[Vote]] = {number: [] for number in range(len(rules))}
    for ours in (0, 1):
        taught = rule.learned([g for g in validation if half(g.problem_id) != ours])
        asked = by_problem(g for g in validation if half(g.problem_id) == ours)
        for number, each in zip(tried, taught, strict=True):
            tried[number] += [elect(voters(paths), order, each) for paths in asked]
    choice = choose_on_validation(tried)
    ranked = sorted(choice.solved, key=lambda number: number != choice.best)
    solved = {rules[number].describe(order): choice.solved[number] for number in ranked}
    return rules[choice.best], solved, {vote.problem_id: vote for vote in tried[choice.best]}


def _thoughts_with_own_votes(
    problems: Iterable[Sequence[Generation]], thoughts: Sequence[str]
) -> dict[tuple[str, Split], list[str]]:
    """By dataset and split, the thoughts of which some problem has several paths that vote. A
    decoder may write fewer for another problem (decoding=search, decoding=stopping), which counts
    in their row all the same."""
    several: dict[tuple[str, Split], set[str]] = {}
    for paths in problems:
        number = Counter(path.thought for path in voters(paths))
        found = several.setdefault((paths[0].dataset, paths[0].split), set())
        found |= {thought for thought, count in number.items() if count > 1}
    return {key: [name for name in thoughts if name in found] for key, found in several.items()}


def _own_votes(paths: Sequence[Generation], thoughts: Iterable[str]) -> list[Vote]:
    """Each thought's vote, which the mix has to beat. If none of its paths was sampled, the greedy
    one votes, which the run's vote hears only if no thought was sampled."""
    own = {name: [path for path in paths if path.thought == name] for name in thoughts}
    return [
        elect(voters(heard), [name], row=f"{name} vote") for name, heard in own.items() if heard
    ]


def metrics(
    generations: Sequence[Generation],
    votes: Sequence[Vote],
    thoughts: Sequence[str],
    grader: Grader = STRICT,
    rule: VoteRule = MAJORITY,
) -> Metrics:
    """Result rows of test problems by dataset and phase; validation as `<dataset>/validation`.
    `rule` and `grader` are those of the run."""
    table: Metrics = {}
    splits: tuple[tuple[Split, str], ...] = (("test", ""), ("validation", VALIDATION))
    datasets = dict.fromkeys(g.dataset for g in generations)
    for (split, suffix), dataset, phase in product(splits, datasets, PHASES):
        ours = [g for g in generations if (g.split, g.dataset, g.phase) == (split, dataset, phase)]
        elected = [v for v in votes if (v.split, v.dataset, v.phase) == (split, dataset, phase)]
        if ours:
            rows = _rows(ours, elected, thoughts, grader, rule)
            table.setdefault(dataset + suffix, {})[phase] = rows
    return table


def _generation(output: Output, read: Done, problem: Problem, grader: Grader) -> Generation:
    ungraded = Generation(
        problem_id=output.problem_id,
        dataset=output.dataset,
        split=output.split,
        phase=output.phase,
        thought=output.thought,
        sample=output.sample,
        num_shots=output.num_shots,
        text=output.text,
        answer=read.answer,
        read=read.answer,
        is_computed=read.is_computed,
        status=read.status,
        correct=False,
        stdout=read.stdout,
        error=read.error,
        logprob=output.logprob,
        trace=output.trace,
        segments=output.segments,
        match=problem.match,
        unverified=output.unverified,
    )
    if not output.finished:
        return ungraded
    seen = attempt(ungraded)
    answer = grader.read(seen, problem.answer)
    return replace(
        ungraded,
        answer=answer,
        status=read.status if answer is None else "ok",
        correct=grader.is_right(seen, problem.answer),
    )


def _rows(
    generations: Sequence[Generation],
    votes: Sequence[Vote],
    thoughts: Sequence[str],
    grader: Grader,
    rule: VoteRule,
) -> dict[str, Row]:
    rows: dict[str, Row] = {}
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
        used = rule if name == "vote" else MAJORITY  # a thought's own vote is by majority
        rows[name] = _row(right, used.describe(order), num_paths, grader, ties)
    if "vote" in rows:
        rows["vote"] = rows.pop("vote")  # after each thought's own
    if doubt := next((g.unverified for g in generations if g.unverified), ""):
        for row in rows.values():
            row["unverified"] = doubt
    return rows


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
        grader=f"{grader.name} {grader.version}",
    )


def by_problem(generations: Iterable[Generation]) -> list[list[Generation]]:
    """The generations of one phase, grouped by problem; ValueError if a path occurs twice."""
    problems: dict[str, list[Generation]] = {}
    for generation in generations:
        problems.setdefault(generation.problem_id, []).append(generation)
    for id, paths in problems.items():
        distinct = {(path.thought, path.sample) for path in paths}
        assert len(distinct) == len(paths), f"{id}: a path of a phase is there twice"
    return list(problems.values())
