"""Checks the steps of a growing text before it is complete.

A step is a line of a program or of equations, or a sentence of prose. A program is run up to its
last line; of prose the sums that it states are worked out.
"""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from mdexp.algebra.arithmetic import NotArithmetic, evaluate
from mdexp.answers import NUMBER, NUMBER_IN_TEXT, canonical
from mdexp.ports import Executor, Run, Seen, Thought
from mdexp.records import ProgramResult
from mdexp.thoughts.program_form import syntax_tree
from mdexp.transcripts.driver import written
from mdexp.transcripts.thinking import split_thinking

# ran: up to here it runs, or what it states holds. open: within a block, or nothing to check yet.
# wrong: prose states a sum that does not hold. failed: it raises; nothing can mend it.
Status = Literal["ran", "open", "wrong", "failed"]

_LINE = re.compile(r"\s*\S[^\n]*\n")
_SENTENCE = re.compile(r"\s*\S.*?(?:[.!?](?=\s)|\n)", re.DOTALL)
_SUM = re.compile(rf"([\d(.$][\d\s.,+*/×÷−()$-]*?)=\s*\$?\s*({NUMBER})")
ROUNDING = Fraction(1, 100)  # prose rounds
_RUNS = ("ok", "no_answer")
_CANNOT_BE_MENDED = ("runtime_error", "timeout", "memory", "output", "forbidden")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The result of a text's last step. `value` is the finite number that it sets or states."""

    status: Status
    value: str | None = None  # canonical
    error: str = ""


@dataclass(frozen=True, slots=True)
class OneStep:
    """A thought, of which one step is written at a time."""

    thought: Thought

    def complete(self, text: str) -> str | None:
        step = (_LINE if self.thought.unit == "line" else _SENTENCE).match(text)
        return step[0] if step else None


def numbers(text: str) -> set[str]:
    """The distinct numbers that a text has in digits, canonical."""
    return {
        value for found in NUMBER_IN_TEXT.findall(text) if (value := canonical(found)) is not None
    }


def sentences(text: str) -> list[str]:
    """The sentences and lines of a text, with the space before each."""
    return [found[0] for found in _SENTENCE.finditer(f"{text}\n")]


def check(texts: Sequence[tuple[Thought, str]], executor: Executor) -> list[Checked]:
    """Check the last step of each text, of thinking none; all programs run in one batch."""
    texts = [(thought, split_thinking(text).answer) for thought, text in texts]
    programs = [_up_to_here(thought, text) for thought, text in texts]
    wanted = [program for program in programs if program]
    ran = dict(zip(wanted, executor.run(wanted), strict=True)) if wanted else {}
    return [
        _of_result(ran[program], program) if program else _of_prose(thought, text)
        for program, (thought, text) in zip(programs, texts, strict=True)
    ]


def _up_to_here(thought: Thought, text: str) -> str | None:
    """The program so far, with what its last line binds as its answer."""
    step = thought.next(written(text), Seen())
    program = step.program if isinstance(step, Run) else None
    tree = syntax_tree(program) if program else None
    if program and tree and tree.body:
        match tree.body[-1]:
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AugAssign(target=ast.Name(id=name)):
                return f"{program}\nans = {name}"
    return program


def _of_result(result: ProgramResult, program: str) -> Checked:
    if result.status in _RUNS:
        number = isinstance(result.answer, int | float) and "\nans = " in f"\n{program}"
        return Checked(status="ran", value=canonical(result.answer) if number else None)
    if result.status in _CANNOT_BE_MENDED:
        return Checked(status="failed", error=result.error)
    if result.status == "syntax_error" and not _may_go_on(program):
        return Checked(status="failed", error=result.error)
    return Checked(status="open", error=result.error)


def _may_go_on(program: str) -> bool:
    """Whether a program that does not parse may be the beginning of one: an open block, bracket."""
    last = program.rstrip().rsplit("\n", 1)[-1]
    indent = " " * (len(last) - len(last.lstrip()) + 4)
    brackets = sum(program.count(b) for b in "([{") > sum(program.count(b) for b in ")]}")
    return brackets or syntax_tree(f"{program.rstrip()}\n{indent}pass") is not None


def _of_prose(thought: Thought, text: str) -> Checked:
    """Sums that the last sentence states: one that does not hold is wrong."""
    if thought.unit == "line":
        return Checked(status="open")
    said = sentences(text)
    value = None
    for left, right in _SUM.findall(said[-1] if said else ""):
        try:
            holds = abs(evaluate(left.replace("$", "")) - evaluate(right)) <= ROUNDING
        except NotArithmetic:
            continue
        if not holds:
            return Checked(status="wrong", error=f"{left.strip()} is not {right}")
        value = canonical(right)
    return Checked(status="open" if value is None else "ran", value=value)
