"""Stage `own`: what a trained student writes about the training problems, to be learned from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mdexp.ports import Decoder, Executor, StudentConfig, Thought
from mdexp.records import Problem
from mdexp.stages.generate import written_counts
from mdexp.stages.problem_sets import training_problems
from mdexp.stages.stage import Files
from mdexp.store.json_lines import read_jsonl, write_jsonl
from mdexp.store.stage_store import Counts
from mdexp.students.prompts import Renderer
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
) -> Counts:
    """`num_paths` outputs of each training problem and thought; test problems are never asked."""
    import torch

    from mdexp.decoding.decode_stats import Work
    from mdexp.decoding.own_paths import write_own_paths
    from mdexp.decoding.resume_cache import ResumeCache
    from mdexp.decoding.student_writer import StudentWriter

    problems = training_problems(read_jsonl(reads["problems.jsonl"], Problem))
    model, tokenizer = weights.load()
    model.to(numerics["device"], getattr(torch, numerics["dtype"]))
    kept = ResumeCache(out / "answers.jsonl")
    writer = StudentWriter(
        model=model,
        renderer=Renderer(tokenizer, student.kind, student.prompt),
        phase="after",
        seed=seed,
        work=Work(kept=kept),
    )
    outputs = write_own_paths(writer, problems, thoughts, decoding, num_paths, executor)
    write_jsonl(out / OUTPUTS, outputs)
    kept.file.unlink(missing_ok=True)
    return written_counts(outputs) | writer.work.counts()
