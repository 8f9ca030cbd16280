"""The answer alone: asked of the teacher, or learnt from what it wrote for another thought."""

from typing import Any, cast

from mdexp.lessons.paths import PathLessons
from mdexp.ports import Executor
from mdexp.records import Lesson, Problem, VerifiedPath
from tests.contract.conftest import plugin

PROBLEM = Problem(
    id="p", dataset="toy", split="train", question="Ann has 3 bags of 4 pens?", answer=12
)
NO_EXECUTOR = cast(Executor, None)  # nothing is run


def lessons(thoughts: dict[str, Any], *written: str) -> list[Lesson]:
    paths = [
        VerifiedPath(
            problem_id="p", thought=name, sample=0, text="3 * 4 = 12.", answer=12, model=""
        )
        for name in written
    ]
    return list(PathLessons().make(PROBLEM, paths, thoughts, NO_EXECUTOR))


def test_recorded_prose_is_enough_for_label_and_prose():
    thoughts = {"label": plugin("thought", "label_of_cot"), "cot": plugin("thought", "cot")}
    label, cot = lessons(thoughts, "cot")
    assert (label.thought, cot.thought) == ("label", "cot")
    assert label.segments[-1].text == "The answer is 12."
    assert label.sources == cot.sources == ("cot/0",)
    assert (
        label.segments[:-1]
        == lessons({"label": plugin("thought", "label")}, "label")[0].segments[:-1]
    )


def test_one_that_a_teacher_writes_has_the_settings_of_older_runs():
    label = plugin("thought", "label")
    assert not label.made_from and set(label.model_dump()) == {"instruction", "cue"}
