"""Stage `examples`: makes lessons from verified paths, and tokenises them for one student."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import ceil
from pathlib import Path

from mdexp.config.settings import Settings
from mdexp.lessons.paths import PathLessons
from mdexp.lessons.roles import with_roles
from mdexp.ports import Executor, LessonMaker, StudentConfig, Thought, brought_tokens
from mdexp.records import IN_NO_LESSON, Lesson, Problem, Rejection, VerifiedPath, by_id
from mdexp.stages.choose import CHOSEN
from mdexp.stages.stage import Files, Stage, same_names
from mdexp.store.indexed_lines import windows
from mdexp.store.json_lines import jsonl_writer, read_jsonl, write_jsonl
from mdexp.store.stage_store import Counts
from mdexp.students.prompts import Renderer
from mdexp.students.weights import Weights
from mdexp.training.examples import OnOverlong, make_examples, refuse_overlong, shortest_lesson

WINDOW = 5_000  # verified paths that are made into lessons together


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
    tokenizer = weights.with_tokens(brought_tokens(thoughts)).tokenizer()
    renderer = Renderer(tokenizer, student.kind, student.prompt)
    source = reads.get(CHOSEN, reads["verified.jsonl"])
    counts: Counts = {"verified": 0, "lessons": 0}
    lengths: dict[str, Counter[int]] = defaultdict(Counter)
    unused: list[Rejection] = []
    left_over: list[Rejection] = []
    with (
        jsonl_writer(out / "lessons.jsonl") as keep_lesson,
        jsonl_writer(out / "examples.jsonl") as keep_example,
    ):
        for verified in windows(source, VerifiedPath, WINDOW):
            made_of = make_lessons(problems, verified, thoughts, lessons, executor)
            if getattr(student, "roles", "shared") == "separate":
                made_of = [with_roles(one, thoughts[one.thought]) for one in made_of]
            made, unfit = make_examples(made_of, renderer, max_tokens)
            for lesson in made_of:
                keep_lesson(lesson)
            for example in made:
                keep_example(example)
                lengths[example.thought][example.num_scored] += 1
            unused += unfit
            left_over += _in_no_lesson(verified, made_of)
            counts["verified"] += len(verified)
            counts["lessons"] += len(made_of)
    if on_overlong == "error":
        refuse_overlong(unused)
    write_jsonl(out / "unused.jsonl", [*unused, *left_over])
    if left_over:
        counts |= {"paths in no lesson": len(left_over)}
    num_examples = sum(of_thought.total() for of_thought in lengths.values())
    made_of = [] if num_examples else read_jsonl(out / "lessons.jsonl", Lesson)
    if made_of and (shortest := shortest_lesson(made_of, renderer)):
        counts |= {"max_tokens": max_tokens, "shortest lesson": shortest}
    if lengths:
        counts |= {"target lengths": {name: long_ones(found) for name, found in lengths.items()}}
    return counts | {"examples": num_examples, "dropped": dict(Counter(u.reason for u in unused))}


def long_ones(lengths: Counter[int]) -> dict[str, int]:
    """How many tokens 95 % of the targets have at most, and how many the longest has."""
    ranked = sorted(lengths.elements())
    return {"95 %": ranked[ceil(0.95 * len(ranked)) - 1], "all": ranked[-1]}


def make_lessons(
    problems: Mapping[str, Problem],
    verified: Sequence[VerifiedPath],
    thoughts: Mapping[str, Thought],
    makers: Mapping[str, LessonMaker],
    executor: Executor,
) -> list[Lesson]:
    """The lessons of all makers, problem by problem; `problems` by id."""
    by_problem: dict[str, list[VerifiedPath]] = defaultdict(list)
    for path in verified:
        by_problem[path.problem_id].append(path)
    made = (
        lesson
        for name, paths in by_problem.items()
        for maker in makers.values()
        for lesson in maker.make(problems[name], paths, thoughts, executor)
    )
    return list(_numbered(made))


def _numbered(lessons: Iterable[Lesson]) -> Iterator[Lesson]:
    """The lessons with unique numbers per (problem, thought): a lesson whose number is taken gets
    the next free one."""
    taken: dict[tuple[str, str], set[int]] = defaultdict(set)
    for lesson in lessons:
        ours = taken[lesson.problem_id, lesson.thought]
        number = lesson.sample if lesson.sample not in ours else max(ours) + 1
        ours.add(number)
        name = f"{lesson.problem_id}/{lesson.thought}/{number}"
        yield replace(lesson, sample=number, id=name)


def _in_no_lesson(verified: Sequence[VerifiedPath], lessons: Sequence[Lesson]) -> list[Rejection]:
    """The verified paths from which no lesson was made."""
    sources = {(lesson.problem_id, source) for lesson in lessons for source in lesson.sources}
    return [
        Rejection(
            problem_id=path.problem_id,
            thought=path.thought,
            sample=path.sample,
            reason=IN_NO_LESSON,
        )
        for path in verified
        if (path.problem_id, f"{path.thought}/{path.sample}") not in sources
    ]


def _key_of_makers(settings: Settings) -> dict[str, int]:
    """Raise it when lesson makers other than `paths` alone write something else for the same
    input."""
    makers = list(settings.lessons.values())
    return {} if makers == [PathLessons()] else {"lesson makers": 2}


EXAMPLES = Stage(
    name="examples",
    part="examples",
    version=2,
    function=examples,
    reads=("problems.jsonl", "verified.jsonl"),
    reads_if_there=(CHOSEN,),
    writes=same_names("lessons.jsonl", "examples.jsonl", "unused.jsonl"),
    files=lambda s: s.student.files(),
    settings=lambda s: {
        "student": s.student,
        "thoughts": s.thoughts,
        "lessons": s.lessons,
        "max_tokens": s.trainer.max_tokens,
        "on_overlong": s.trainer.on_overlong,
    },
    key_only=_key_of_makers,
    tools=lambda run: {"weights": run.untrained, "executor": run.executor},
    runs_programs=True,
)
