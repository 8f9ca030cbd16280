"""Stage `extract`: gets the teacher's paths for the training problems."""

import logging
from collections.abc import Mapping
from pathlib import Path

from mdexp.datasets.overlap import refuse_tested
from mdexp.ports import Executor, Teacher, Thought
from mdexp.records import Overlap, Problem
from mdexp.stages.problem_sets import key_of_free_text, set_sizes, training_problems
from mdexp.stages.stage import Files, Stage, same_names
from mdexp.store.integrity import file_hash
from mdexp.store.json_lines import read_jsonl, write_jsonl
from mdexp.store.stage_store import STILL_MISSING, Counts
from mdexp.teacher.dialogue import is_dialogue
from mdexp.teacher.run_cost import paid

log = logging.getLogger(__name__)


def extract(
    out: Path,
    reads: Files,
    *,
    teacher: Teacher,
    thoughts: Mapping[str, Thought],
    overlap: Overlap,
    ledger: Path,
    executor: Executor,
) -> Counts:
    everything = read_jsonl(reads["problems.jsonl"], Problem)
    refuse_tested(teacher.exemplars(), everything, overlap)
    problems = training_problems(everything)
    log.info("extract, %s: %s", ", ".join(thoughts), set_sizes(problems))
    paths = teacher.paths(problems, thoughts, ledger, executor)
    num_paths = write_jsonl(out / "paths.jsonl", paths)
    asked = len(problems) * len(thoughts) * teacher.num_paths
    missing = asked - num_paths
    counts: Counts = {"asked": asked, "paths": num_paths, "missing": missing}
    # The files of prompts (exemplars and templates), or of recorded answers.
    counts["files"] = {name: file_hash(file) for name, file in teacher.files().items()}
    counts["paid"] = paid(teacher, problems, thoughts, ledger, executor)
    return counts | ({STILL_MISSING: missing} if teacher.ask_again else {})


EXTRACT = Stage(
    name="extract",
    part="extract",
    version=2,
    function=extract,
    reads=("problems.jsonl",),
    writes=same_names("paths.jsonl"),
    files=lambda s: s.teacher.files(),
    settings=lambda s: {
        "teacher": s.teacher,
        "thoughts": s.asked_thoughts(),
        "overlap": s.dataset.overlap,
    },
    key_only=key_of_free_text,
    tools=lambda run: {"ledger": run.ledger, "executor": run.executor},
    may_run_programs=lambda s: any(map(is_dialogue, s.asked_thoughts().values())),
)
