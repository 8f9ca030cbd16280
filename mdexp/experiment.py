"""Runs one experiment: each chosen stage in order, from the store if it is there, and the run's
folder.

The folder has a manifest (run.json) and copies of what the stages wrote. The manifest is written
after every stage, so a killed run shows how far it came.
"""

import logging
import time
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from mdexp.config.ood_sets import load_ood
from mdexp.config.previous_run import earlier_stages, is_other_run
from mdexp.config.settings import Settings
from mdexp.ports import RunIdentity
from mdexp.report.stage_warnings import judge_counts
from mdexp.report.write import READS, write_report
from mdexp.sandbox.executor import Sandbox
from mdexp.stages.convert import CONVERT
from mdexp.stages.extract import EXTRACT
from mdexp.stages.generate import AFTER
from mdexp.stages.judge_run import (
    judge_files,
    judge_stages,
    judge_student,
    judge_student_server,
)
from mdexp.stages.run_files import RunFiles, clear
from mdexp.stages.score import SCORE
from mdexp.stages.stage import PreviousRound, Stage, sandbox_limits
from mdexp.stages.stage_writer import RankOptions
from mdexp.stages.table import TABLE
from mdexp.stages.train import TRAIN
from mdexp.store.environment import environment
from mdexp.store.files import plain_data, read_json, write_json
from mdexp.store.json_lines import read_jsonl
from mdexp.store.run_folder import MANIFEST, fork_run, round_folder
from mdexp.store.stage_store import StageResult, Store
from mdexp.students.numerics import numerics
from mdexp.students.process_memory import peak_memory_mib
from mdexp.students.weights import Weights
from mdexp.tracking.tracker import Tracker
from mdexp.transcripts.reading import Readings
from mdexp.transcripts.result_cache import CachedExecutor

log = logging.getLogger(__name__)

NEED_STUDENT = {"examples", "train", "generate", "after"}


def run_experiment(settings: Settings, run: RunIdentity) -> dict[str, Any]:
    """Run an experiment into its folder, earlier rounds into its subfolders round_1, ...; returns
    the metrics of the last round (empty without the stage `score`)."""
    metrics: dict[str, Any] = {}
    previous = None
    if settings.run and Path(settings.run) != run.folder:
        _fork(Path(settings.run), run.folder, settings.rounds)
    for number in range(1, settings.rounds + 1):
        ours = run if settings.rounds == 1 else _of_round(run, number, settings.rounds)
        if settings.run and not (ours.folder / MANIFEST).is_file():
            continue  # run=FOLDER names a single round
        of_round = settings.model_copy(update={"rounds": number})
        metrics, previous = _run_round(of_round, ours, previous)
    return metrics


def _fork(source: Path, target: Path, rounds: int) -> None:
    """Copy a run, with its earlier rounds, into the folder in which it is scored again."""
    log.info("%s keeps its scores; those of this command go to %s", source, target)
    fork_run(source, target, without=SCORE.name)
    for number in range(1, rounds):
        if (round_folder(source, number) / MANIFEST).is_file():
            folders = (round_folder(source, number), round_folder(target, number))
            fork_run(*folders, without=SCORE.name)


def _of_round(run: RunIdentity, number: int, rounds: int) -> RunIdentity:
    """The logger's identity of one of several rounds; together they form a group."""
    log.info("round %d of %d", number, rounds)
    is_last = number == rounds
    return RunIdentity(
        folder=run.folder if is_last else round_folder(run.folder, number),
        config=run.config if is_last else {**run.config, "rounds": number},
        group=run.group or run.folder.absolute().name,
        name=f"{run.name} round {number}".lstrip(),
    )


