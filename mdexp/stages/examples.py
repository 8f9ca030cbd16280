"""Stage `examples`: verified paths as token sequences of one student."""

from collections.abc import Mapping
from pathlib import Path

from mdexp.ports import StudentConfig, Thought
from mdexp.records import Problem, VerifiedPath
from mdexp.stages.problem_sets import accounted, by_id
from mdexp.stages.stage import Files, Stage, written
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
    max_tokens: int,
    on_overlong: OnOverlong,
    weights: Weights,
) -> Counts:
    problems = by_id(read_jsonl(reads["problems.jsonl"], Problem))
    verified = read_jsonl(reads["verified.jsonl"], VerifiedPath)
    _, tokenizer = weights.load()
    renderer = Renderer(tokenizer, student.kind, student.prompt)
    made, unused = make_examples(verified, problems, thoughts, renderer, max_tokens)
    if on_overlong == "error":
        refuse_overlong(unused)
    write_jsonl(out / "examples.jsonl", made)
    write_jsonl(out / "unused.jsonl", unused)
    return accounted("verified", len(verified), "examples", len(made), unused)


EXAMPLES = Stage(
    name="examples",
    part="examples",
    version=2,
    function=examples,
    reads=("problems.jsonl", "verified.jsonl"),
    writes=written("examples.jsonl", "unused.jsonl"),
    files=lambda s: s.student.files(),
    settings=lambda s: {
        "student": s.student,
        "thoughts": s.thoughts,
        "max_tokens": s.trainer.max_tokens,
        "on_overlong": s.trainer.on_overlong,
    },
    tools=lambda run: {"weights": run.untrained},
)
