"""Stage `verify`: which of the teacher's paths are kept, and why the others are not."""

from collections.abc import Mapping
from pathlib import Path

from mdexp.grading.verify import Mode, verify_paths
from mdexp.ports import Executor, Thought
from mdexp.records import Path as TeacherPath
from mdexp.records import Problem, ThinkingUse
from mdexp.stages.problem_sets import accounted, by_id
from mdexp.stages.stage import Files, Stage, same_names
from mdexp.store.json_lines import read_jsonl, write_jsonl
from mdexp.store.stage_store import Counts


def verify(
    out: Path,
    reads: Files,
    *,
    mode: Mode,
    thinking: ThinkingUse,
    thoughts: Mapping[str, Thought],
    executor: Executor,
) -> Counts:
    problems = by_id(read_jsonl(reads["problems.jsonl"], Problem))
    paths = read_jsonl(reads["paths.jsonl"], TeacherPath)
    verified, rejected = verify_paths(paths, problems, thoughts, executor, mode, thinking)
    write_jsonl(out / "verified.jsonl", verified)
    write_jsonl(out / "rejected.jsonl", rejected)
    return accounted("paths", len(paths), "verified", len(verified), rejected)


VERIFY = Stage(
    name="verify",
    part="verify",
    version=5,
    function=verify,
    reads=("problems.jsonl", "paths.jsonl"),
    writes=same_names("verified.jsonl", "rejected.jsonl"),
    settings=lambda s: {
        "mode": s.verify.mode,
        "thinking": s.teacher.thinking,
        "thoughts": s.asked_thoughts(),
    },
    tools=lambda run: {"executor": run.executor},
    runs_programs=True,
)
