"""Stage `verify`: keeps or rejects the teacher's paths, with reasons."""

from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from mdexp.config.settings import Settings
from mdexp.grading.verify import Mode, verify_paths
from mdexp.ports import Executor, Thought
from mdexp.records import Path as TeacherPath
from mdexp.records import Problem, ThinkingUse, by_id
from mdexp.stages.problem_sets import accounted
from mdexp.stages.stage import Files, Stage, same_names
from mdexp.store.indexed_lines import windows
from mdexp.store.json_lines import jsonl_writer, read_jsonl
from mdexp.store.stage_store import Counts
from mdexp.teacher.dialogue import is_dialogue

WINDOW = 10_000  # paths that are read together


def verify(
    out: Path,
    reads: Files,
    *,
    mode: Mode,
    thinking: ThinkingUse,
    thoughts: Mapping[str, Thought],
    executor: Executor,
    results_of: Collection[str] = (),
) -> Counts:
    """Write the kept and the rejected paths. `results_of` names the thoughts whose kept paths
    include the result of their program."""
    problems = by_id(read_jsonl(reads["problems.jsonl"], Problem))
    num_paths = num_kept = 0
    dropped: Counter[str] = Counter()
    with (
        jsonl_writer(out / "verified.jsonl") as keep,
        jsonl_writer(out / "rejected.jsonl") as reject,
    ):
        for paths in windows(reads["paths.jsonl"], TeacherPath, WINDOW):
            verified, rejected = verify_paths(
                paths, problems, thoughts, executor, mode, thinking, results_of
            )
            num_paths += len(paths)
            num_kept += len(verified)
            dropped.update(one.reason for one in rejected)
            for path in verified:
                keep(path)
            for rejection in rejected:
                reject(rejection)
    return accounted("paths", num_paths, "verified", num_kept, dropped)


def _settings(s: Settings) -> dict[str, Any]:
    always = {
        "mode": s.verify.mode,
        "thinking": s.teacher.thinking,
        "thoughts": s.asked_thoughts(),
    }
    # Left out if it is empty, so that earlier runs keep their key.
    return always | ({"results_of": names} if (names := s.shown_results()) else {})


def _key_of_thinking(settings: Settings) -> dict[str, str]:
    """Earlier versions put all thinking of a dialogue before its first text."""
    is_kept = settings.teacher.thinking == "keep"
    in_turns = is_kept and any(map(is_dialogue, settings.asked_thoughts().values()))
    return {"thinking before": "each text"} if in_turns else {}


VERIFY = Stage(
    name="verify",
    part="verify",
    version=5,
    function=verify,
    reads=("problems.jsonl", "paths.jsonl"),
    writes=same_names("verified.jsonl", "rejected.jsonl"),
    settings=_settings,
    key_only=_key_of_thinking,
    tools=lambda run: {"executor": run.executor},
    runs_programs=True,
)
