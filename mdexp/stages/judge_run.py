"""Checks that are made before a run buys or trains anything."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from mdexp.config.settings import Settings, SettingsError
from mdexp.ports import AsksServer
from mdexp.records import Problem
from mdexp.stages.problem_sets import asked_of_student
from mdexp.stages.stage import Stage
from mdexp.stages.table import WRITERS
from mdexp.store.json_lines import read_jsonl
from mdexp.students.weights import Weights
from mdexp.training.preflight import Finding, Hopeless, preflight

log = logging.getLogger(__name__)


def judge_files(chosen: Sequence[Stage], settings: Settings) -> int:
    """The number of local files that the stages read; SettingsError if one is missing."""
    try:
        named = {path for stage in chosen for path in stage.files(settings).values()}
    except ValueError as error:
        raise SettingsError({"": str(error)}) from error
    if lost := sorted(str(path) for path in named if not path.exists()):
        raise SettingsError({"": f"{lost[0]} is not there"})
    return len(named)


def judge_stages(
    chosen: Sequence[Stage], has: Callable[[str], bool], of_report: Sequence[str] = ()
) -> None:
    """SettingsError if a stage, or the report (`of_report`), reads a file that no chosen stage
    writes and the folder lacks."""
    written = {name for stage in chosen for name in stage.writes.values()}
    # `after` runs only if the student is trained, so its missing input is not an error.
    reads = [(stage.part, name) for stage in chosen for name in stage.reads]
    reads += [("report", name) for name in of_report]
    for part, name in reads:
        if name not in written and not has(name):
            raise SettingsError(
                {
                    "stages": f"{part} reads {name}, which is not there: add the stage that "
                    f"writes it ({WRITERS[name][0].part}), or go on with a run that has it by "
                    "run=FOLDER"
                }
            )


def judge_student(
    settings: Settings,
    untrained: Weights,
    problems: Path,
    store: Path,
    num_files: int,
    asks_teacher: bool,
) -> None:
    """Refuse a run that is bound to fail on its problems (a file); `store` is a folder, which lacks
    the teacher's paths if it `asks_teacher`."""
    known = read_jsonl(problems, Problem)
    asked = asked_of_student(known, settings.decoding)
    files = ("files", f"{num_files} read by stages, all there")
    try:
        found = preflight(settings, untrained, known, asked, store, asks_teacher)
    except Hopeless as refusal:
        _log_table([files, *refusal.found])
        raise
    _log_table([files, *found])


def judge_student_server(server: AsksServer) -> None:
    """SettingsError if the server of the trained student does not answer. Asked before a training,
    which would be for nothing."""
    try:
        server.server_says()
    except ValueError as error:
        raise SettingsError({"decoding.base_url": f"{error}; start the server"}) from error


def _log_table(found: Sequence[Finding]) -> None:
    width = max(len(name) for name, _ in found)
    log.info("checked before anything is bought or trained:")
    for name, finding in found:
        log.info("  %s  %s", name.ljust(width), finding)
