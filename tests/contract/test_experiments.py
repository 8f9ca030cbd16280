"""What every experiment has to do: a new yaml in conf/experiment is tested without a line here.

Lessons are made of drawn problems, by the teacher that needs no model. A lesson may show a student
the gold answer only where it was written or computed before.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from mdexp.answers import NUMBER, canonical, correct
from mdexp.commands.run import config_folder
from mdexp.config.judging import judge
from mdexp.config.settings import Settings
from mdexp.grading.verify import verify_paths
from mdexp.ports import Done, Seen, Thought
from mdexp.records import Lesson, Problem, Segment, Transcript, VerifiedPath
from mdexp.sandbox.executor import Sandbox
from mdexp.stages.examples import make_lessons
from mdexp.teacher.worked import WorkedTeacher
from mdexp.thoughts.repair import Repair
from mdexp.transcripts.driver import Walk
from mdexp.transcripts.reading import read_all
from tests.contract.conftest import names

NAMES = names("experiment")
# What an experiment needs beside it, and the thoughts of `worked` that stand for recorded ones.
BESIDE = {"granularity": ["teacher.path={cot_coarse: a.jsonl, cot_fine: b.jsonl}"]}
RECORDED = {"cot_coarse": "cot", "cot_fine": "cot"}

_NUMBER = re.compile(rf"(?<![\w.])(?:{NUMBER})")

Numbers = tuple[int, int, int]
NUMBERS = st.lists(
    st.tuples(st.integers(11, 99), st.integers(11, 99), st.integers(3, 9)),
    min_size=6,
    max_size=6,
    unique=True,
)


@cache
def composed(name: str) -> Settings:
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        config = compose("config", [f"experiment={name}", *BESIDE.get(name, [])])
    values = OmegaConf.to_container(config, resolve=True)
    assert isinstance(values, dict)
    return judge({str(key): value for key, value in values.items()})


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(timeout_s=5, memory_mib=64, output_kib=16, workers=1) as sandbox:
        yield sandbox


def problem(number: int, numbers: Numbers) -> Problem:
    a, b, c = numbers
    return Problem(
        id=f"p{number}",
        dataset="toy",
        split="train",
        question=f"Ann has {a} red pens and {b} blue pens. A pen costs {c} dollars. What is paid?",
        answer=(a + b) * c,
        rationale=f"She has {a} + {b} = {a + b} pens. They cost {a + b} * {c} = {(a + b) * c} "
        "dollars.",
    )


def verified(
    settings: Settings, problems: Sequence[Problem], sandbox: Sandbox
) -> list[VerifiedPath]:
    teacher = WorkedTeacher(num_paths=settings.teacher.num_paths)
    thoughts = settings.asked_thoughts()
    written = {RECORDED.get(name, name): thought for name, thought in thoughts.items()}
    texts = list(teacher.paths(problems, written, Path(), sandbox))
    played = [
        replace(path, thought=name)
        for path in texts
        for name in thoughts
        if RECORDED.get(name, name) == path.thought
    ]
    by_id, results_of = {p.id: p for p in problems}, settings.shown_results()
    kept, rejected = verify_paths(played, by_id, thoughts, sandbox, "gold", "drop", results_of)
    assert not rejected
    return kept


def lessons_of(
    settings: Settings, problems: Sequence[Problem], sandbox: Sandbox
) -> list[tuple[Problem, Lesson]]:
    paths = verified(settings, problems, sandbox)
    by_id = {problem.id: problem for problem in problems}
    made = make_lessons(by_id, paths, settings.thoughts, settings.lessons, sandbox)
    return [(by_id[lesson.problem_id], lesson) for lesson in made]


@pytest.mark.parametrize("name", NAMES)
@settings(
    max_examples=3,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(numbers=NUMBERS)
def test_lessons(name: str, sandbox: Sandbox, numbers: list[Numbers]) -> None:
    chosen = composed(name)
    problems = [problem(n, drawn) for n, drawn in enumerate(numbers)]
    made = lessons_of(chosen, problems, sandbox)
    shares = chosen.shares()
    weighed = {thought for thought, share in (shares or {}).items() if share > 0}
    needed = weighed if shares is not None else {next(iter(chosen.thoughts))}
    assert {lesson.thought for _, lesson in made} >= needed
    ids = [(lesson.problem_id, lesson.thought, lesson.sample) for _, lesson in made]
    assert len(set(ids)) == len(ids)
    for about, lesson in made:
        assert any(s.scored for s in lesson.segments)
        assert not told_too_early(lesson, about), lesson
    read_back(chosen, made, sandbox)


def test_each_lesson_maker_is_part_of_an_experiment() -> None:
    """So that what is tested of experiments' lessons is tested of every maker."""
    assert set(names("lesson")) <= {maker for name in NAMES for maker in composed(name).lessons}


def told_too_early(lesson: Lesson, about: Problem) -> bool:
    """Whether the student reads the gold answer before it was written or computed."""
    gold = canonical(about.answer)
    for segment in lesson.segments:
        if segment.result and correct(segment.result.answer, about.answer):
            return False
        if gold in map(canonical, _NUMBER.findall(segment.text)):
            in_question = gold in map(canonical, _NUMBER.findall(about.question))
            return not segment.scored and not in_question
    return False


@pytest.mark.parametrize("scored", [False, True])
def test_gold_behind_another_text_is_told_too_early(scored: bool) -> None:
    """As hints that name the answer would be, behind a core question that does not."""
    about = problem(0, (20, 30, 4))
    said = (
        Segment(author="question", text=about.question, turn="user"),
        Segment(author="writer", text="What is paid?", turn="assistant", scored=True),
        Segment(author="cue", text="What helps?", turn="user"),
        Segment(author="writer", text="It is 200.", turn="assistant", scored=scored),
        Segment(author="writer", text="The answer is 200.", turn="assistant", scored=True),
    )
    lesson = Lesson(
        id="p0/kpdd/0", problem_id="p0", thought="kpdd", sample=0, segments=said, sources=("pot/0",)
    )
    assert told_too_early(lesson, about) is not scored


def read_back(chosen: Settings, made: Sequence[tuple[Problem, Lesson]], sandbox: Sandbox) -> None:
    """A lesson's own thought reads from it what it teaches, and the executor agrees."""
    answering = [pair for pair in made if pair[1].thought in chosen.answering()]
    walks = [
        Walk(
            thought=as_taught(chosen.thoughts[lesson.thought]),
            transcript=transcript_of(lesson),
            seen=Seen(expected=about.expected, gold=about.answer),
        )
        for about, lesson in answering
    ]
    for done, (about, lesson) in zip(read_all(walks, sandbox), answering, strict=True):
        assert done.status == "ok" and correct(done.answer, about.answer), lesson
    for _, lesson in made:
        if lesson.thought not in chosen.answering():
            done = chosen.thoughts[lesson.thought].next(transcript_of(lesson), Seen())
            assert isinstance(done, Done) and done.text == lesson.segments[-1].text


def as_taught(thought: Thought) -> Thought:
    """Lessons of repair mend wrong values, too, which an oracle alone is sure to send back."""
    return (
        thought.model_copy(update={"trigger": "oracle"}) if isinstance(thought, Repair) else thought
    )


def transcript_of(lesson: Lesson) -> Transcript:
    return Transcript(
        problem_id=lesson.problem_id,
        thought=lesson.thought,
        sample=lesson.sample,
        segments=lesson.segments,
    )
