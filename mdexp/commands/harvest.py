"""Let a run's student answer its training problems: `python -m mdexp.harvest RUN FILE [--num-paths
8]`.

FILE gets one JSON object per line for each text of a path: id, thought, sample (0 is the greedy
path), completion, model and so on, which teacher=replay reads; then the path's answer, status,
verdict of the run's grader, and the mean log-probability of its tokens (nats). Thoughts and
decoding are those of the run. The store keeps the paths, so a command that was killed resumes when
it is given again. Exit codes: 0, 1 (the sandbox is broken), 2 (the command line or the run), 130
and 143 (signals).
"""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mdexp.commands.exit_codes import as_exit_code
from mdexp.config.judging import judge
from mdexp.decoding.run_student import trained_folder, trained_weights, validation_choices
from mdexp.records import Generation, Output, Problem, by_id
from mdexp.sandbox.executor import Sandbox
from mdexp.store.files import plain_data
from mdexp.store.json_lines import read_jsonl, write_jsonl
from mdexp.store.run_folder import RunFolderError, run_file, run_manifest
from mdexp.store.stage_store import Store

PROBLEMS = "problems.jsonl"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; return its exit code."""
    given = _arguments(argv)
    return as_exit_code(lambda: _harvest(given), refused=(ValueError, OSError))


def _harvest(given: argparse.Namespace) -> None:
    outputs, generations = harvested(given.run, given.num_paths)
    rows = [row for pair in zip(outputs, generations, strict=True) for row in _rows(*pair)]
    write_jsonl(given.file, rows)
    for line in _summary(generations):
        print(line)
    print(f"{len(rows)} rows written to {given.file}")


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m mdexp.harvest",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="the folder of a run that trained")
    parser.add_argument("file", type=Path, metavar="FILE", help="where to write")
    parser.add_argument(
        "--num-paths",
        type=int,
        default=8,
        metavar="N",
        help="paths of each problem and thought: the greedy one, then sampled ones (%(default)s)",
    )
    given = parser.parse_args(argv)
    if given.num_paths < 1:
        parser.error(f"--num-paths must be at least 1, got {given.num_paths}")
    return given


def harvested(run: Path, num_paths: int) -> tuple[list[Output], list[Generation]]:
    """What the student wrote, by problem, thought and sample, with each outcome. RunFolderError if
    the run trained no student or the store no longer has it."""
    manifest = run_manifest(run)
    settings = judge(manifest["settings"])
    trained = trained_folder(run, settings)
    if trained is None:
        raise RunFolderError(f"{run}: it trained no student that could write")
    file = run_file(run, PROBLEMS)
    problems = by_id(read_jsonl(file, Problem))
    from mdexp.decoding.run_writer import chosen_thoughts
    from mdexp.grading.score import grade
    from mdexp.stages.own import OUTPUTS, OWN, own, own_settings
    from mdexp.stages.stage import key_of_decoding, sandbox_limits
    from mdexp.students.numerics import numerics

    trainer, thoughts = settings.trainer, chosen_thoughts(manifest, settings)
    choices = {name: validation_choices(manifest, name) for name in thoughts}
    variants = {name: found["variant"] for name, found in choices.items() if "variant" in found}
    machine = plain_data(numerics(trainer.precision, trainer.accelerator, settings.student))
    with Sandbox(**settings.sandbox.model_dump()) as sandbox:
        result = Store(Path(settings.store)).stage(
            own,
            name=OWN.name,
            version=OWN.version,
            reads={PROBLEMS: file},
            settings=own_settings(settings, settings.answering(), num_paths)
            | {"numerics": machine},
            key_only={
                "trained": trained.parent.name,
                "limits": sandbox_limits(settings, sandbox.tiers),
                **({"variants": variants} if variants else {}),
                **key_of_decoding(settings),
            },
            tools={
                "executor": sandbox,
                "weights": trained_weights(run, settings),
                "variants": variants,
            },
        )
        outputs = read_jsonl(result[OUTPUTS], Output)
        return outputs, grade(outputs, problems, thoughts, sandbox, settings.grader)


def _rows(output: Output, generation: Generation) -> Iterator[dict[str, Any]]:
    """A row for each text of a path, with the path's outcome."""
    texts = [s.text for s in output.segments if s.author == "writer"] or [output.text]
    for part, text in enumerate(texts):
        is_last = part == len(texts) - 1
        yield {
            "id": output.problem_id,
            "thought": output.thought,
            "sample": output.sample,
            "part": part,
            "completion": text,
            "model": "student",
            "finish_reason": "stop" if output.finished or not is_last else "length",
            "num_tokens": output.num_tokens,
            "logprob": output.logprob,
            "answer": generation.answer,
            "status": generation.status,
            "correct": generation.correct,
        }


def _summary(generations: Sequence[Generation]) -> Iterator[str]:
    """For each thought: how many paths are right, and how many problems have a right path."""
    for thought in dict.fromkeys(path.thought for path in generations):
        ours = [path for path in generations if path.thought == thought]
        right = Counter(path.problem_id for path in ours if path.correct)
        solved, asked = len(right), len({path.problem_id for path in ours})
        yield (
            f"{thought}: {right.total()} of {len(ours)} paths are right, "
            f"of {solved} of {asked} problems have a right path"
        )
