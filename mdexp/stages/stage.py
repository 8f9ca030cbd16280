"""A stage as a value: its inputs, outputs and settings, which together make its key.

A stage is a function that reads named files, writes named files into a folder and returns counts.
Everything that can change its output is in its key; its tools (an executor, weights) are not.
"""

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from mdexp.config.settings import Settings, StageName
from mdexp.ports import Executor
from mdexp.stages.stage_writer import RankOptions
from mdexp.store.stage_store import Counts
from mdexp.students.weights import Weights
from mdexp.transcripts.reading import Readings

Files = Mapping[str, Path]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviousRound:
    """What a later round needs of the previous one."""

    weights: Weights  # of its student
    key: str  # of its training
    variants: Mapping[str, str]  # the chosen variant of each thought that has several


class RunTools(Protocol):
    """The tools that a run offers to its stages."""

    @property
    def executor(self) -> Executor: ...

    @property
    def readings(self) -> Readings: ...

    @property
    def ledger(self) -> Path: ...

    @property
    def untrained(self) -> Weights: ...

    @property
    def trained(self) -> Weights: ...

    @property
    def previous(self) -> PreviousRound: ...

    @property
    def ranks(self) -> RankOptions: ...

    @property
    def feeds(self) -> Callable[[], Sequence[Any]]: ...


def sandbox_limits(settings: Settings, tiers: Sequence[str]) -> dict[str, Any]:
    """The settings that can change a result of the sandbox, which the number of workers cannot.

    If this machine lacks a tier, more programs are unsupported.
    """
    python = ".".join(platform.python_version_tuple()[:2])  # for example, sum() of floats differs
    return settings.sandbox.model_dump(exclude={"workers"}) | {"tiers": tiers, "python": python}


def key_of_decoding(settings: Settings) -> Mapping[str, Any]:
    """What earlier versions decoded otherwise, for the key alone: in less than float32 they rounded
    the rotary frequencies to the type of the weights, and the rows of a batch shared the largest
    budget that one of their transcripts had left."""
    from mdexp.students.numerics import numerics

    trainer = settings.trainer
    dtype = numerics(trainer.precision, trainer.accelerator, settings.student).dtype
    buffers = {} if dtype == "float32" else {"buffers": "float32"}
    in_parts = any(thought.max_writes > 1 for thought in settings.writable().values())
    return buffers | ({"budget": "of each transcript"} if in_parts else {})


def no_files(settings: Settings) -> Files:
    return {}


def never(settings: Settings) -> bool:
    return False


def nothing_more(settings: Settings) -> Mapping[str, Any]:
    return {}


def no_tools(run: RunTools) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage of a run. `function(out, reads, **settings, **tools)` writes into the folder `out`.

    Raise `version` when the stage writes something else for the same input. `part` is its name in
    `stages=[...]`: two stages may share one, and a stage that runs only when needed has none.
    """

    name: str  # in the store and in run.json
    part: StageName | None = None
    version: int
    function: Callable[..., Counts]
    reads: tuple[str, ...] = ()  # files of the run folder
    reads_if_there: tuple[str, ...] = ()  # optional files of the run folder
    # Further files of the run folder, each read where the settings need it.
    reads_by_choice: Mapping[str, Callable[[Settings], bool]] = field(default_factory=dict)
    writes: Mapping[str, str]  # {name in the store: name in the run folder}
    files: Callable[[Settings], Files] = no_files  # local files, whose content is part of the key
    settings: Callable[[Settings], Mapping[str, Any]]  # passed to the function, and part of the key
    # Only part of the key: versions of what some settings use, so that raising one does not change
    # the keys of runs without these settings.
    key_only: Callable[[Settings], Mapping[str, Any]] = nothing_more
    tools: Callable[[RunTools], Mapping[str, Any]] = no_tools  # passed to the function
    runs_programs: bool = False  # the sandbox's limits are part of the key
    may_run_programs: Callable[[Settings], bool] = never  # as runs_programs, by what is chosen
    is_numeric: bool = False  # gets the machine's numerics, which are part of the key
    asks_trained_student: bool = False  # the training's key is part of the key
    # Runs in rounds after the first; the key of the previous round's training is part of the key.
    in_later_rounds: bool = False
    for_scorer: bool = False  # run where the run has a scorer


def same_names(*names: str) -> dict[str, str]:
    """A mapping for files that have the same name in the store and in the run folder."""
    return {name: name for name in names}
