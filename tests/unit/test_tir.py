"""Tool-integrated reasoning: texts stop at a closed fence, its code is run, and they go on."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from mdexp.grading.verify import verify_paths
from mdexp.lessons.paths import PathLessons
from mdexp.ports import Done, Executor, Seen, Write
from mdexp.records import Path, Problem, ProgramResult, Segment, Transcript
from mdexp.sandbox.executor import Sandbox
from mdexp.transcripts.driver import Walk, drive, run_all
from mdexp.transcripts.opening import asked
from tests.contract.conftest import plugin

FIRST = "Add them.\n```python\na = 3 + 4\nprint(a)\n```"
SECOND = "Double it.\n```python\nprint(2 * a)\n```"


class Printing:
    """An executor that remembers what it ran."""

    def __init__(self) -> None:
        self.programs: list[str] = []

    def run(self, programs: Sequence[str]) -> list[ProgramResult]:
        self.programs += programs
        printed = ["7\n14\n" if "2 * a" in program else "7\n" for program in programs]
        return [ProgramResult(status="ok", answer=7, stdout=text) for text in printed]

    def solve(self, systems: Sequence[str]) -> list[ProgramResult]:
        raise AssertionError("there are no equations here")


def test_code_is_run_and_the_text_goes_on_behind_its_output():
    tir, executor = plugin("thought", "tir"), Printing()
    told = iter([FIRST, SECOND, "The answer is 14."])
    stops: list[Write] = []

    def write(pending: Sequence[tuple[Walk, Write]]) -> list[Segment]:
        stops.extend(step for _, step in pending)
        return [Segment(author="writer", text=next(told)) for _ in pending]

    transcript = Transcript(problem_id="p", thought="tir", sample=0, segments=(asked("How?"),))
    walk = Walk(thought=tir, transcript=transcript)
    drive([walk], write, lambda runs: run_all([run for _, run in runs], executor))
    assert walk.done is not None and walk.done.answer == "14" and not walk.done.is_computed
    assert executor.programs == [
        "a = 3 + 4\nprint(a)",
        "a = 3 + 4\nprint(a)\nprint(2 * a)",
    ], "each run begins anew, with the code so far"
    shown = [s.text for s in walk.transcript.by("cue")][1:]
    assert shown == ["\n```output\n7\n```\n", "\n```output\n14\n```\n"], "only what is new"
    assert [s.turn for s in walk.transcript.by("writer")] == ["assistant", None, None]
    assert stops[0].stop(f"{FIRST}\nAnd so on") == FIRST
    assert stops[0].stop("Add them.\n```python\na = 3") is None


def test_runs_are_limited():
    tir = plugin("thought", "tir").model_copy(update={"max_runs": 1})
    transcript = Transcript(problem_id="p", thought="tir", sample=0, segments=(asked("How?"),))
    walk = Walk(thought=tir, transcript=transcript)
    drive(
        [walk],
        lambda pending: [Segment(author="writer", text=SECOND) for _ in pending],
        lambda runs: run_all([run for _, run in runs], Printing()),
    )
    assert walk.done is not None and len(walk.transcript.by("executor")) == 1


def lesson_of(program: str, problem: Problem, executor: Executor) -> tuple[Segment, ...]:
    """The lesson that is made of a teacher's program, verified as the stage does it."""
    tir = plugin("thought", "tir")
    path = Path(problem_id="p", thought="pot", sample=0, text=program, model="teacher")
    [kept], [] = verify_paths(
        [path], {"p": problem}, tir.made_from, executor, "gold", results_of=["pot"]
    )
    [lesson] = PathLessons().make(problem, [kept], {"tir": tir}, executor)
    return lesson.segments


def output_of(segments: Sequence[Segment]) -> str:
    return [s.text for s in segments if s.author == "cue"][1]


PROBLEM = Problem(id="p", dataset="toy", split="train", question="How many?", answer=7)


def test_the_output_of_a_lesson_is_read_and_not_scored():
    segments = lesson_of("ans = 3 + 4", PROBLEM, Printing())
    assert [s.text for s in segments if s.scored] == [
        "Let me compute it.\n```python\nans = 3 + 4\n```",
        "The answer is 7.",
    ]
    assert output_of(segments) == "\n```output\n7\n```\n"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(timeout_s=5, memory_mib=64, output_kib=16, workers=1) as sandbox:
        yield sandbox


