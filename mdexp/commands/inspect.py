"""See what a student would be trained on: `python -m mdexp.inspect [key=value ...]`.

Takes the overrides of `python -m mdexp.run`, and runs its stages as far as the training examples,
or finds them in the store. Prints the first optimiser step token by token, with what is scored at
which weight and the prompt that decoding gives beside it. Every example is checked. Exit codes: 0,
1 (an invariant does not hold), 2 (the command line).
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from mdexp.commands import run
from mdexp.commands.run_student import untrained_weights
from mdexp.config.settings import Settings, judge
from mdexp.printable import print_error, printable
from mdexp.records import Example, Problem
from mdexp.store.files import read_json
from mdexp.store.json_lines import read_jsonl
from mdexp.store.run_folder import run_file

if TYPE_CHECKING:
    from mdexp.training.invariants import Made

STAGES = "stages=[prepare,extract,verify,examples]"
SHOWN = 5  # examples at which an invariant fails
COLUMN = 30  # characters of a token


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m mdexp.inspect",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    parser.add_argument(
        "--problems", type=int, default=1, help="how many of the step are printed (default 1)"
    )
    options = parser.parse_intermixed_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        given = [word for word in options.overrides if not word.startswith("logger")]
        if code := run.main([*given, STAGES, f"hydra.run.dir={folder}", "logger=csv"]):
            return code
        return inspect(Path(folder), options.problems)


def inspect(run: Path, num_problems: int) -> int:
    """Print the first step of a run folder's examples and check them all; the exit code."""
    from mdexp.training.fit import layout_options, planned_steps
    from mdexp.training.invariants import batch_faults, faults
    from mdexp.training.layout import lay_out

    settings = judge(read_json(run / "run.json")["settings"])
    shares, objective, trainer = settings.shares(), settings.objective, settings.trainer
    made = {_name(one.example): one for one in _made(run, settings)}
    examples = [one.example for one in made.values()]
    _, (step, *_), _ = planned_steps(examples, shares, objective, trainer, settings.seed)
    tokenizer = next(iter(made.values())).renderer.tokenizer
    batches = lay_out(
        step, **layout_options(settings.student, shares, objective, trainer, tokenizer)
    )
    shown = list(dict.fromkeys(example.problem_id for example in step))[:num_problems]
    weights = objective.token_weights(step, shares)
    for example, weight in zip(step, weights, strict=True):
        if example.problem_id in shown:
            for line in _lines(made[_name(example)], weight):
                print(printable(line))
            print()
    print(f"first step: {len(step)} of {len(made)} examples in {len(batches)} micro-batches")
    found = [(name, *fault) for name, one in made.items() for fault in faults(one).items()]
    found += [("first step", *fault) for fault in batch_faults(step, batches).items()]
    return _report(found)


def _made(run: Path, settings: Settings) -> Iterator["Made"]:
    from mdexp.students.prompts import Renderer
    from mdexp.training.invariants import Made

    student = settings.student
    tokenizer = untrained_weights(run, settings).tokenizer()
    renderer = Renderer(tokenizer, student.kind, student.prompt)
    problems = {p.id: p for p in read_jsonl(run_file(run, "problems.jsonl"), Problem)}
    for example in read_jsonl(run_file(run, "examples.jsonl"), Example):
        yield Made(
            example=example,
            problem=problems[example.problem_id],
            thought=settings.thoughts[example.thought],
            renderer=renderer,
        )


def _name(example: Example) -> str:
    return f"{example.problem_id}, {example.thought}, sample {example.sample}"


def _lines(made: "Made", weight: float) -> Iterator[str]:
    """A sequence, one token a line: place, token, weight if scored, and what decoding is given."""
    example, tokenizer = made.example, made.renderer.tokenizer
    given = made.renderer.prompt_ids(made.prompt)
    yield f"{_name(example)}: {len(example.target_ids)} tokens scored at {weight:.3g} each"
    yield f"{'':>5} {'training':<{COLUMN}} {'scored':<8} generation"
    ids = example.prompt_ids + example.target_ids
    for place, (token, asked) in enumerate(zip_longest(ids, given)):
        trained, prompt = (
            "" if one is None else f"{one} {tokenizer.convert_ids_to_tokens(one)}"
            for one in (token, asked)
        )
        scored = "scored" if len(example.prompt_ids) <= place < len(ids) else ""
        yield f"{place:>5} {trained:<{COLUMN}} {scored:<8} {prompt}".rstrip()


def _report(found: Sequence[tuple[str, str, str]]) -> int:
    """Say which invariants fail, and where; the exit code."""
    for invariant in dict.fromkeys(name for _, name, _ in found):
        places = [(where, fault) for where, name, fault in found if name == invariant]
        print_error(f"{invariant} does not hold at {len(places)} places")
        for where, fault in places[:SHOWN]:
            print(printable(f"  {where}: {fault}"), file=sys.stderr)
    if not found:
        print("every invariant holds")
    return int(bool(found))
