"""What a run is told of a stage's counts, and where it ends for them."""

import logging
from collections.abc import Collection

from mdexp.config.settings import SettingsError
from mdexp.report.stage_counts import (
    longer_than_answers,
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


def judge_counts(result: StageResult, stages: Collection[str], max_new_tokens: int | None) -> None:
    """Warn of what a stage dropped, and of targets that are longer than the student's answers may
    be (None: it gives none); SettingsError if the stage left nothing that can be trained on, where
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
    for sentence in longer_than_answers(result.counts, max_new_tokens) if max_new_tokens else []:
        log.warning("warning: %s", sentence)
    needed = NEED_TRAINING_PROBLEMS & set(stages)
    if needed and (faults := nothing_left(result.name, result.counts)):
        raise SettingsError(faults)
