"""DCoT: what the second chain changes, and whether chains pay more than as many tokens of a vote.

    python -m bench.second_chain RUN [--control RUN]

RUN is the folder of a run of `experiment=dcot`, whose student answers with k chains (`dcot`) and
with one (`dcot_1`). Of its greedy answers to test problems are printed

    k against one chain, problem by problem
    the last answer against that of the first chain of the same text, read by itself:
    how many problems further chains mend and how many they spoil
    with a control, a run of `experiment=dcot_control` with sampled paths: k chains against the
    majority of as many tokens' worth of its paths

A chain states no answer, so that its own is its last number; how often the last chain's last number
is the stated answer is printed beside it. Nothing is generated.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.equal_tokens import Spend, at_budget
from mdexp.answers import correct, vote_key
from mdexp.config.judging import judge
from mdexp.config.settings import Settings
from mdexp.grading.curves import path_outcomes, subsets
from mdexp.grading.election import booth
from mdexp.grading.pairing import BOOTSTRAP_SEED, compare_verdicts
from mdexp.grading.statistics import bca, wilson
from mdexp.records import Expected, Generation, Output, Problem, by_id
from mdexp.store.json_lines import read_jsonl
from mdexp.store.run_folder import run_file, run_manifest
from mdexp.thoughts.dcot import DivergentChains
from mdexp.thoughts.prose import read_prose

HEADING = re.compile(r"^Solution \d+:\n", re.MULTILINE)
FINAL = re.compile(r"^The answer is ", re.MULTILINE)


class Answered(NamedTuple):
    """Greedy answers of a row to the test problems."""

    generations: dict[str, Generation]  # by problem
    tokens: float  # mean of an answer


class Chains(NamedTuple):
    """What became of the first chain's answer in a text of several."""

    problem_id: str
    number: int  # of chains
    first: bool  # the first chain's answer is right
    last: bool  # the text's is
    changed: bool
    repeated: bool  # the second chain reads as the first
    agrees: bool  # the last chain's last number is what the text states


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--control", type=Path)
    given = parser.parse_args()
    settings = judge(run_manifest(given.run)["settings"])
    several, single = rows_of(settings)
    problems = by_id(read_jsonl(run_file(given.run, "problems.jsonl"), Problem))
    many, one = answered(given.run, several), answered(given.run, single)
    console = Console(width=140)
    console.print(against_one(several, many, single, one))
    console.print(changes_table([chains(g, problems[n]) for n, g in many.generations.items()]))
    if given.control:
        console.print(against_votes(several, many, given.control))


def rows_of(settings: Settings) -> tuple[str, str]:
    """The thoughts of several chains and of one; ValueError where the run has not both."""
    most = {name: most_chains(thought) for name, thought in settings.answering().items()}
    several = [name for name, k in most.items() if k > 1]
    single = [name for name, k in most.items() if k == 1]
    if not several or not single:
        raise ValueError("this run has no rows of one and of several chains, as experiment=dcot")
    return several[0], single[0]


def most_chains(thought: object) -> int:
    """The most chains that a thought asks for in one text; 0 of another thought than DCoT's."""
    if not isinstance(thought, DivergentChains):
        return 0
    return max(thought.k_options, default=thought.k)


def answered(run: Path, thought: str) -> Answered:
    spent = _spent(run)
    rows = {g.problem_id: g for g in _after(run) if (g.thought, g.sample) == (thought, 0)}
    return Answered(rows, fmean(spent[name, thought, 0] for name in rows))


def chains(generation: Generation, problem: Problem) -> Chains:
    """What the first chain of a text says by itself, and what the text comes to."""
    bodies = [FINAL.split(part)[0].strip() for part in HEADING.split(generation.text)[1:]]
    bodies = bodies or [FINAL.split(generation.text)[0].strip()]
    first, last = (_own_answer(body, problem.expected) for body in (bodies[0], bodies[-1]))
    return Chains(
        problem_id=problem.id,
        number=len(bodies),
        first=correct(first, problem.answer, problem.match),
        last=generation.correct,
        changed=vote_key(first, problem.match) != vote_key(generation.answer, problem.match),
        repeated=len(bodies) > 1 and bodies[0].split() == bodies[1].split(),
        agrees=vote_key(last, problem.match) == vote_key(generation.answer, problem.match),
    )


def against_one(several: str, many: Answered, single: str, one: Answered) -> Table:
    table = Table("row", "n", "tokens", "right, %", "95 %", "k minus one chain, points (95 %)", "p")
    right = [{n: g.correct for n, g in row.generations.items()} for row in (one, many)]
    c = compare_verdicts(*right)
    ends = " to ".join(f"{100 * end:+.1f}" for end in c.difference.ci95)
    gain = (f"{100 * c.difference.mean:+.1f} ({ends})", f"{c.mcnemar.p:.2g}")
    rows = ((single, one, ("", "")), (several, many, gain))
    for (name, row, last), share, interval in zip(rows, c.accuracies, c.intervals, strict=True):
        low, high = (100 * end for end in interval)
        table.add_row(
            name,
            str(c.n),
            f"{row.tokens:.0f}",
            f"{100 * share:.1f}",
            f"{low:.1f} to {high:.1f}",
            *last,
        )
    return table


