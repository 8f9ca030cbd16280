"""Show what a student would be trained on: `python -m mdexp.inspect [key=value ...]`.

Takes the overrides of `python -m mdexp.run` and runs its stages up to the training examples, unless
the store has them. Prints the first optimiser step token by token: which tokens are scored, with
which weight, and beside them the prompt that decoding gives. Every example is checked. Exit codes:
0, 1 (an invariant does not hold), 2 (the command line).
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from mdexp.commands import run
from mdexp.commands.exit_codes import as_exit_code
from mdexp.commands.printable import print_error, printable
from mdexp.config.judging import judge
from mdexp.config.settings import Settings
from mdexp.decoding.run_student import untrained_weights
from mdexp.records import Example, Lesson, Segment
from mdexp.store.files import read_json
from mdexp.store.json_lines import read_jsonl
from mdexp.store.run_folder import run_file

if TYPE_CHECKING:
    from mdexp.training.invariants import Made

STAGES = "stages=[prepare,extract,verify,examples]"
SHOWN = 5  # most examples listed for a broken invariant
COLUMN = 30  # longest token shown, in characters


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m mdexp.inspect",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    parser.add_argument(
        "--problems", type=int, default=1, help="how many examples of the step to print (default 1)"
    )
    parser.add_argument("--config-dir", metavar="FOLDER", help="your own conf folder")
    options = parser.parse_intermixed_args(arguments)
    own = [f"--config-dir={options.config_dir}"] if options.config_dir else []
    with tempfile.TemporaryDirectory() as folder:
        given = [word for word in options.overrides if not word.startswith("logger")]
        if code := run.main([*own, *given, STAGES, f"hydra.run.dir={folder}", "logger=csv"]):
            return code
        return as_exit_code(  # refused where for example, the examples do not fill a step
            lambda: inspect(Path(folder), options.problems), refused=(ValueError,)
        )


def inspect(run: Path, num_problems: int) -> int:
    """Print the first step of a run folder's examples and check all of them; returns the exit
    code."""
    from mdexp.training.fit import layout_options, planned_steps
    from mdexp.training.invariants import batch_faults, faults
    from mdexp.training.layout import lay_out

    settings = judge(read_json(run / "run.json")["settings"])
    shares, objective, trainer = settings.shares(), settings.objective, settings.trainer
    made = list(_made(run, settings))
    examples = [one.example for one in made]
    made_of = {id(one.example): one for one in made}
    _, (step, *_), _ = planned_steps(examples, shares, objective, trainer, settings.seed)
    tokenizer = made[0].renderer.tokenizer
    batches = lay_out(
        step, **layout_options(settings.student, shares, objective, trainer, tokenizer)
    )
    shown = list(dict.fromkeys(example.problem_id for example in step))[:num_problems]
    weights = objective.token_weights(step, shares)
    for example, weight in zip(step, weights, strict=True):
        if example.problem_id in shown:
            for line in _lines(made_of[id(example)], weight):
                print(printable(line))
            print()
    print(f"first step: {len(step)} of {len(made)} examples in {len(batches)} micro-batches")
    found = [(_name(one.example), *fault) for one in made for fault in faults(one).items()]
    found += [("first step", *fault) for fault in batch_faults(step, weights, batches).items()]
    return _report(found)


def _made(run: Path, settings: Settings) -> Iterator["Made"]:
    from mdexp.students.prompts import Renderer
    from mdexp.training.invariants import Made

    student = settings.student
    tokenizer = untrained_weights(run, settings).tokenizer()
    renderer = Renderer(tokenizer, student.kind, student.prompt)
    lessons = {_name(one): one for one in read_jsonl(run_file(run, "lessons.jsonl"), Lesson)}
    places: Counter[str] = Counter()
    for example in read_jsonl(run_file(run, "examples.jsonl"), Example):
        name = _name(example)
        places[name] += 1
        yield Made(
            example=example,
            lesson=lessons[name],
            place=places[name] - 1,
            thought=settings.thoughts[example.thought],
            renderer=renderer,
        )


def _name(example: Example | Lesson) -> str:
    return f"{example.problem_id}, {example.thought}, sample {example.sample}"


def _lines(made: "Made", weight: float) -> Iterator[str]:
    """The lines of a sequence: its segments, then one token a line: position, token, whether it is
    scored, and the token that decoding is given."""
    example, tokenizer = made.example, made.renderer.tokenizer
    given = made.renderer.prompt_ids(made.prompt)
    yield f"{_name(example)}: {example.num_scored} tokens scored at {weight:.3g} each"
    for segment in made.given:
        yield _segment(segment, is_scored=False)
    for segment in made.said:
        yield _segment(segment, is_scored=segment.scored)
    yield f"{'':>5} {'training':<{COLUMN}} {'scored':<8} generation"
    ids = example.prompt_ids + example.target_ids
    marks = [False] * len(example.prompt_ids) + example.scored()
    for place, (token, asked) in enumerate(zip_longest(ids, given)):
        trained, prompt = (
            "" if one is None else f"{one} {tokenizer.convert_ids_to_tokens(one)}"
            for one in (token, asked)
        )
        scored = "scored" if place < len(ids) and marks[place] else ""
        yield f"{place:>5} {trained:<{COLUMN}} {scored:<8} {prompt}".rstrip()


def _segment(segment: Segment, *, is_scored: bool) -> str:
    """A segment's author, and whether the student reads it or is scored on it. The sandbox's
    segment is neither: the student sees its output as a cue."""
    text = json.dumps(segment.text, ensure_ascii=False)
    if segment.author == "executor":
        status = segment.result.status if segment.result else ""
        return f"  unseen sandbox: {status} {text}"
    return f"  {'scored' if is_scored else 'read'} {segment.author}: {text}"


def _report(found: Sequence[tuple[str, str, str]]) -> int:
    """Print which invariants fail and where; returns the exit code."""
    for invariant in dict.fromkeys(name for _, name, _ in found):
        places = [(where, fault) for where, name, fault in found if name == invariant]
        print_error(f"{invariant} does not hold at {len(places)} places")
        for where, fault in places[:SHOWN]:
            print(printable(f"  {where}: {fault}"), file=sys.stderr)
    if not found:
        print("every invariant holds")
    return int(bool(found))
