"""One experiment: the chosen stages in order, each found in the store or run, and its folder.

The folder is a manifest (run.json) with hard links to what the stages wrote. The manifest is
written after every stage, so that a killed run shows how far it came.
"""

import logging
import platform
import time
from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

from mdexp import stages
from mdexp.artifacts import Stage, StageResult, Store, link, read_json, read_jsonl, write_json
from mdexp.config.ood_sets import load_ood
from mdexp.config.previous_run import earlier_stages
from mdexp.config.settings import Settings, SettingsError
from mdexp.records import Problem
from mdexp.report.stage_counts import mostly_dropped, nothing_left, problem_counts
from mdexp.report.write import write_report
from mdexp.sandbox.executor import Sandbox
from mdexp.store.environment import environment, peak_memory_mib
from mdexp.students.numerics import numerics
from mdexp.students.weights import Weights
from mdexp.thoughts.prompting import exemplar_files
from mdexp.tracking import Tracker, sweep_of

log = logging.getLogger(__name__)

# Raised when a stage writes something else for the same input; part of its key.
VERSIONS = {
    "prepare": 3,
    "extract": 1,
    "verify": 4,
    "convert": 1,
    "examples": 1,
    "train": 2,
    "generate": 4,
    "score": 5,
}


class Experiment:
    """A run under way: what its stages left so far, and its manifest."""

    def __init__(
        self, settings: Settings, folder: Path, config: Mapping[str, Any], tools: Mapping[str, Any]
    ) -> None:
        self.settings, self.folder, self.tools = settings, folder, dict(tools)
        self.store = Store(Path(settings.store))
        self.done: list[StageResult] = []
        self.files: dict[str, Path] = {}
        self.earlier = earlier_stages(folder) if settings.run else {}
        self.started = time.monotonic()
        executor: Sandbox = tools["executor"]
        self.limits = limits(settings, executor.tiers)
        self.manifest = environment() | {"seed": settings.seed, "settings": dict(config)}
        self.manifest["data"] = [
            f"{dataset.source} ({dataset.licence})"
            for dataset in (settings.dataset, *load_ood(settings.dataset))
        ]
        self.manifest["sandbox"] = {"tiers": executor.tiers, "lacks": executor.lacks}

    def wants(self, stage: str) -> bool:
        return stage in self.settings.stages

    def stage(
        self,
        stage: Stage,
        *needs: str,
        writes: Mapping[str, str],
        files: Mapping[str, Path] | None = None,
        tools: Mapping[str, Any] | None = None,
        name: str | None = None,
        **settings: Any,
    ) -> StageResult:
        """Run a stage on files of this run (`needs`) and others (`files`), and link what it writes,
        {name in the store: name in the run folder}. All of `settings` is part of its key."""
        result = self.store.stage(
            stage,
            name=name or stage.__name__,
            version=VERSIONS[stage.__name__],
            reads={need: self.file(need) for need in needs} | dict(files or {}),
            settings=settings,
            tools=tools or {},
        )
        for source, target in writes.items():
            link(result[source], self.folder / target)
            self.files[target] = result[source]
        self.done.append(result)
        self.write_manifest("running")
        self.judge_counts(result)
        return result

    def judge_counts(self, result: StageResult) -> None:
        """Warn of what a stage dropped; SettingsError if it left nothing that can be trained on."""
        for sentence in mostly_dropped([result.manifest()]):
            log.warning("warning: %s", sentence)
        trains = {"extract", "verify", "examples", "train"} & set(self.settings.stages)
        if trains and (faults := nothing_left(result.name, result.counts)):
            raise SettingsError(faults)

    @cached_property
    def untrained(self) -> Weights:
        """The student as it is before training; packed weights are unpacked once for all runs."""
        student = self.settings.student
        weights = Weights(student=student, seed=self.settings.seed)
        if not student.is_packed():
            return weights
        files = student.files()
        return weights.unpacked(
            self.stage(stages.convert, writes={}, files=files, student=student).folder
        )

    def has(self, name: str) -> bool:
        return name in self.files or (self.folder / name).is_file()

    def file(self, name: str) -> Path:
        """A file that a stage of this run wrote, now or (stages=[score,report]) earlier."""
        if not self.has(name):
            raise FileNotFoundError(
                f"{self.folder / name} is not there, and none of stages="
                f"{list(self.settings.stages)} writes it: add the stage that does"
            )
        return self.files.get(name, self.folder / name)

    def write_manifest(self, state: str) -> None:
        done = {result.name: result.manifest() for result in self.done}
        self.manifest |= {
            "state": state,
            "seconds": round(time.monotonic() - self.started, 1),
            "peak_memory_mib": peak_memory_mib(),
            "stages": list((self.earlier | done).values()),
        }
        write_json(self.folder / "run.json", self.manifest)


