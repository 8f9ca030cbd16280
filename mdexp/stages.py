"""The way of the data, one function per stage, from the problems to the report.

    prepare -> extract -> verify -> examples -> train -> generate -> score -> report

A stage reads named files and writes named files into `out`; what it is given as settings makes up
its key in the store (artifacts.py). Tools (an executor, weights) are handed on beside it.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mdexp.artifacts import (
    STILL_MISSING,
    Counts,
    file_hash,
    read_jsonl,
    write_json,
    write_jsonl,
)
from mdexp.config.blocks import DecodingSettings, ObjectiveSettings, TrainerSettings, VoteSettings
from mdexp.datasets.overlap import refuse_tested
from mdexp.datasets.prepare import prepare as prepare_problems
from mdexp.grading import score as scoring
from mdexp.grading.analysis import analyse
from mdexp.grading.verify import Mode, verify_paths
from mdexp.ports import Dataset, Executor, StudentConfig, Teacher, Thought
from mdexp.records import (
    Example,
    Grader,
    Output,
    Overlap,
    Phase,
    Problem,
    Rejection,
    VerifiedPath,
)
from mdexp.records import (
    Path as TeacherPath,
)
from mdexp.students.load import save_folder
from mdexp.students.prompts import Renderer
from mdexp.students.weights import Weights
from mdexp.teacher.run_cost import paid
from mdexp.thoughts.prompting import load_exemplars
from mdexp.training.examples import OnOverlong, make_examples, refuse_overlong

Files = Mapping[str, Path]
Thoughts = dict[str, Thought]


def prepare(
    out: Path, reads: Files, *, dataset: Dataset, ood: Sequence[Dataset], seed: int
) -> Counts:
    problems, counts = prepare_problems(dataset, ood, seed)
    write_jsonl(out / "problems.jsonl", problems)
    return dict(counts)


def extract(
    out: Path,
    reads: Files,
    *,
    teacher: Teacher,
    thoughts: Thoughts,
    overlap: Overlap,
    ledger: Path,
) -> Counts:
    everything = read_jsonl(reads["problems.jsonl"], Problem)
    refuse_tested(teacher.exemplars(), everything, overlap)
    problems = training(everything)
    paths = list(teacher.paths(problems, thoughts, ledger))
    write_jsonl(out / "paths.jsonl", paths)
    asked = len(problems) * len(thoughts) * teacher.num_paths
    missing = asked - len(paths)
    counts: Counts = {"asked": asked, "paths": len(paths), "missing": missing}
    # The prompts that were used: exemplars and templates, or the recorded answers.
    counts["files"] = {name: file_hash(file) for name, file in teacher.files().items()}
    counts["paid"] = paid(teacher, problems, thoughts, ledger)
    return counts | ({STILL_MISSING: missing} if teacher.ask_again else {})


def verify(
    out: Path, reads: Files, *, mode: Mode, thoughts: Thoughts, limits: Any, executor: Executor
) -> Counts:
    problems = by_id(read_jsonl(reads["problems.jsonl"], Problem))
    paths = read_jsonl(reads["paths.jsonl"], TeacherPath)
    verified, rejected = verify_paths(paths, problems, thoughts, executor, mode)
    write_jsonl(out / "verified.jsonl", verified)
    write_jsonl(out / "rejected.jsonl", rejected)
    return accounted("paths", len(paths), "verified", len(verified), rejected)


def convert(out: Path, reads: Files, *, student: StudentConfig) -> Counts:
    """A student whose weights come packed is unpacked once."""
    unpacked = student.load(seed=0)
    save_folder(unpacked, out)
    return {"parameters": sum(p.numel() for p in unpacked[0].parameters())}


def examples(
    out: Path,
    reads: Files,
    *,
    student: StudentConfig,
    thoughts: Thoughts,
    max_tokens: int,
    on_overlong: OnOverlong,
    weights: Weights,
) -> Counts:
    problems = by_id(read_jsonl(reads["problems.jsonl"], Problem))
    verified = read_jsonl(reads["verified.jsonl"], VerifiedPath)
    _, tokenizer = weights.load()
    renderer = Renderer(tokenizer, student.kind, student.prompt)
    made, unused = make_examples(verified, problems, thoughts, renderer, max_tokens)
    if on_overlong == "error":
        refuse_overlong(unused)
    write_jsonl(out / "examples.jsonl", made)
    write_jsonl(out / "unused.jsonl", unused)
    return accounted("verified", len(verified), "examples", len(made), unused)


def train(
    out: Path,
    reads: Files,
    *,
    student: StudentConfig,
    shares: Mapping[str, float] | None,
    objective: ObjectiveSettings,
    trainer: TrainerSettings,
    seed: int,
    numerics: Mapping[str, Any],
    weights: Weights,
) -> Counts:
    from mdexp.training.fit import CHECKPOINTS, fit_from  # loads Lightning
    from mdexp.training.ranks import num_ranks, other_ranks

    training: dict[str, Any] = {
        "weights": weights,
        "examples": read_jsonl(reads["examples.jsonl"], Example),
        "student": student,
        "shares": shares,
        "objective": objective,
        "trainer": trainer,
        "seed": seed,
        "precision": numerics["precision"],
        "folder": out,
    }
    with other_ranks(num_ranks(trainer), fit_from, **training):
        trained, history, counts = fit_from(**training)
    save_folder(trained, out / "student")
    shutil.rmtree(out / CHECKPOINTS, ignore_errors=True)
    write_jsonl(out / "history.jsonl", history)
    return counts


def generate(
    out: Path,
    reads: Files,
    *,
    student: StudentConfig,
    thoughts: Thoughts,
    decoding: DecodingSettings,
    phase: Phase,
    seed: int,
    limits: Any,
    numerics: Mapping[str, Any],
    executor: Executor,
    weights: Weights,
    trained: str | None = None,
    overlap: Overlap = "off",
) -> Counts:
    """Before training each thought is prompted zero-shot and few-shot on validation problems, and
    the better of the two answers the test; a trained student needs no exemplars. ValueError if
    an exemplar is a test problem by `overlap`."""
    import torch

    from mdexp.decoding.answering import answer
    from mdexp.decoding.beams import answer_by_steps
    from mdexp.decoding.decode_stats import Work
    from mdexp.decoding.resume_cache import Kept

    everything = read_jsonl(reads["problems.jsonl"], Problem)
    problems = asked_of_student(everything, decoding)
    model, tokenizer = weights.load()
    model.to(numerics["device"], getattr(torch, numerics["dtype"]))
    renderer = Renderer(tokenizer, student.kind, student.prompt)
    kept = Kept(out / "answers.jsonl")
    work = Work(kept=kept)
    ask = partial(answer, model, renderer, decoding=decoding, phase=phase, seed=seed, work=work)
    exemplars = load_exemplars()[: decoding.num_shots]
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
    elif phase == "after":
        outputs = ask(problems, thoughts, [])
    else:
        for name, thought in thoughts.items():
            found, counts[name] = _with_better_prompt(
                ask, problems, name, thought, exemplars, executor
            )
            outputs += found
    write_jsonl(out / "outputs.jsonl", outputs)
    kept.file.unlink(missing_ok=True)
    if decoding.engine == "local" or phase == "before":
        counts["dtype"] = numerics["dtype"]  # a server's is not known
    return counts | told(outputs) | work.counts()


def _with_better_prompt(
    ask: Callable[..., list[Output]],
    problems: Sequence[Problem],
    name: str,
    thought: Thought,
    exemplars: Sequence[Mapping[str, Any]],
    executor: Executor,
) -> tuple[list[Output], Counts]:
    """Outputs by zero- or few-shot prompts, whichever solves more validation problems."""
    one = {name: thought}
    validation = [problem for problem in problems if problem.split == "validation"]
    tried = {len(shots): ask(validation, one, shots) for shots in ([], exemplars)}
    solved = {
        shots: sum(g.correct for g in scoring.grade(rows, by_id(problems), one, executor))
        for shots, rows in tried.items()
    }
    best = max(solved, key=lambda shots: (solved[shots], shots))
    rest = [problem for problem in problems if problem.split != "validation"]
    counts = {"solved on validation by shots": solved, "shots": best}
    return tried[best] + ask(rest, one, exemplars[:best]), counts


def told(outputs: Sequence[Output]) -> Counts:
    """How much was written, and how much of it the token budget cut short."""
    return {
        "outputs": len(outputs),
        "tokens": sum(output.num_tokens for output in outputs),
        "truncated": sum(not output.finished for output in outputs),
    }


def score(
    out: Path,
    reads: Files,
    *,
    thoughts: Thoughts,
    limits: Any,
    vote: VoteSettings,
    grader: Grader,
    executor: Executor,
) -> Counts:
    problems = by_id(read_jsonl(reads["problems.jsonl"], Problem))
    outputs = [
        output
        for name in ("outputs_before.jsonl", "outputs_after.jsonl")
        if name in reads
        for output in read_jsonl(reads[name], Output)
    ]
    generations = scoring.grade(outputs, problems, thoughts, executor, grader)
    votes = scoring.votes(generations, list(thoughts), rule=vote.name, order=vote.order)
    write_jsonl(out / "generations.jsonl", generations)
    write_jsonl(out / "votes.jsonl", votes)
    write_json(out / "metrics.json", scoring.metrics(generations, votes, list(thoughts), grader))
    write_json(out / "analysis.json", analyse(generations, votes, problems, thoughts))
    return {"generations": len(generations), "votes": len(votes)}


def training(problems: Sequence[Problem]) -> list[Problem]:
    """The problems that a teacher is asked about."""
    return [p for p in problems if p.split == "train" and not p.leaked]


def by_id(problems: Sequence[Problem]) -> dict[str, Problem]:
    return {problem.id: problem for problem in problems}


def asked_of_student(problems: Sequence[Problem], decoding: DecodingSettings) -> list[Problem]:
    """All test problems, and as many validation problems as `decoding.num_validation` says."""
    validation = [p for p in problems if p.split == "validation"][: decoding.num_validation]
    return validation + [p for p in problems if p.split == "test"]


def accounted(
    source: str, number: int, kept_as: str, kept: int, dropped: Sequence[Rejection]
) -> Counts:
    """Counts of a stage that drops: in = out + dropped."""
    assert number == kept + len(dropped), (source, number, kept, len(dropped))
    return {source: number, kept_as: kept, "dropped": dict(Counter(d.reason for d in dropped))}
