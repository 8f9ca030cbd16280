"""One experiment: the chosen stages in order, each found in the store or run, and its folder.

The folder is a manifest (run.json) with copies of what the stages wrote. The manifest is written
after every stage, so that a killed run shows how far it came.
"""

import logging
import shutil
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from mdexp.config.ood_sets import load_ood
from mdexp.config.previous_run import earlier_stages, is_other_run
from mdexp.config.settings import Settings, SettingsError
from mdexp.ports import RunIdentity
from mdexp.records import Problem
from mdexp.report.stage_counts import (
    mostly_dropped,
    nothing_left,
    problem_counts,
    stage_line,
    still_missing,
    unread_columns,
)
from mdexp.report.write import write_report
from mdexp.sandbox.executor import Sandbox
from mdexp.sandbox.result_cache import CachedExecutor
from mdexp.stages.convert import CONVERT
from mdexp.stages.extract import EXTRACT
from mdexp.stages.generate import AFTER
from mdexp.stages.prepare import PREPARE
from mdexp.stages.problem_sets import asked_of_student
from mdexp.stages.score import SCORE
from mdexp.stages.stage import PreviousRound, Stage, sandbox_limits
from mdexp.stages.table import TABLE, WRITERS, dependents
from mdexp.stages.train import TRAIN
from mdexp.store.environment import environment
from mdexp.store.files import copy_file, plain_data, read_json, write_json
from mdexp.store.integrity import file_hash
from mdexp.store.json_lines import read_jsonl
from mdexp.store.run_folder import (
    MANIFEST,
    RESCORED,
    RunFileError,
    checked_file,
    fork_run,
    round_folder,
    run_file,
)
from mdexp.store.stage_store import StageResult, Store, damage
from mdexp.students.numerics import numerics
from mdexp.students.process_memory import peak_memory_mib
from mdexp.students.weights import Weights
from mdexp.tracking.tracker import Tracker
from mdexp.training.preflight import preflight

log = logging.getLogger(__name__)

NEED_TRAINING_PROBLEMS = {"extract", "verify", "examples", "train"}
NEED_STUDENT = {"examples", "train", "generate"}
# Made of stages' files.
DERIVED = ("report.md", "report.html", "rounds.json", "history.csv", "metrics.csv")


def run_experiment(settings: Settings, run: RunIdentity) -> dict[str, Any]:
    """Run an experiment into its folder, earlier rounds into round_1, ... below it; returns its
    metrics, which are those of the last round (empty if it was not to score)."""
    metrics: dict[str, Any] = {}
    previous = None
    if settings.run and Path(settings.run) != run.folder:
        _fork(Path(settings.run), run.folder, settings.rounds)
    for number in range(1, settings.rounds + 1):
        ours = run if settings.rounds == 1 else _of_round(run, number, settings.rounds)
        if settings.run and not (ours.folder / MANIFEST).is_file():
            continue  # run=FOLDER of a round, which has no earlier ones below it
        of_round = settings.model_copy(update={"rounds": number})
        metrics, previous = _run_round(of_round, ours, previous)
    return metrics


def _fork(source: Path, target: Path, rounds: int) -> None:
    """Copy a run, with its earlier rounds, into the folder where it is scored in another way."""
    log.info("%s keeps its scores; those of this command go to %s", source, target)
    fork_run(source, target, without=SCORE.name)
    for number in range(1, rounds):
        if (round_folder(source, number) / MANIFEST).is_file():
            folders = (round_folder(source, number), round_folder(target, number))
            fork_run(*folders, without=SCORE.name)


def _of_round(run: RunIdentity, number: int, rounds: int) -> RunIdentity:
    """One of several rounds as its logger knows it: together they are a group."""
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
    """Run one round; its metrics, and what the next one learns from, if it trained."""
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
                if stage is EXTRACT:
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


def prepared(settings: Settings) -> list[Problem]:
    """The problems of a run, found in its store or put there."""
    result = Store(Path(settings.store)).stage(
        PREPARE.function,
        name=PREPARE.name,
        version=PREPARE.version,
        reads=PREPARE.files(settings),
        settings=PREPARE.settings(settings),
    )
    return read_jsonl(result["problems.jsonl"], Problem)


