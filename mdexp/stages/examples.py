"""Stage `examples`: lessons made of verified paths, and their tokens for one student."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

from mdexp.ports import Executor, LessonMaker, StudentConfig, Thought
from mdexp.records import Problem, VerifiedPath
from mdexp.stages.problem_sets import by_id
from mdexp.stages.stage import Files, Stage, same_names
from mdexp.store.json_lines import read_jsonl, write_jsonl
from mdexp.store.stage_store import Counts
from mdexp.students.prompts import Renderer
from mdexp.students.weights import Weights
from mdexp.training.examples import OnOverlong, make_examples, refuse_overlong


def examples(
    out: Path,
    reads: Files,
    *,
    student: StudentConfig,
    thoughts: Mapping[str, Thought],
    lessons: Mapping[str, LessonMaker],
    max_tokens: int,
    on_overlong: OnOverlong,
    weights: Weights,
    executor: Executor,
) -> Counts:
    problems = by_id(read_jsonl(reads["problems.jsonl"], Problem))
    verified = read_jsonl(reads["verified.jsonl"], VerifiedPath)
    renderer = Renderer(weights.tokenizer(), student.kind, student.prompt)
    by_problem: dict[str, list[VerifiedPath]] = defaultdict(list)
    for path in verified:
        by_problem[path.problem_id].append(path)
    made_of = [
        lesson
        for name, paths in by_problem.items()
        for maker in lessons.values()
        for lesson in maker.make(problems[name], paths, thoughts, executor)
    ]
    write_jsonl(out / "lessons.jsonl", made_of)
    made, unused = make_examples(made_of, renderer, max_tokens)
    if on_overlong == "error":
        refuse_overlong(unused)
    write_jsonl(out / "examples.jsonl", made)
    write_jsonl(out / "unused.jsonl", unused)
    counts = {"verified": len(verified), "lessons": len(made_of)}
    return counts | {"examples": len(made), "dropped": dict(Counter(u.reason for u in unused))}


EXAMPLES = Stage(
    name="examples",
    part="examples",
    version=2,
    function=examples,
    reads=("problems.jsonl", "verified.jsonl"),
    writes=same_names("lessons.jsonl", "examples.jsonl", "unused.jsonl"),
    files=lambda s: s.student.files(),
    settings=lambda s: {
        "student": s.student,
        "thoughts": s.thoughts,
        "lessons": s.lessons,
        "max_tokens": s.trainer.max_tokens,
        "on_overlong": s.trainer.on_overlong,
    },
    tools=lambda run: {"weights": run.untrained, "executor": run.executor},
    runs_programs=True,
)
