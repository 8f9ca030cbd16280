"""The stage `examples` with several lesson makers: every lesson has its number, none is lost."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mdexp.lessons.distinct_chains import DistinctChains
from mdexp.lessons.faulty_programs import FaultyPrograms
from mdexp.lessons.interleaved_steps import InterleavedSteps
from mdexp.lessons.paths import PathLessons
from mdexp.ports import LessonMaker
from mdexp.records import Example, Lesson, Problem, Rejection, VerifiedPath
from mdexp.records import Path as TeacherPath
from mdexp.report.funnel import funnel
from mdexp.sandbox.executor import Sandbox
from mdexp.stages.examples import examples
from mdexp.store.json_lines import read_jsonl, write_jsonl
from mdexp.students.weights import Weights
from tests.contract.conftest import plugin
from tests.tiny_run import SEED, tiny

PROBLEM = Problem(id="p", dataset="toy", split="train", question="3 bags of 4 pens?", answer=12)
CHAINS = DistinctChains(thought="dcot", max_chains=2, draws=1, seed=0)
FAULTS = FaultyPrograms(thought="repair", per_path=4, mix="uniform", seed=0)


def path(thought: str, sample: int, text: str, answer: int = 12) -> VerifiedPath:
    return VerifiedPath(
        problem_id="p", thought=thought, sample=sample, text=text, answer=answer, model="m"
    )


PATHS = [
    path("cot", 0, "3 * 4 = 12."),
    path("cot", 2, "4 + 4 + 4 = 12."),
    path("pot", 0, "bags = 3\npens = 4\nans = bags * pens"),
]


@pytest.fixture
def stage(tmp_path: Path) -> Any:
    """Run the stage on paths; the folder that it wrote."""

    def made(
        makers: Mapping[str, LessonMaker], thoughts: tuple[str, ...], paths: list[VerifiedPath]
    ) -> Path:
        reads = {"problems.jsonl": tmp_path / "p.jsonl", "verified.jsonl": tmp_path / "v.jsonl"}
        write_jsonl(reads["problems.jsonl"], [PROBLEM])
        write_jsonl(reads["verified.jsonl"], paths)
        student = tiny("causal")
        with Sandbox(timeout_s=5, memory_mib=64, output_kib=16, workers=1) as executor:
            examples(
                tmp_path,
                reads,
                student=student,
                thoughts={name: plugin("thought", name) for name in thoughts},
                lessons=makers,
                max_tokens=2000,
                on_overlong="drop",
                weights=Weights(student=student, seed=SEED),
                executor=executor,
            )
        return tmp_path

    return made


def names(lessons: list[Lesson]) -> list[tuple[str, int]]:
    return [(lesson.thought, lesson.sample) for lesson in lessons]


@pytest.mark.parametrize(
    ("makers", "thoughts", "source"),
    [
        ({"paths": PathLessons(), "chains": CHAINS}, ("cot", "dcot"), "cot"),
        ({"chains": CHAINS, "paths": PathLessons()}, ("cot", "dcot"), "cot"),
        ({"a": CHAINS, "b": CHAINS.model_copy(update={"seed": 1})}, ("dcot",), "cot"),
        ({"paths": PathLessons(), "faults": FAULTS}, ("pot", "repair"), "pot"),
        ({"a": FAULTS, "b": FAULTS.model_copy(update={"seed": 1})}, ("pot", "repair"), "pot"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, Mapping) else None,
)
def test_lessons_of_several_makers_have_numbers_that_differ(
    makers: Mapping[str, LessonMaker], thoughts: tuple[str, ...], source: str, stage: Any
) -> None:
    paths = [one for one in PATHS if one.thought == source]
    folder = stage(makers, thoughts, paths)
    lessons = read_jsonl(folder / "lessons.jsonl", Lesson)
    assert len(set(names(lessons))) == len({one.id for one in lessons}) == len(lessons) > 3
    assert all(one.id == f"p/{one.thought}/{one.sample}" for one in lessons)
    used = read_jsonl(folder / "examples.jsonl", Example)
    unused = read_jsonl(folder / "unused.jsonl", Rejection)
    teacher = [
        TeacherPath(problem_id="p", thought=source, sample=one.sample, text="", model="m")
        for one in paths
    ]
    for row in funnel(
        len(paths), {name: [source] for name in thoughts}, teacher, paths, [], lessons, used, unused
    ):
        assert row["lessons"] == row["examples"], "nothing is lost between the two"


def test_one_maker_keeps_its_numbers(stage: Any) -> None:
    folder = stage({"paths": PathLessons()}, ("cot", "pot"), PATHS)
    lessons = read_jsonl(folder / "lessons.jsonl", Lesson)
    assert names(lessons) == [("cot", 0), ("cot", 2), ("pot", 0)]


def test_paths_that_no_lesson_is_made_of_are_named(stage: Any) -> None:
    wrong, again = path("cot", 5, "3 + 4 = 7.", answer=7), path("cot", 4, "3 * 4 = 12.")
    paths = [*PATHS[:2], again, wrong]
    folder = stage({"chains": CHAINS}, ("dcot",), paths)
    unused = read_jsonl(folder / "unused.jsonl", Rejection)
    assert [(one.thought, one.sample, one.reason) for one in unused] == [
        ("cot", 0, "in_no_lesson"),
        ("cot", 5, "in_no_lesson"),
    ]
    lessons = read_jsonl(folder / "lessons.jsonl", Lesson)
    used = read_jsonl(folder / "examples.jsonl", Example)
    teacher = [
        TeacherPath(problem_id="p", thought="cot", sample=one.sample, text="", model="m")
        for one in paths
    ]
    [row] = funnel(4, {"dcot": ["cot"]}, teacher, paths, [], lessons, used, unused)
    assert row["left_over"] == {"in_no_lesson": 2} and row["unused"] == {}


def test_every_path_that_is_a_source_is_not_named(stage: Any) -> None:
    folder = stage({"paths": PathLessons(thoughts=("pot",))}, ("cot", "pot"), PATHS)
    unused = read_jsonl(folder / "unused.jsonl", Rejection)
    assert [(one.thought, one.sample) for one in unused] == [("cot", 0), ("cot", 2)]
    folder = stage({"paths": PathLessons()}, ("cot", "pot"), PATHS)
    assert read_jsonl(folder / "unused.jsonl", Rejection) == []


THOUGHT_OUT = [
    replace(PATHS[0], thinking="Three fours."),
    replace(PATHS[1], thinking="Add them."),
    replace(PATHS[2], thinking="Bags times pens."),
]
STEPS = InterleavedSteps(thought="tir", prose="cot")


@pytest.mark.parametrize(
    ("maker", "thoughts", "expected"),
    [
        (PathLessons(thoughts=("cot",)), ("cot",), {"Three fours.", "Add them."}),
        (
            CHAINS.model_copy(update={"max_chains": 1, "draws": 9}),
            ("dcot",),
            {"Three fours.", "Add them."},
        ),
        (FAULTS, ("pot", "repair"), {"Bags times pens."}),
        (STEPS, ("tir", "cot"), {"Three fours.\nBags times pens.", "Add them.\nBags times pens."}),
    ],
    ids=["paths", "distinct_chains", "faulty_programs", "interleaved_steps"],
)
def test_every_maker_keeps_what_the_teacher_thought_before_what_is_learned(
    maker: LessonMaker, thoughts: tuple[str, ...], expected: set[str], stage: Any
) -> None:
    folder = stage({"maker": maker}, thoughts, THOUGHT_OUT)
    lessons = read_jsonl(folder / "lessons.jsonl", Lesson)
    assert lessons
    for lesson in lessons:
        first = next(segment for segment in lesson.segments if segment.scored)
        assert first.thinking in expected
        assert [s.thinking for s in lesson.segments if s is not first and s.thinking] == []


def test_wrong_paths_make_no_lesson_of_steps(stage: Any) -> None:
    """verify.mode=runs keeps them."""
    wrong = [path("cot", 0, "3 + 4 = 7."), path("pot", 0, "ans = 3 + 4")]
    folder = stage({"steps": STEPS}, ("tir", "cot"), [replace(one, answer=7) for one in wrong])
    assert read_jsonl(folder / "lessons.jsonl", Lesson) == []
    assert read_jsonl(stage({"steps": STEPS}, ("tir", "cot"), PATHS) / "lessons.jsonl", Lesson)


@pytest.mark.parametrize("inner", ["tir", "kpdd"])
def test_a_thought_that_chooses_among_others_shows_and_skips_what_they_do(inner: str) -> None:
    among = {"cot": plugin("thought", "cot"), inner: plugin("thought", inner)}
    auto = plugin("thought", "auto").model_copy(update={"among": among})
    assert auto.shows_results == (inner == "tir")
    program = path(inner, 0, PATHS[2].text)
    made = [*PathLessons().make(PROBLEM, [program], {"auto": auto}, _NoSandbox())]
    assert len(made) == (inner == "kpdd"), "a program without its result has no tir lesson"


class _NoSandbox:
    def run(self, programs: Any) -> Any:
        raise AssertionError("nothing is run")

    solve = run