CHOICE = replace(PROBLEM, answer="b", options=["6", "7", "8"])


@pytest.mark.parametrize(
    ("program", "problem", "output"),
    [
        ("ans = 3 + 4", PROBLEM, "7"),
        ("ans = 3 + 4", CHOICE, "7"),
        ("ans = 3 + 4\nprint(f'Ann has {ans} pens.')", PROBLEM, "Ann has 7 pens."),
    ],
    ids=["a value", "an option's value", "a sentence"],
)
def test_a_lesson_shows_what_its_program_gave(
    program: str, problem: Problem, output: str, sandbox: Sandbox
):
    """The student is shown the same behind its own program, not the gold answer."""
    segments = lesson_of(program, problem, sandbox)
    assert output_of(segments) == f"\n```output\n{output}\n```\n"
    tir, texts = plugin("thought", "tir"), iter([s.text for s in segments if s.scored])
    walk = Walk(
        thought=tir,
        transcript=Transcript(problem_id="p", thought="tir", sample=0, segments=segments[:1]),
        seen=Seen(expected=problem.expected),
    )
    drive(
        [walk],
        lambda pending: [Segment(author="writer", text=next(texts)) for _ in pending],
        lambda runs: run_all([run for _, run in runs], sandbox),
    )
    assert output_of(walk.transcript.segments) == output_of(segments)


def shown_of(blocks: Sequence[str], sandbox: Sandbox, **options: int) -> list[str]:
    """What a writer of these blocks is shown behind each."""
    tir = plugin("thought", "tir", **options)
    texts = iter([*(f"```python\n{block}\n```" for block in blocks), "The answer is 7."])
    transcript = Transcript(problem_id="p", thought="tir", sample=0, segments=(asked("How?"),))
    walk = Walk(thought=tir, transcript=transcript)
    drive(
        [walk],
        lambda pending: [Segment(author="writer", text=next(texts)) for _ in pending],
        lambda runs: run_all([run for _, run in runs], sandbox),
    )
    cues = [s.text for s in walk.transcript.by("cue")][1:]
    return [cue.removeprefix("\n```output\n").removesuffix("\n```\n") for cue in cues]


@pytest.mark.parametrize(
    ("blocks", "shown"),
    [
        (["a = 3\nprint(a)", "print(a + 4)"], ["3", "7"]),
        (["a = 3\nprint(a, end=' ')", "print(a + 4)"], ["3", "7"]),
        (["print(3)", "print(3)", "print(3)\nprint(3)"], ["3", "3", "3\n3"]),
        (["ans = 3", "b = 4", "ans = ans + b"], ["3", "", "7"]),
        (["print(3)", "b = 4"], ["3", ""]),
        (["a = 3", "print(b)", "print(a + 4)"], [None, "NameError", "7"]),
        (["print(3)", "print(4)\nb", "print(7)"], ["3", "4\nNameError", "7"]),
    ],
)
def test_each_block_shows_its_own_output_as_in_an_interpreter_session(
    blocks: Sequence[str], shown: Sequence[str | None], sandbox: Sandbox
):
    """Names stay; a block that failed is not run again, so the text can go on behind it."""
    for seen, wanted in zip(shown_of(blocks, sandbox), shown, strict=True):
        assert (
            wanted is None or seen == wanted or ("Error" in wanted and seen.startswith(wanted))
        ), seen


def test_an_output_is_cut_at_its_cap(sandbox: Sandbox):
    assert shown_of(["print('7' * 50)"], sandbox, max_output=8) == ["7" * 8]
    assert shown_of(["print('7' * 500)"], sandbox) == ["7" * 300]


def test_a_path_without_a_program_teaches_nothing():
    done = Done(text="3 + 4 = 7.", answer=7, status="ok")
    transcript = Transcript(problem_id="p", thought="tir", sample=0, segments=(asked("How?"),))
    assert plugin("thought", "tir").lesson(transcript, done) == ()
