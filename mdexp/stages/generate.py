"""Stages `before` and `after`: what the student writes before training and after it."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mdexp.config.blocks import DecodingSettings
from mdexp.config.settings import Settings
from mdexp.datasets.overlap import refuse_tested
from mdexp.grading import score as scoring
from mdexp.ports import Done, Executor, StudentConfig, Thought
from mdexp.reading import TranscriptKey, outcomes, reading_order
from mdexp.records import VALIDATION, Output, Overlap, Phase, Problem
from mdexp.stages.problem_sets import asked_of_student, by_id
from mdexp.stages.stage import Files, Stage
from mdexp.store.json_lines import read_jsonl, write_jsonl
from mdexp.store.stage_store import Counts
from mdexp.students.prompts import Renderer
from mdexp.students.weights import Weights
from mdexp.thoughts.prompting import all_exemplar_files, load_exemplars, most_asked, shown_by

log = logging.getLogger(__name__)


def generate(
    out: Path,
    reads: Files,
    *,
    student: StudentConfig,
    thoughts: Mapping[str, Thought],
    decoding: DecodingSettings,
    phase: Phase,
    seed: int,
    numerics: Mapping[str, Any],
    executor: Executor,
    weights: Weights,
    overlap: Overlap = "off",
) -> Counts:
    """Before training each thought is prompted zero-shot and few-shot on validation problems, and
    the better of the two answers the test; a trained student needs no exemplars. ValueError if
    an exemplar is a test problem by `overlap`."""
    import torch

    from mdexp.decoding.answering import answer
    from mdexp.decoding.beams import answer_by_steps
    from mdexp.decoding.decode_stats import Work
    from mdexp.decoding.resume_cache import ResumeCache

    everything = read_jsonl(reads["problems.jsonl"], Problem)
    problems = asked_of_student(everything, decoding)
    model, tokenizer = weights.load()
    model.to(numerics["device"], getattr(torch, numerics["dtype"]))
    renderer = Renderer(tokenizer, student.kind, student.prompt)
    kept = ResumeCache(out / "answers.jsonl")
    work = Work(kept=kept)
    ask = partial(
        answer,
        model,
        renderer,
        decoding=decoding,
        phase=phase,
        seed=seed,
        work=work,
        executor=executor,
    )
    exemplars = load_exemplars(most_asked(problems))[: decoding.num_shots]
    refuse_tested(exemplars, everything, overlap)
    outputs: list[Output] = []
    counts: Counts = {}
    if phase == "after" and decoding.beam:
        outputs, counts = answer_by_steps(
            model,
            renderer,
            problems,
            thoughts,
            decoding=decoding,
            executor=executor,
            seed=seed,
            work=work,
        )
    else:
        for layer in reading_order(thoughts):
            ours = {name: thoughts[name] for name in layer}
            found = outcomes(outputs, by_id(problems), thoughts, executor)
            if phase == "after":
                log.info("after, %s: %s", ", ".join(ours), _asked_for(problems))
                outputs += ask(problems, ours, [], found=found)
                continue
            for name, thought in ours.items():
                chosen, counts[name] = _with_better_prompt(
                    partial(ask, found=found), problems, name, thought, exemplars, executor, found
                )
                outputs += chosen
    write_jsonl(out / "outputs.jsonl", outputs)
    kept.file.unlink(missing_ok=True)
    if decoding.engine == "local" or phase == "before":
        counts["dtype"] = numerics["dtype"]  # a server's is not known
    return counts | written_counts(outputs) | work.counts()


def _with_better_prompt(
    ask: Callable[..., list[Output]],
    problems: Sequence[Problem],
    name: str,
    thought: Thought,
    exemplars: Sequence[Mapping[str, Any]],
    executor: Executor,
    found: Mapping[TranscriptKey, Done],
) -> tuple[list[Output], Counts]:
    """Outputs by zero- or few-shot prompts, whichever solves more validation problems. A thought
    that has no exemplar is asked without."""
    one = {name: thought}
    log.info("before, %s: %s", name, _asked_for(problems))
    shown = shown_by(thought, exemplars)
    validation = [problem for problem in problems if problem.split == "validation"]
    choices = ([], shown) if shown else ([],)
    tried = {len(shots): ask(validation, one, shots) for shots in choices}
    solved = {
        shots: sum(
            g.correct for g in scoring.grade(rows, by_id(problems), one, executor, found=found)
        )
        for shots, rows in tried.items()
    }
    best = max(solved, key=lambda shots: (solved[shots], shots))
    rest = [problem for problem in problems if problem.split != "validation"]
    counts = {"solved on validation by shots": solved, "shots": best}
    return tried[best] + ask(rest, one, shown[:best]), counts


def _asked_for(problems: Sequence[Problem]) -> str:
    """How many problems of which set: `50 of svamp/validation, 300 of svamp`."""
    sets = Counter(p.dataset + (VALIDATION if p.split == "validation" else "") for p in problems)
    return ", ".join(f"{number} of {name}" for name, number in sets.items())


def written_counts(outputs: Sequence[Output]) -> Counts:
    """How much was written, and how much of it the token budget cut short."""
    return {
        "outputs": len(outputs),
        "tokens": sum(output.num_tokens for output in outputs),
        "truncated": sum(not output.finished for output in outputs),
    }


def _settings(s: Settings, phase: Phase) -> dict[str, Any]:
    return {
        "student": s.student,
        "thoughts": s.answering(),
        "decoding": s.decoding,
        "seed": s.seed,
        "phase": phase,
    }


BEFORE = Stage(
    name="before",
    part="generate",
    version=6,
    function=generate,
    reads=("problems.jsonl",),
    writes={"outputs.jsonl": "outputs_before.jsonl"},
    files=lambda s: {**s.student.files(), **{f.name: f for f in all_exemplar_files()}},
    settings=lambda s: _settings(s, "before") | {"overlap": s.dataset.overlap},
    tools=lambda run: {"executor": run.executor, "weights": run.untrained},
    runs_programs=True,
    is_numeric=True,
)
AFTER = Stage(
    name="after",
    part="generate",
    version=6,
    function=generate,
    reads=("problems.jsonl",),
    writes={"outputs.jsonl": "outputs_after.jsonl"},
    settings=partial(_settings, phase="after"),
    tools=lambda run: {"executor": run.executor, "weights": run.trained},
    runs_programs=True,
    is_numeric=True,
    asks_trained_student=True,
)
