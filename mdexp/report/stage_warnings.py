"""What a run is told of a stage's counts, and where it ends for them."""

import logging
from collections.abc import Collection

from mdexp.config.settings import SettingsError
from mdexp.report.stage_counts import (
    mostly_dropped,
    nothing_left,
    problem_counts,
    stage_line,
    still_missing,
    unread_columns,
)
from mdexp.store.stage_store import StageResult

log = logging.getLogger(__name__)

NEED_TRAINING_PROBLEMS = {"extract", "verify", "examples", "train"}


def judge_counts(result: StageResult, stages: Collection[str]) -> None:
    """Warn of what a stage dropped; SettingsError if it left nothing that can be trained on, where
    `stages` of the run need it."""
    if result.name == "prepare":
        if counted := problem_counts(result.counts):
            log.info("problems: %s", counted)
        if unread := unread_columns(result.counts):
            log.warning("warning: %s", unread)
    if line := stage_line(result.name, result.counts):
        log.info("%s", line)
    if missing := still_missing(result.counts, trains="train" in stages):
        log.warning("warning: %s", missing)
    for sentence in mostly_dropped([result.manifest()]):
        log.warning("warning: %s", sentence)
    needed = NEED_TRAINING_PROBLEMS & set(stages)
    if needed and (faults := nothing_left(result.name, result.counts)):
        raise SettingsError(faults)
