"""From texts to answers: each thought reads its text, and the programs among them are run.

Teacher paths (verify) and student outputs (score) go through this one door, so that a path is kept
by the same reading by which a generation is graded later.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mdexp.answers import LARGEST
from mdexp.ports import Executor, ProgramResult, Reading, Thought
from mdexp.records import Answer
from mdexp.thoughts.thinking import Written, split_thinking


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What became of one text. `answer` is set if and only if `status` is `ok`."""

    text: str  # the cleaned path
    answer: Answer | None
    status: str  # ok, no_answer, unfinished_thinking, or how the program failed
    stdout: str = ""
    error: str = ""
    thinking: str = ""  # what a reasoning model thought before it answered


_UNFINISHED = Read(
    text="",
    answer=None,
    status="unfinished_thinking",
    error="the text ends within its thinking: it needs more tokens, or a model that thinks less",
)


def read_answers(
    texts: Sequence[tuple[Thought, str]], executor: Executor, *, thinking_is_path: bool = False
) -> list[Read]:
    """Give one Read per (thought, text), in order; all programs run in one batch.

    Thinking is split off before a thought reads a text. With `thinking_is_path` it is the path
    instead: the thought reads it, and prose states the answer that stands behind it.
    """
    split = [split_thinking(text) for _, text in texts]
    read = _read_thinking if thinking_is_path else _read_answer
    readings = [read(thought, w) for (thought, _), w in zip(texts, split, strict=True)]
    programs = [reading.program for reading in readings if reading.program]
    systems = [reading.equations for reading in readings if reading.equations]
    # Where there is nothing to work out, no sandbox is needed.
    ran = dict(zip(programs, executor.run(programs), strict=True)) if programs else {}
    solved = dict(zip(systems, executor.solve(systems), strict=True)) if systems else {}
    reads = []
    for reading, written in zip(readings, split, strict=True):
        if not written.finished:
            found = _UNFINISHED
        elif reading.program:
            found = _worked_out(reading, ran[reading.program])
        elif reading.equations:
            found = _worked_out(reading, solved[reading.equations])
        else:
            found = _stated(reading)
        reads.append(replace(found, thinking=written.thinking))
    return reads


def _read_answer(thought: Thought, written: Written) -> Reading:
    return thought.read(written.answer) if written.finished else Reading(text="")


def _read_thinking(thought: Thought, written: Written) -> Reading:
    """The thinking as the path. A program or equations in it give the answer themselves."""
    if not written.finished:
        return Reading(text="")
    path = thought.read(written.thinking)
    if path.program or path.equations:
        return path
    stated = thought.read(written.answer).answer
    return replace(path, answer=path.answer if stated is None else stated)


def _stated(reading: Reading) -> Read:
    status = "no_answer" if reading.answer is None else "ok"
    return Read(text=reading.text, answer=reading.answer, status=status)


def _worked_out(reading: Reading, result: ProgramResult) -> Read:
    answer, status, error = result.answer, result.status, result.error
    if isinstance(answer, int | float) and not abs(answer) < LARGEST:
        answer, status, error = (
            None,
            "no_answer",
            f"the answer is no number below {float(LARGEST):g}",
        )
    return Read(text=reading.text, answer=answer, status=status, stdout=result.stdout, error=error)