def changes_table(found: Sequence[Chains]) -> Table:
    """Of texts with several chains: what further ones changed."""
    ours = [one for one in found if one.number > 1]
    table = Table("of texts with two chains or more", "n", "%", "95 %")
    table.title = f"{len(ours)} of {len(found)} texts have two chains or more"
    if not ours:
        return table
    counts = {
        "the second chain reads as the first": sum(one.repeated for one in ours),
        "answer changed": sum(one.changed for one in ours),
        "mended: first chain wrong, text right": sum(not o.first and o.last for o in ours),
        "spoiled: first chain right, text wrong": sum(o.first and not o.last for o in ours),
        "right by the first chain": sum(one.first for one in ours),
        "right by the text": sum(one.last for one in ours),
        "stated answer is the last chain's last number": sum(one.agrees for one in ours),
    }
    for name, number in counts.items():
        low, high = (100 * end for end in wilson(number, len(ours)))
        share = f"{100 * number / len(ours):.1f}"
        table.add_row(name, str(number), share, f"{low:.1f} to {high:.1f}")
    first = {one.problem_id: one.first for one in ours}
    c = compare_verdicts(first, {one.problem_id: one.last for one in ours})
    ends = " to ".join(f"{100 * end:+.1f}" for end in c.difference.ci95)
    table.caption = (
        f"text minus its first chain: {100 * c.difference.mean:+.1f} points ({ends}), mended : "
        f"spoiled = {c.mcnemar.only_second} : {c.mcnemar.only_first}, p = {c.mcnemar.p:.2g}"
    )
    return table


def against_votes(several: str, many: Answered, control: Path) -> Table:
    """k chains against the majority of the control's sampled paths, at equal tokens."""
    sizes = votes(_after(control), _spent(control), list(many.generations))
    table = Table("way", "n", "tokens", "right, %", "k chains minus it, points (95 %)")
    right = np.array([float(g.correct) for g in many.generations.values()])
    n = str(len(right))
    for number, size in enumerate(sizes, start=1):
        name = f"control, majority of {number}"
        table.add_row(name, n, f"{size.tokens:.0f}", f"{100 * size.values.mean():.1f}", "")
    rate = f"{100 * right.mean():.1f}"
    if not sizes[0].tokens <= many.tokens <= sizes[-1].tokens:
        table.add_row(several, n, f"{many.tokens:.0f}", rate, "no vote has as many tokens")
        return table
    spent = at_budget(sizes, many.tokens)
    gain = right - spent.values
    low, high = (100 * end for end in bca(gain, seed=BOOTSTRAP_SEED, least=-1.0))
    shown = f"{100 * spent.values.mean():.1f}"
    table.add_row("control, at equal tokens", n, f"{spent.tokens:.0f}", shown, "")
    difference = f"{100 * gain.mean():+.1f} ({low:+.1f} to {high:+.1f})"
    table.add_row(several, n, f"{many.tokens:.0f}", rate, difference)
    return table


def votes(
    generations: Sequence[Generation],
    spent: dict[tuple[str, str, int], int],
    problems: Sequence[str],
) -> list[Spend]:
    """Majorities of 1, 2, ... sampled paths of the one thought of a run, over all subsets.
    ValueError where a problem has none."""
    sampled = [g for g in generations if g.sample]
    if len(thoughts := {g.thought for g in sampled}) != 1:
        raise ValueError(f"the control needs sampled paths of one thought, got {sorted(thoughts)}")
    ranked = [
        sorted((g for g in sampled if g.problem_id == name), key=lambda g: g.sample)
        for name in problems
    ]
    most = min(map(len, ranked))
    if not most:
        raise ValueError("the control has no sampled paths of some problems: decoding.num_paths")
    [thought] = thoughts
    each = fmean(fmean(spent[g.problem_id, thought, g.sample] for g in paths) for paths in ranked)
    booths = [booth(paths[:most]) for paths in ranked]
    return [
        Spend(
            number * each,
            path_outcomes(booths, subsets({thought: most}, {thought: number}).chosen).shares,
        )
        for number in range(1, most + 1)
    ]


def _after(run: Path) -> list[Generation]:
    """What the trained student answered to test problems."""
    rows = read_jsonl(run_file(run, "generations.jsonl"), Generation)
    return [g for g in rows if (g.phase, g.split) == ("after", "test")]


def _spent(run: Path) -> dict[tuple[str, str, int], int]:
    """Tokens of each output of the trained student, by problem, thought and sample."""
    outputs = read_jsonl(run_file(run, "outputs_after.jsonl"), Output)
    return {(o.problem_id, o.thought, o.sample): o.num_tokens for o in outputs}


def _own_answer(chain: str, expected: Expected) -> str | None:
    answer = read_prose(chain, expected).answer
    return None if answer is None else str(answer)


if __name__ == "__main__":
    main()
