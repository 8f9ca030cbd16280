"""Stage `harvest`: what the trained student writes about training and validation problems, so that
its scorer can learn."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mdexp.config.settings import Settings
from mdexp.decoding.own_paths import write_own_paths
from mdexp.ports import Decoder, Executor, StudentConfig, Thought
from mdexp.records import Problem
from mdexp.stages.generate import written_counts
from mdexp.stages.own import resuming_writer
from mdexp.stages.problem_sets import training_problems
from mdexp.stages.stage import Files, Stage, same_names
from mdexp.store.json_lines import read_jsonl, write_jsonl
from mdexp.store.stage_store import Counts
from mdexp.students.weights import Weights

HARVESTED = "scorer_outputs.jsonl"


def harvest(
    out: Path,
    reads: Files,
    *,
    student: StudentConfig,
    thoughts: Mapping[str, Thought],
    decoding: Decoder,
    num_paths: int,
    num_problems: int | None,
    num_validation: int,
    seed: int,
    numerics: Mapping[str, Any],
    executor: Executor,
    weights: Weights,
) -> Counts:
    """`num_paths` outputs of each thought about the first training problems and the first
    validation problems. A test problem is never asked."""
    problems = scorer_problems(
        read_jsonl(reads["problems.jsonl"], Problem), num_problems, num_validation
    )
    writer, kept = resuming_writer(out, student, seed, numerics, weights)
    outputs = write_own_paths(writer, problems, thoughts, decoding, num_paths, executor)
    write_jsonl(out / HARVESTED, outputs)
    kept.file.unlink(missing_ok=True)
    return {"problems": len(problems)} | written_counts(outputs) | writer.work.counts()


def scorer_problems(
    problems: Sequence[Problem], num_problems: int | None, num_validation: int
) -> list[Problem]:
    """The problems that a scorer learns from, and those that it is chosen on."""
    validation = [problem for problem in problems if problem.split == "validation"]
    return training_problems(problems)[:num_problems] + validation[:num_validation]


def _settings(s: Settings) -> dict[str, Any]:
    learned = s.of_scorer()
    return {
        "student": s.student,
        "thoughts": s.answering(),
        "decoding": s.decoding.untrained(),
        "num_paths": learned.num_paths,
        "num_problems": learned.num_problems,
        "num_validation": s.decoding.num_validation,
        "seed": s.seed,
    }


HARVEST = Stage(
    name="harvest",
    part="generate",
    version=1,
    function=harvest,
    reads=("problems.jsonl",),
    writes=same_names(HARVESTED),
    settings=_settings,
    tools=lambda run: {"executor": run.executor, "weights": run.trained},
    runs_programs=True,
    is_numeric=True,
    asks_trained_student=True,
    for_scorer=True,
)
