"""From texts to answers: each thought reads its text, and the programs among them are run.

Teacher paths (verify) and student outputs (score) go through this one door, so that a path is kept
by the same reading by which a generation is graded later.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mdexp.answers import LARGEST
from mdexp.ports import Executor, ProgramResult, Reading, Thought
from mdexp.records import Answer, Expected


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What became of one text. `answer` is set if and only if `status` is `ok`."""

    text: str  # the cleaned path
    answer: Answer | None
    status: str  # ok, no_answer, or how the program failed
    stdout: str = ""
    error: str = ""


def read_answers(texts: Sequence[tuple[Thought, str, Expected]], executor: Executor) -> list[Read]:
    """Give one Read per (thought, text, what is asked for), in order; all programs run in one
    batch."""
    readings = [thought.read(text, expected) for thought, text, expected in texts]
    programs = [reading.program for reading in readings if reading.program]
    systems = [reading.equations for reading in readings if reading.equations]
    # Where there is nothing to work out, no sandbox is needed.
    ran = dict(zip(programs, executor.run(programs), strict=True)) if programs else {}
    solved = dict(zip(systems, executor.solve(systems), strict=True)) if systems else {}
    reads = []
    for reading in readings:
        if reading.program:
            reads.append(_worked_out(reading, ran[reading.program]))
        elif reading.equations:
            reads.append(_worked_out(reading, solved[reading.equations]))
        else:
            reads.append(_stated(reading))
    return reads


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