class Experiment:
    """A run under way: what its stages left so far, and its manifest."""

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
        self.tracker, self.feeds = tracker, tracker.feeds
        self.store = Store(Path(settings.store))
        self.ledger = self.store.ledger
        self.done: dict[str, StageResult] = {}
        self.files: dict[str, Path] = {}
        self.hashes: dict[str, dict[str, str]] = {}  # by stage, of its files in the run folder
        self.earlier = earlier_stages(folder, config) if settings.run else {}
        if not settings.run and is_other_run(folder, config):
            _clear(folder)
        self.started = time.monotonic()
        # Absolute, so that the folder's commands find it from wherever they are called.
        settled = dict(config) | {"store": str(self.store.folder)}
        self.manifest = environment() | {"seed": settings.seed, "settings": settled}
        self.manifest["data"] = [
            f"{dataset.source} ({dataset.licence})"
            for dataset in (settings.dataset, *load_ood(settings.dataset))
        ]
        self.manifest["sandbox"] = {"tiers": sandbox.tiers, "lacks": sandbox.lacks}

    def wants(self, stage: Stage) -> bool:
        """Whether the stage is chosen; the trained student answers only in a run that trains it."""
        trains = not stage.asks_trained_student or TRAIN.name in self.done
        return stage.part in self.settings.stages and trains and self._is_of_round(stage)

    def _is_of_round(self, stage: Stage) -> bool:
        return not stage.in_later_rounds or self._previous is not None

    def run(self, stage: Stage) -> StageResult:
        """Run a stage or find it in the store, and copy what it writes into the run folder."""
        reads = [*stage.reads, *filter(self.has, stage.reads_if_there)]
        numeric = {"numerics": self.numerics} if stage.is_numeric else {}
        result = self.store.stage(
            stage.function,
            name=stage.name,
            version=stage.version,
            reads={name: self.file(name) for name in reads} | dict(stage.files(self.settings)),
            settings={**stage.settings(self.settings), **numeric},
            key_only=self._key_only(stage),
            tools=stage.tools(self),
        )
        for source, target in stage.writes.items():
            copy_file(result[source], self.folder / target)
            self.files[target] = result[source]
        written = stage.writes.values()
        self.hashes[stage.name] = {name: file_hash(self.files[name]) for name in written}
        self._forget_dependents(stage, result)
        self.done[stage.name] = result
        self.write_manifest("running")
        self._judge_counts(result)
        if stage is TRAIN:
            self.tracker.log_history(read_jsonl(result["history.jsonl"], dict))
        return result

    def _judge_counts(self, result: StageResult) -> None:
        """Warn of what a stage dropped; SettingsError if it left nothing that can be trained on."""
        if result.name == PREPARE.name:
            if counted := problem_counts(result.counts):
                log.info("problems: %s", counted)
            if unread := unread_columns(result.counts):
                log.warning("warning: %s", unread)
        if line := stage_line(result.name, result.counts):
            log.info("%s", line)
        goes_on = TRAIN.part in self.settings.stages
        if missing := still_missing(result.counts, trains=goes_on):
            log.warning("warning: %s", missing)
        for sentence in mostly_dropped([result.manifest()]):
            log.warning("warning: %s", sentence)
        trains = NEED_TRAINING_PROBLEMS & set(self.settings.stages)
        if trains and (faults := nothing_left(result.name, result.counts)):
            raise SettingsError(faults)

    def judge_stages(self) -> None:
        """SettingsError for a stage whose input neither a chosen stage writes nor the folder has,
        or whose files are not there, before the stages ahead of it have bought anything."""
        chosen = [
            stage
            for stage in TABLE
            if stage.part in self.settings.stages and self._is_of_round(stage)
        ]
        written = {name for stage in chosen for name in stage.writes.values()}
        try:
            named = {path for stage in chosen for path in stage.files(self.settings).values()}
        except ValueError as error:
            raise SettingsError({"": str(error)}) from error
        if lost := sorted(str(path) for path in named if not path.exists()):
            raise SettingsError({"": f"{lost[0]} is not there"})
        self.num_files = len(named)
        for stage in chosen:
            # The trained student answers only where it is trained, so that is no lack.
            for name in stage.reads:
                if name not in written and not self.has(name):
                    raise SettingsError(
                        {
                            "stages": f"{stage.part} reads {name}, which is not there: add the "
                            f"stage that writes it ({WRITERS[name][0].part}), or go on with a "
                            "run that has it by run=FOLDER"
                        }
                    )

    def judge_student(self) -> None:
        """Refuse what is bound to fail, while nothing has been paid for it."""
        if NEED_STUDENT & set(self.settings.stages):
            problems = read_jsonl(self.file("problems.jsonl"), Problem)
            asked = asked_of_student(problems, self.settings.decoding)
            files = ("files", f"{self.num_files} that stages read are there")
            judged = preflight(self.settings, self.untrained, problems, asked, self.store.folder)
            found = [files, *judged]
            width = max(len(name) for name, _ in found)
            log.info("checked before anything is bought or trained:")
            for name, finding in found:
                log.info("  %s  %s", name.ljust(width), finding)

    def _key_only(self, stage: Stage) -> dict[str, Any]:
        """What can change the stage's output and yet is nothing that it is given."""
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
        """What the next round learns from; None if this one did not train."""
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

    @cached_property
    def untrained(self) -> Weights:
        """The student as it is before training; packed weights are unpacked once for all runs."""
        student = self.settings.student
        weights = Weights(student=student, seed=self.settings.seed)
        return weights.unpacked(self.run(CONVERT).folder) if student.is_packed() else weights

    @cached_property
    def trained(self) -> Weights:
        """The student that this run trained."""
        untrained = self.untrained.with_tokens(self.settings.new_tokens())
        return untrained.after_training(self.done[TRAIN.name]["student"])

    def _forget_dependents(self, stage: Stage, result: StageResult) -> None:
        """What an earlier run made of another output of this stage is no part of this run."""
        before = self.earlier.get(stage.name)
        if before is None or self.store.output(before) == result.folder:
            return
        if stage is not TRAIN and before.get("files") == self.hashes[stage.name]:
            return  # the same bytes under another key; of weights, the key alone tells
        stale = [name for name in dependents(stage) if self.earlier.pop(name, None)]
        if stale:
            names = ", ".join(sorted(stale))
            log.warning("%s differs from the run before, of which %s go", stage.name, names)

    def has(self, name: str) -> bool:
        """Whether a stage of this run wrote the file, now or earlier."""
        return name in self.files or WRITERS[name][0].name in self.earlier

    def file(self, name: str) -> Path:
        """A file that a stage of this run wrote, now or (run=FOLDER) earlier; RunFileError."""
        if name in self.files:
            return self.files[name]
        stage, source = WRITERS[name]
        if stage.name not in self.earlier:
            there = "not of this run" if (self.folder / name).is_file() else "not there"
            raise RunFileError(
                f"{self.folder / name} is {there}, and none of stages="
                f"{list(self.settings.stages)} writes it: add the stage that does ({stage.part}); "
                "run=FOLDER goes on with the run in a folder"
            )
        return self._earlier_file(name, self.earlier[stage.name], source)

    def _earlier_file(self, name: str, entry: Mapping[str, Any], source: str) -> Path:
        """From the store; where that has it no more, from the run folder."""
        stored, recorded = self.store.output(entry), entry.get("files", {}).get(name)
        if stored.is_dir() and not damage(stored):
            return stored / source
        if recorded:
            return checked_file(self.folder, name, entry)
        log.warning("%s: an older version wrote it, so it cannot be checked", self.folder / name)
        return run_file(self.folder, name)

    def metrics(self) -> dict[str, Any]:
        """What was scored; empty if the run was not to score."""
        return read_json(self.file("metrics.json")) if "score" in self.settings.stages else {}

    def report(self) -> None:
        self.write_manifest("done")
        rounds = [round_folder(self.folder, n) for n in range(1, self.settings.rounds)]
        there = [folder for folder in rounds if (folder / MANIFEST).is_file()]
        several = [*there, self.folder] if there else []
        write_report(self.folder, self.file, self.settings, self.manifest, several)

    def write_manifest(self, state: str) -> None:
        done = {
            name: result.manifest() | {"files": self.hashes[name]}
            for name, result in self.done.items()
        }
        self.manifest |= {
            "state": state,
            "seconds": round(time.monotonic() - self.started, 1),
            "peak_memory_mib": peak_memory_mib(),
            "stages": list((self.earlier | done).values()),
        }
        write_json(self.folder / MANIFEST, self.manifest)


def _clear(folder: Path) -> None:
    """Remove what a run with other settings left in the folder; its stages' outputs stay in the
    store."""
    left = [name for name in (*WRITERS, *DERIVED) if (folder / name).is_file()]
    for name in left:
        (folder / name).unlink()
    if (folder / RESCORED).is_dir():
        shutil.rmtree(folder / RESCORED)
        left.append(RESCORED)
    log.warning("%s: removed files of another run: %s", folder, ", ".join(left) or "none")