def _run_round(
    settings: Settings, run: RunIdentity, previous: PreviousRound | None
) -> tuple[dict[str, Any], PreviousRound | None]:
    """Run one round; returns its metrics and, if it trained, what the next round learns from."""
    run.folder.mkdir(parents=True, exist_ok=True)
    tracker = Tracker(settings.logger, run)
    metrics = None
    with Sandbox(**settings.sandbox.model_dump()) as sandbox:
        if sandbox.lacks:
            log.warning("sandbox: %s", sandbox.lacks)
        experiment = Experiment(settings, run, sandbox, tracker, previous)
        try:
            experiment.judge_stages()
            for stage in TABLE:
                if stage is EXTRACT and NEED_STUDENT & set(settings.stages):
                    experiment.judge_student()  # before anything is paid for
                if experiment.wants(stage):
                    experiment.run(stage)
            metrics = experiment.metrics()
            if "report" in settings.stages:
                experiment.report()
        finally:
            experiment.write_manifest("failed" if metrics is None else "done")
            tracker.finish(metrics)
    return metrics, experiment.left_for_next_round()


class Experiment:
    """A run in progress: the outputs of its stages so far, and its manifest."""

    def __init__(
        self,
        settings: Settings,
        run: RunIdentity,
        sandbox: Sandbox,
        tracker: Tracker,
        previous: PreviousRound | None = None,
    ) -> None:
        folder, config = run.folder, run.config
        self._previous = previous
        self.settings, self.folder, self.sandbox = settings, folder, sandbox
        self.executor = CachedExecutor(sandbox)
        self.readings: Readings = {}
        self.tracker, self.feeds = tracker, tracker.feeds
        self.store = Store(Path(settings.store))
        self.ledger = self.store.ledger
        earlier = earlier_stages(folder, config) if settings.run else {}
        if not settings.run and is_other_run(folder, config):
            clear(folder)
        self.files = RunFiles(folder, self.store, settings.stages, earlier)
        self.done, self.has, self.file = self.files.done, self.files.has, self.files.file
        self.started = time.monotonic()
        # Absolute, so that commands find the store from any working directory.
        settled = dict(config) | {"store": str(self.store.folder)}
        self.manifest = environment() | {"seed": settings.seed, "settings": settled}
        self.manifest["data"] = [
            f"{dataset.source} ({dataset.licence})"
            for dataset in (settings.dataset, *load_ood(settings.dataset))
        ]
        self.manifest["sandbox"] = {"tiers": sandbox.tiers, "lacks": sandbox.lacks}

    def chosen(self) -> list[Stage]:
        """The stages of this round that the run was asked for."""
        return [
            stage
            for stage in TABLE
            if (stage.part in self.settings.stages or self._only_after(stage))
            and (not stage.in_later_rounds or self._previous is not None)
            and (not stage.for_scorer or self.settings.scorer is not None)
        ]

    def _only_after(self, stage: Stage) -> bool:
        """Whether it is one of the stages that `after` stands for."""
        asks = stage.part == "generate" and stage.asks_trained_student
        return asks and "after" in self.settings.stages

    def wants(self, stage: Stage) -> bool:
        """Whether the stage is chosen; `after` also needs a run that trains."""
        trains = not stage.asks_trained_student or TRAIN.name in self.done
        return trains and stage in self.chosen()

    def judge_stages(self) -> None:
        """Refuse stages whose input is missing, before earlier stages buy anything."""
        self.num_files = judge_files(self.chosen(), self.settings)
        of_report = READS if "report" in self.settings.stages else ()
        judge_stages(self.chosen(), self.has, of_report)

    def judge_student(self) -> None:
        """Refuse a run that is bound to fail, before anything is paid for."""
        judge_student(
            self.settings,
            self.untrained,
            problems=self.file("problems.jsonl"),
            store=self.store.folder,
            num_files=self.num_files,
            asks_teacher=EXTRACT in self.chosen() and not self.is_stored(EXTRACT),
        )

    def run(self, stage: Stage) -> StageResult:
        """Run a stage or find it in the store, and copy its files into the run folder."""
        server = self.settings.student_server()
        if stage is TRAIN and server is not None and not self.is_stored(stage):
            judge_student_server(server)
        result = self.store.stage(stage.function, **self._keyed(stage), tools=stage.tools(self))
        self.files.keep(stage, result)
        self.write_manifest("running")
        longest = self.settings.decoding.max_new_tokens if self.settings.generates else None
        judge_counts(result, self.settings.stages, longest)
        if stage is TRAIN:
            self.tracker.log_history(read_jsonl(result["history.jsonl"], dict))
        return result

    def is_stored(self, stage: Stage) -> bool:
        return self.store.has(**self._keyed(stage))

    def _keyed(self, stage: Stage) -> dict[str, Any]:
        """What the store finds the stage's output by."""
        reads = [*stage.reads, *filter(self.has, stage.reads_if_there)]
        reads += [n for n, asked in stage.reads_by_choice.items() if asked(self.settings)]
        numeric = {"numerics": self.numerics} if stage.is_numeric else {}
        return {
            "name": stage.name,
            "version": stage.version,
            "reads": {name: self.file(name) for name in reads} | dict(stage.files(self.settings)),
            "settings": {**stage.settings(self.settings), **numeric},
            "key_only": self._key_only(stage),
        }

    def _key_only(self, stage: Stage) -> dict[str, Any]:
        """What can change the stage's output although it is not among its inputs."""
        runs = stage.runs_programs or stage.may_run_programs(self.settings)
        limits = {"limits": sandbox_limits(self.settings, self.sandbox.tiers)} if runs else {}
        trained = {"trained": self.done[TRAIN.name].key} if stage.asks_trained_student else {}
        before: dict[str, Any] = {}
        if stage.in_later_rounds:
            before = {"trained": self.previous.key}
            before |= {"variants": named} if (named := dict(self.previous.variants)) else {}
        return limits | trained | before | dict(stage.key_only(self.settings))

    @property
    def previous(self) -> PreviousRound:
        """The round before this one."""
        assert self._previous is not None, "only stages of later rounds ask for it"
        return self._previous

    def left_for_next_round(self) -> PreviousRound | None:
        """What the next round learns from; None if this round did not train."""
        if TRAIN.name not in self.done:
            return None
        counts = self.done[AFTER.name].counts if AFTER.name in self.done else {}
        asked = {n: counts[n].get("variant") for n in self.settings.thoughts if n in counts}
        return PreviousRound(
            weights=self.trained,
            key=self.done[TRAIN.name].key,
            variants={name: variant for name, variant in asked.items() if variant},
        )

    @cached_property
    def numerics(self) -> dict[str, Any]:
        """How numbers are computed on this machine."""
        trainer, student = self.settings.trainer, self.settings.student
        return plain_data(numerics(trainer.precision, trainer.accelerator, student))

    @property
    def ranks(self) -> RankOptions:
        """Those that write beside this process, each with a sandbox."""
        sandbox = partial(Sandbox, **self.settings.sandbox.model_dump())
        return RankOptions(trainer=self.settings.trainer, open_executor=sandbox)

    @cached_property
    def untrained(self) -> Weights:
        """The student before training; packed weights are unpacked once for all runs."""
        student = self.settings.student
        weights = Weights(student=student, seed=self.settings.seed)
        return weights.unpacked(self.run(CONVERT).folder) if student.is_packed() else weights

    @cached_property
    def trained(self) -> Weights:
        """The student that this run trained."""
        untrained = self.untrained.with_tokens(self.settings.new_tokens())
        return untrained.after_training(self.done[TRAIN.name]["student"])

    def metrics(self) -> dict[str, Any]:
        """The metrics; empty without the stage `score`."""
        return read_json(self.file("metrics.json")) if "score" in self.settings.stages else {}

    def report(self) -> None:
        self.write_manifest("done")
        rounds = [round_folder(self.folder, n) for n in range(1, self.settings.rounds)]
        there = [folder for folder in rounds if (folder / MANIFEST).is_file()]
        several = [*there, self.folder] if there else []
        write_report(self.folder, self.file, self.has, self.settings, self.manifest, several)

    def write_manifest(self, state: str) -> None:
        self.manifest |= {
            "state": state,
            "seconds": round(time.monotonic() - self.started, 1),
            "peak_memory_mib": peak_memory_mib(),
            "stages": self.files.entries(),
        }
        write_json(self.folder / MANIFEST, self.manifest)
