"""Stage `own`: the student of the previous round answers the training problems."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mdexp.config.settings import Settings
from mdexp.decoding.choosing import chosen_variant
from mdexp.decoding.own_paths import write_own_paths, write_with_hint
from mdexp.ports import Decoder, Executor, StudentConfig, Thought
from mdexp.records import Problem
from mdexp.stages.generate import written_counts
from mdexp.stages.problem_sets import training_problems
from mdexp.stages.stage import Files, Stage, key_of_decoding, same_names
from mdexp.stages.stage_writer import RankOptions, stage_writer
from mdexp.store.json_lines import read_jsonl, write_jsonl
from mdexp.store.stage_store import Counts
from mdexp.students.weights import Weights

OUTPUTS = "own_outputs.jsonl"


def own(
    out: Path,
    reads: Files,
    *,
    student: StudentConfig,
    thoughts: Mapping[str, Thought],
    decoding: Decoder,
    num_paths: int,
    seed: int,
    numerics: Mapping[str, Any],
    executor: Executor,
    weights: Weights,
    variants: Mapping[str, str],
    hint: str | None = None,
    ranks: RankOptions | None = None,
) -> Counts:
    """Write `num_paths` outputs for each training problem and thought, and with a `hint` one more
    if none of them is right. `variants` gives the variant of each thought. Validation and test
    problems are never asked."""
    problems = training_problems(read_jsonl(reads["problems.jsonl"], Problem))
    asked = {n: chosen_variant(t, {"variant": variants.get(n, "")}) for n, t in thoughts.items()}
    counts: Counts = {}
    asking = stage_writer(out, student, weights, numerics, phase="after", seed=seed, ranks=ranks)
    with asking as writer:
        outputs = write_own_paths(writer, problems, asked, decoding, num_paths, executor)
        if hint is not None:
            hinted = write_with_hint(writer, problems, asked, decoding, hint, outputs, executor)
            counts["with a hint"] = len(hinted)
            outputs += hinted
    write_jsonl(out / OUTPUTS, outputs)
    writer.work.remove_kept()
    return counts | written_counts(outputs) | writer.work.counts()


def own_settings(
    s: Settings, thoughts: Mapping[str, Thought], num_paths: int, hint: str | None = None
) -> dict[str, Any]:
    """The stage's settings, apart from numerics."""
    return {
        "student": s.student,
        "thoughts": thoughts,
        "decoding": s.decoding.untrained(),
        "num_paths": num_paths,
        "seed": s.seed,
        **({} if hint is None else {"hint": hint}),
    }


OWN = Stage(
    name="own",
    part="verify",
    version=1,
    function=own,
    reads=("problems.jsonl",),
    writes=same_names(OUTPUTS),
    settings=lambda s: own_settings(
        s, s.learned_from_own(), s.of_round().num_paths, s.of_round().hint
    ),
    tools=lambda run: {
        "executor": run.executor,
        "weights": run.previous.weights,
        "variants": run.previous.variants,
        "ranks": run.ranks,
    },
    runs_programs=True,
    is_numeric=True,
    key_only=key_of_decoding,
    in_later_rounds=True,
)
