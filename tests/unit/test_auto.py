"""thought=auto: a tag names the thought, which the rest is read and learned as."""

import pytest

from mdexp.lessons.paths import PathLessons
from mdexp.lessons.siked import SelfGuidedDistillation
from mdexp.lessons.strategy import strategy_of
from mdexp.ports import Done, Run, Seen, Write
from mdexp.records import Problem, ProgramResult, Segment, Transcript, VerifiedPath
from mdexp.transcripts.driver import executed
from mdexp.transcripts.opening import new_transcript
from tests.buyer import NO_PROGRAMS
from tests.contract.conftest import plugin

AUTO = plugin("thought", "auto")
THOUGHTS = {"auto": AUTO, **AUTO.among}
PROBLEM = Problem(id="p", dataset="toy", split="train", question="What is 3 and 4?", answer=7)
PROGRAM = "ans = 3 + 4"
PROSE = "3 + 4 = 7."


def after(*texts: str, thought: str = "auto") -> Transcript:
    begun = new_transcript(PROBLEM.question, problem_id="p", thought=thought)
    return begun.after(*(Segment(author="writer", text=t, turn="assistant") for t in texts))


def path(thought: str, text: str, sample: int = 0, round: int = 0) -> VerifiedPath:
    return VerifiedPath(
        problem_id="p", thought=thought, sample=sample, text=text, answer=7, model="", round=round
    )


def test_it_is_asked_once_and_reads_as_the_thought_that_it_names() -> None:
    begin = AUTO.next(after(), Seen())
    assert isinstance(begin, Write) and begin.cue == AUTO.cue
    step = AUTO.next(after(f"[pot]\n{PROGRAM}"), Seen())
    assert step == Run(program=PROGRAM)
    ran = after(f"[pot]\n{PROGRAM}").after(executed(ProgramResult(status="ok", answer=7)))
    done = AUTO.next(ran, Seen())
    assert isinstance(done, Done) and (done.answer, done.text) == (7, f"[pot]\n{PROGRAM}")
    said = AUTO.next(after(f"[cot]\n{PROSE}\nThe answer is 7."), Seen())
    assert isinstance(said, Done) and (said.answer, said.text) == ("7", f"[cot]\n{PROSE}")


@pytest.mark.parametrize("tag", ["[pot]\n", " [pot]: ", "[ pot ]", "\n[pot]:\n"])
def test_a_tag_may_be_written_in_several_ways(tag: str) -> None:
    assert AUTO.chosen(f"{tag}{PROGRAM}") == ("pot", PROGRAM)


@pytest.mark.parametrize("text", ["", PROGRAM, "[eot]\nx = 7", "pot\nans = 7", "So [pot]\nans=7"])
def test_a_text_that_names_no_thought_has_no_answer(text: str) -> None:
    done = AUTO.next(after(text), Seen())
    assert isinstance(done, Done) and done.status == "no_answer" and done.answer is None
    assert "[cot], [pot]" in done.error


def test_a_text_ends_where_the_thought_that_it_names_ends() -> None:
    stop = AUTO.next(after(), Seen()).stop
    prose = f"[cot]\n{PROSE}\nThe answer is 7."
    run_on = f"{prose}\n\nQuestion: What is next?"
    assert stop(run_on) == prose
    assert AUTO.among["cot"].next(after(), Seen()).stop(run_on[6:]) == prose[6:]
    assert stop("[co") is None and stop("[pot]\nans = 3") is None
    assert stop("Well, well.\nThen") == "Well, well."
    for text in (prose, run_on):  # cutting changes nothing of how it is read
        assert AUTO.next(after(stop(text) or text), Seen()) == AUTO.next(after(text), Seen())


def test_lessons_name_the_thought_of_the_teachers_path_and_of_the_students_own() -> None:
    paths = [path("cot", PROSE), path("pot", PROGRAM), path("auto", f"[pot]\n{PROGRAM}", 1, 1)]
    lessons = list(PathLessons().make(PROBLEM, paths, {"auto": AUTO}, NO_PROGRAMS))
    texts = [lesson.segments[-1].text for lesson in lessons]
    assert texts == [f"[cot]\n{PROSE}\nThe answer is 7.", *[f"[pot]\n{PROGRAM}"] * 2]
    assert {lesson.segments[1].text for lesson in lessons} == {f"\n{AUTO.cue}"}
    assert [lesson.sources for lesson in lessons] == [("cot/0",), ("pot/0",), ("auto/1",)]


def test_the_strategy_of_a_path_is_what_it_names() -> None:
    assert strategy_of(path("auto", f"[pot]\n{PROGRAM}"), THOUGHTS)[::2] == ("pot", PROGRAM)
    assert strategy_of(path("cot", PROSE), THOUGHTS)[::2] == ("cot", PROSE)


def test_mixed_keeps_the_teacher_where_the_student_cannot() -> None:
    taught = [path("cot", PROSE), path("pot", PROGRAM)]
    own = [path("auto", "[pot]\nans = 8 - 1", 1, 1)]
    everything = SelfGuidedDistillation(num_paths=2, mixture="all")
    assert everything.choose(PROBLEM, taught, own, THOUGHTS) == [*taught, *own]
    mixed = SelfGuidedDistillation(num_paths=2, mixture="mixed")
    assert mixed.choose(PROBLEM, taught, own, THOUGHTS) == [taught[0], *own]
    assert mixed.choose(PROBLEM, taught, [], THOUGHTS) == taught
