"""Stage `harvest`: the trained student answers training and validation problems, from which its
scorer learns."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mdexp.config.settings import Settings
from mdexp.decoding.own_paths import write_own_paths
from mdexp.ports import Decoder, Executor, StudentConfig, Thought
from mdexp.records import Problem
from mdexp.stages.generate import written_counts
from mdexp.stages.problem_sets import training_problems
from mdexp.stages.stage import Files, Stage, key_of_decoding, same_names
from mdexp.stages.stage_writer import RankOptions, stage_writer
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
    ranks: RankOptions | None = None,
) -> Counts:
    """`num_paths` outputs of each thought about the first training problems and the first
    validation problems. A test problem is never asked."""
    problems = scorer_problems(
        read_jsonl(reads["problems.jsonl"], Problem), num_problems, num_validation
    )
    asking = stage_writer(out, student, weights, numerics, phase="after", seed=seed, ranks=ranks)
    with asking as writer:
        outputs = write_own_paths(writer, problems, thoughts, decoding, num_paths, executor)
    write_jsonl(out / HARVESTED, outputs)
    writer.work.remove_kept()
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
    tools=lambda run: {"executor": run.executor, "weights": run.trained, "ranks": run.ranks},
    runs_programs=True,
    is_numeric=True,
    key_only=key_of_decoding,
    asks_trained_student=True,
    for_scorer=True,
)