def run(settings: Settings, folder: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """Run an experiment into `folder`; returns its metrics (empty if it was not to score)."""
    folder.mkdir(parents=True, exist_ok=True)
    tracker = Tracker.start(settings, config, folder, sweep_of(folder))
    metrics = None
    with Sandbox(**settings.sandbox.model_dump()) as executor:
        if executor.lacks:
            log.warning("sandbox: %s", executor.lacks)
        experiment = Experiment(settings, folder, config, {"executor": executor})
        try:
            problems_to_examples(experiment)
            student_to_outputs(experiment, tracker)
            metrics = outputs_to_report(experiment)
        finally:
            experiment.write_manifest("failed" if metrics is None else "done")
            tracker.finish(metrics)
    return metrics


def preparation(s: Settings) -> dict[str, Any]:
    """The files and settings of the stage `prepare`."""
    ood = load_ood(s.dataset)
    files = {name: file for d in (s.dataset, *ood) for name, file in d.files().items()}
    return {"files": files, "dataset": s.dataset, "ood": ood, "seed": s.seed}


def prepared(s: Settings) -> list[Problem]:
    """The problems of a run, found in its store or put there."""
    given = preparation(s)
    result = Store(Path(s.store)).stage(
        stages.prepare,
        name="prepare",
        version=VERSIONS["prepare"],
        reads=given.pop("files"),
        settings=given,
        tools={},
    )
    return read_jsonl(result["problems.jsonl"], Problem)


def problems_to_examples(e: Experiment) -> None:
    """Nothing here depends on λ: a sweep over it does all of this once."""
    s = e.settings
    if e.wants("prepare"):
        made = e.stage(stages.prepare, writes=same("problems.jsonl"), **preparation(s))
        log.info("problems: %s", problem_counts(made.counts))
    if e.wants("extract"):
        e.stage(
            stages.extract,
            "problems.jsonl",
            writes=same("paths.jsonl"),
            files=s.teacher.files(),
            tools={"ledger": e.store.ledger},
            teacher=s.teacher,
            thoughts=s.thoughts,
            overlap=s.dataset.overlap,
        )
    if e.wants("verify"):
        e.stage(
            stages.verify,
            "problems.jsonl",
            "paths.jsonl",
            writes=same("verified.jsonl", "rejected.jsonl"),
            tools=e.tools,
            mode=s.verify.mode,
            thoughts=s.thoughts,
            limits=e.limits,
        )
    if e.wants("examples"):
        e.stage(
            stages.examples,
            "problems.jsonl",
            "verified.jsonl",
            writes=same("examples.jsonl", "unused.jsonl"),
            files=s.student.files(),
            tools={"weights": e.untrained},
            student=s.student,
            thoughts=s.thoughts,
            max_tokens=s.trainer.max_tokens,
            on_overlong=s.trainer.on_overlong,
        )


def student_to_outputs(e: Experiment, tracker: Tracker) -> None:
    s = e.settings
    if not (e.wants("train") or e.wants("generate")):
        return
    machine = asdict(numerics(s.trainer.precision, s.trainer.accelerator))
    before, after = e.untrained, None
    if e.wants("train"):
        trained = e.stage(
            stages.train,
            "examples.jsonl",
            writes=same("history.jsonl"),
            files=s.student.files(),
            tools={"weights": before},
            student=s.student,
            shares=s.shares(),
            objective=s.objective,
            trainer=s.trainer,
            seed=s.seed,
            numerics=machine,
        )
        for row in read_jsonl(trained["history.jsonl"], dict):
            tracker.log(row, step=row.pop("step"))
        after = before.after_training(trained["student"])
    if not e.wants("generate"):
        return
    answering: dict[str, Any] = {
        "student": s.student,
        "thoughts": s.thoughts,
        "decoding": s.decoding,
        "seed": s.seed,
        "limits": e.limits,
        "numerics": machine,
    }
    e.stage(
        stages.generate,
        "problems.jsonl",
        writes={"outputs.jsonl": "outputs_before.jsonl"},
        files=s.student.files() | {"exemplars.jsonl": exemplar_files()[0]},
        tools=e.tools | {"weights": before},
        name="before",
        phase="before",
        overlap=s.dataset.overlap,
        **answering,
    )
    if after:
        e.stage(
            stages.generate,
            "problems.jsonl",
            writes={"outputs.jsonl": "outputs_after.jsonl"},
            tools=e.tools | {"weights": after},
            name="after",
            phase="after",
            trained=trained.key,
            **answering,
        )


def outputs_to_report(e: Experiment) -> dict[str, Any]:
    s, metrics = e.settings, {}
    if e.wants("score"):
        outputs = ("outputs_before.jsonl", "outputs_after.jsonl")
        e.stage(
            stages.score,
            "problems.jsonl",
            *filter(e.has, outputs),
            writes=same("generations.jsonl", "votes.jsonl", "metrics.json", "analysis.json"),
            tools=e.tools,
            thoughts=s.thoughts,
            vote=s.vote,
            grader=s.grader,
            limits=e.limits,
        )
        metrics = read_json(e.file("metrics.json"))
    if e.wants("report"):
        e.write_manifest("done")
        write_report(e.folder, e.file, s, e.manifest)
    return metrics


def limits(settings: Settings, tiers: tuple[str, ...]) -> dict[str, Any]:
    """What can change a result of the sandbox; the number of workers cannot.

    `tiers` are those that this machine has: with fewer of them more programs are unsupported.
    """
    python = ".".join(platform.python_version_tuple()[:2])  # sum() of floats, for one, differs
    return settings.sandbox.model_dump(exclude={"workers"}) | {"tiers": tiers, "python": python}


def same(*names: str) -> dict[str, str]:
    return {name: name for name in names}
