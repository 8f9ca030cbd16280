"""Stages `scorer` and `weigh`: a head on the trained student learns which of its own paths are
right, and gives each path about validation and test problems its score."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mdexp.decoding.scorer_head import HEAD, read_head
from mdexp.grading.score import grade
from mdexp.ports import (
    AdaptsReader,
    Executor,
    Grader,
    PrefixScorer,
    ReadPrefix,
    StudentConfig,
    Thought,
)
from mdexp.records import Generation, Output, PathScore, Problem, by_id
from mdexp.stages.harvest import HARVESTED, scorer_problems
from mdexp.stages.stage import Files, Stage, key_of_decoding, same_names
from mdexp.store.files import write_json
from mdexp.store.json_lines import read_jsonl, write_jsonl
from mdexp.store.stage_store import Counts
from mdexp.students.prompts import Renderer
from mdexp.students.weights import Weights

if TYPE_CHECKING:
    from mdexp.decoding.prefix_scores import PrefixScores, WrittenPath

SCORES = "path_scores.jsonl"
ADAPTER = "scorer_adapter.safetensors"  # without tensors where the scorer keeps the student frozen
OUTPUTS = "outputs_after.jsonl"


def scorer(
    out: Path,
    reads: Files,
    *,
    scorer: PrefixScorer,
    student: StudentConfig,
    thoughts: Mapping[str, Thought],
    grader: Grader,
    num_validation: int,
    seed: int,
    numerics: Mapping[str, Any],
    executor: Executor,
    weights: Weights,
) -> Counts:
    """The head, learned from what the student wrote. ValueError for a path of a problem that may
    not be learned from, a test problem above all."""
    problems = read_jsonl(reads["problems.jsonl"], Problem)
    known = by_id(scorer_problems(problems, scorer.num_problems, num_validation))
    outputs = read_jsonl(reads[HARVESTED], Output)
    if foreign := sorted({output.problem_id for output in outputs} - known.keys()):
        raise ValueError(
            f"{HARVESTED}: {foreign[0]} is none of the {len(known)} problems that a scorer may "
            "learn from"
        )
    graded = grade(outputs, known, thoughts, executor, grader)
    model, renderer = _reading_student(student, numerics, weights)
    from mdexp.decoding.prefix_scores import BATCH, read_prefixes, written_paths
    from mdexp.students.prefix_states import PrefixReader
    from mdexp.training.scorer_adapter import learn_adapter, save_adapter

    paths = written_paths(outputs, known, thoughts, renderer)
    adapted: Counts = {}
    if isinstance(scorer, AdaptsReader) and scorer.adapter:
        taught = [n for n, path in enumerate(graded) if path.split == "train"]
        pairs = scorer.pairs([_unread(graded[n], paths[n]) for n in taught])
        prefixes = [paths[n].prefix for n in taught]
        adapted = dict(learn_adapter(model, prefixes, pairs, scorer.adapter, seed))
    save_adapter(model, out / ADAPTER)
    reader = PrefixReader(model=model, depths=scorer.depths, batch_size=BATCH)
    read = read_prefixes(reader, paths, graded, by_step=scorer.by_step)
    sides = {
        split: [p for p in read if known[p.problem_id].split == split]
        for split in ("train", "validation")
    }
    head, counts = scorer.fit(sides["train"], sides["validation"])
    write_json(out / HEAD, asdict(head))
    ours = [path for path in graded if path.split == "train"]
    return {
        "paths": len(ours),
        "right": sum(path.correct for path in ours),
        "problems": len({path.problem_id for path in ours}),
        "validation paths": len(graded) - len(ours),
        "prefixes": len(read),
        **adapted,
        **counts,
        "tokens read": reader.num_tokens,
    }


def weigh(
    out: Path,
    reads: Files,
    *,
    student: StudentConfig,
    thoughts: Mapping[str, Thought],
    numerics: Mapping[str, Any],
    weights: Weights,
) -> Counts:
    """The score of each output of the trained student."""
    problems = by_id(read_jsonl(reads["problems.jsonl"], Problem))
    outputs = read_jsonl(reads[OUTPUTS], Output)
    from mdexp.decoding.prefix_scores import written_paths
    from mdexp.training.scorer_adapter import load_adapter

    model, renderer = _reading_student(student, numerics, weights)
    load_adapter(model, reads[ADAPTER])
    scores = prefix_scores(reads[HEAD], model, renderer)
    prefixes = [path.prefix for path in written_paths(outputs, problems, thoughts, renderer)]
    rows = [
        PathScore(
            problem_id=output.problem_id,
            thought=output.thought,
            sample=output.sample,
            score=round(score, 6),
            num_tokens=len(prefix.token_ids),
        )
        for output, prefix, score in zip(outputs, prefixes, scores(prefixes), strict=True)
    ]
    write_jsonl(out / SCORES, rows)
    return {"scored": len(rows), "tokens read": scores.reader.num_tokens}


def prefix_scores(head: Path, model: Any, renderer: Renderer) -> "PrefixScores":
    """The scorer that a stage left in the file `head`."""
    from mdexp.decoding.prefix_scores import PrefixScores

    return PrefixScores(model, read_head(head), renderer.tokenizer.eos_token_id)


def _unread(path: Generation, written: "WrittenPath") -> ReadPrefix:
    """A whole path before the student has read it."""
    return ReadPrefix(
        problem_id=path.problem_id,
        thought=path.thought,
        step=None,
        num_tokens=len(written.prefix.token_ids),
        is_right=path.correct,
        states=np.zeros((0, 0), dtype=np.float32),
    )


def _reading_student(
    student: StudentConfig, numerics: Mapping[str, Any], weights: Weights
) -> tuple[Any, Renderer]:
    model, tokenizer = weights.load(dtype=numerics["dtype"], device=numerics["device"])
    return model, Renderer(tokenizer, student.kind, student.prompt)


SCORER = Stage(
    name="scorer",
    part="generate",
    version=2,
    function=scorer,
    reads=("problems.jsonl", HARVESTED),
    writes=same_names(HEAD, ADAPTER),
    settings=lambda s: {
        "scorer": s.of_scorer(),
        "student": s.student,
        "thoughts": s.answering(),
        "grader": s.grader,
        "num_validation": s.decoding.num_validation,
        "seed": s.seed,
    },
    tools=lambda run: {"executor": run.executor, "weights": run.trained},
    runs_programs=True,
    is_numeric=True,
    key_only=key_of_decoding,
    asks_trained_student=True,
    for_scorer=True,
)
WEIGH = Stage(
    name="weigh",
    part="generate",
    version=1,
    function=weigh,
    reads=("problems.jsonl", HEAD, ADAPTER, OUTPUTS),
    writes=same_names(SCORES),
    settings=lambda s: {"student": s.student, "thoughts": s.answering()},
    tools=lambda run: {"weights": run.trained},
    is_numeric=True,
    key_only=key_of_decoding,
    asks_trained_student=True,
    for_scorer=True,
)
