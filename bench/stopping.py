"""Accuracy over generated tokens: all paths against stopping where the vote is settled.

    python -m bench.stopping RUN

RUN is the folder of a finished run with sampled paths of all its thoughts. Nothing is generated:
`decoding=stopping` writes the paths that are there under the same numbers, so that which of them it
would have written is known. Printed for each test set of the trained student: of each thought
alone, of the mix, and of the mix with stopping at several confidences, sampled paths and tokens per
problem, accuracy of the majority with Wilson's interval, and p of McNemar's exact test against the
mix of all paths.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count, groupby
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from mdexp.grading.score import by_problem
from mdexp.grading.statistics import mcnemar, wilson
from mdexp.grading.stopping import is_settled
from mdexp.grading.vote import elect
from mdexp.records import Generation, Output
from mdexp.store.json_lines import read_jsonl
from mdexp.store.run_folder import run_file

CONFIDENCES = (0.75, 0.9, 0.95, 0.99, 1.0)
Heard = Callable[[Sequence[Generation]], Sequence[Generation]]  # of a problem's paths


class Measured(NamedTuple):
    """A way to spend paths, problem by problem."""

    name: str
    paths: list[int]
    tokens: list[int]
    right: list[bool]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path)
    run = parser.parse_args().run
    outputs = read_jsonl(run_file(run, "outputs_after.jsonl"), Output)
    spent = {_key(output): output.num_tokens for output in outputs}
    rows = read_jsonl(run_file(run, "generations.jsonl"), Generation)
    ours = [g for g in rows if (g.phase, g.split) == ("after", "test") and g.sample]
    for dataset, paths in groupby(sorted(ours, key=lambda g: g.dataset), lambda g: g.dataset):
        problems = by_problem(paths)
        thoughts = list(dict.fromkeys(g.thought for g in problems[0]))
        measured = [_measured(*way, problems, thoughts, spent) for way in ways(thoughts)]
        whole = next(m for m in measured if m.name == "mix")
        print(f"\n{dataset}: {len(problems)} problems\n")
        print("| way | paths a problem | tokens a problem | accuracy, % | p against the mix |")
        print("|---|---|---|---|---|")
        for m in measured:
            low, high = wilson(sum(m.right), len(m.right))
            p = "" if m is whole else f"{mcnemar(whole.right, m.right).p:.3f}"
            print(
                f"| {m.name} | {fmean(m.paths):.2f} | {fmean(m.tokens):.0f} | "
                f"{100 * fmean(m.right):.1f} ({100 * low:.1f} to {100 * high:.1f}) | {p} |"
            )


def ways(thoughts: Sequence[str]) -> Iterator[tuple[str, Heard]]:
    """Names of the ways to spend paths, and which paths each hears."""
    for thought in thoughts:
        yield thought, partial(only, thought)
    yield "mix", list
    for confidence in CONFIDENCES:
        yield f"stopping at {confidence:g}", partial(until_settled, confidence)


def only(thought: str, paths: Sequence[Generation]) -> list[Generation]:
    return [path for path in paths if path.thought == thought]


def until_settled(confidence: float, paths: Sequence[Generation]) -> list[Generation]:
    """The paths that are written before the vote is settled: sample by sample of all thoughts."""
    heard: list[Generation] = []
    for sample in count(1):
        heard += [g for g in paths if g.sample == sample]
        left = len(paths) - len(heard)
        if not left or is_settled(heard, left, confidence):
            return heard
    raise AssertionError("samples are numbered from 1")


def _measured(
    name: str,
    heard: Heard,
    problems: Sequence[Sequence[Generation]],
    thoughts: Sequence[str],
    spent: dict[Any, int],
) -> Measured:
    chosen = [heard(paths) for paths in problems]
    return Measured(
        name,
        [len(paths) for paths in chosen],
        [sum(spent[_key(path)] for path in paths) for paths in chosen],
        [elect(paths, thoughts).correct for paths in chosen],
    )


def _key(row: Output | Generation) -> tuple[str, str, int]:
    return row.problem_id, row.thought, row.sample


if __name__ == "__main__":
    main()
