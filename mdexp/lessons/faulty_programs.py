"""Lessons of repair (PaD): a faulty program and its feedback, then the right program.

Faults are put into verified programs (arXiv 2305.13888), and a faulty program is kept only where
the executor shows that it is wrong. What the student reads is what the interpreter said, or what
the program gave; the gold answer is not shown. The faulty program is read and not scored.
"""

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from mdexp.answers import correct
from mdexp.lessons.needed_thought import thought_of
from mdexp.lessons.program_faults import (
    NAME_FAULTS,
    OPERATORS,
    SYNTAX_FAULTS,
    VALUE_FAULTS,
    Operator,
)
from mdexp.lessons.thinking import thinking_of, thought_first
from mdexp.ports import Done, Executor, Run, Thought
from mdexp.records import Lesson, Problem, ProgramResult, Segment, Transcript, VerifiedPath
from mdexp.thoughts.repair import Repair
from mdexp.transcripts.driver import executed, run_all
from mdexp.transcripts.opening import asked

# Of 20 faults: wrong values, names and syntax as often as among a small student's own failures.
_MATCHED = (VALUE_FAULTS,) * 16 + (NAME_FAULTS,) * 3 + (SYNTAX_FAULTS,)


class Faulty(NamedTuple):
    """A faulty program beside the verified path that it was made of."""

    path: VerifiedPath
    program: str


class FaultyPrograms(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    thought: str = Field(min_length=1)  # the thought of repair that these lessons belong to
    per_path: int = Field(ge=1)  # faulty programs of a verified path
    mix: Literal["matched", "uniform"]
    seed: int = Field(ge=0)

    def teaches(self, thoughts: Mapping[str, Thought]) -> Collection[str]:
        self._repair(thoughts)
        return (self.thought,)

    def make(
        self,
        problem: Problem,
        paths: Sequence[VerifiedPath],
        thoughts: Mapping[str, Thought],
        executor: Executor,
    ) -> Iterator[Lesson]:
        """Yield a lesson for each faulty program that the executor proves wrong."""
        repair = self._repair(thoughts)
        right = [
            path
            for path in paths
            if path.thought in repair.made_from
            and correct(path.answer, problem.answer, problem.match)
        ]
        faulty = list(dict.fromkeys(self._faulty(problem, right)))
        results = run_all([Run(program=one.program) for one in faulty], executor)
        for number, (one, result) in enumerate(zip(faulty, results, strict=True)):
            if not correct(result.answer, problem.answer, problem.match):
                yield self._lesson(problem, one, result, repair, number)

    def _repair(self, thoughts: Mapping[str, Thought]) -> Repair:
        return thought_of(Repair, self.thought, thoughts, "faulty_programs")

    def _faulty(self, problem: Problem, paths: Sequence[VerifiedPath]) -> Iterator[Faulty]:
        verified = {path.text for path in paths}
        for path in paths:
            chance = random.Random(f"{self.seed}/{path.problem_id}/{path.sample}")
            for _ in range(self.per_path):
                program = self._operator(chance)(path.text, problem.question, chance)
                if program is not None and program not in verified:
                    yield Faulty(path, program)

    def _operator(self, chance: random.Random) -> Operator:
        return chance.choice(OPERATORS if self.mix == "uniform" else chance.choice(_MATCHED))

    def _lesson(
        self, problem: Problem, one: Faulty, result: ProgramResult, repair: Repair, number: int
    ) -> Lesson:
        failed = _failed(result)
        right = repair.inner.lesson(_question(problem), _done(one.path))
        question, cue, target = thought_first(right, thinking_of(one.path))
        return Lesson(
            id=f"{problem.id}/{self.thought}/{number}",
            problem_id=problem.id,
            thought=self.thought,
            sample=number,
            segments=(
                question,
                cue,
                Segment(author="writer", text=one.program, turn="assistant"),
                executed(result),
                Segment(author="cue", text=repair.feedback_cue(failed), turn="user"),
                target,
            ),
            sources=(f"{one.path.thought}/{one.path.sample}",),
        )


def _question(problem: Problem) -> Transcript:
    return Transcript(
        problem_id=problem.id, thought="", sample=0, segments=(asked(problem.question),)
    )


def _done(path: VerifiedPath) -> Done:
    return Done(text=path.text, answer=path.answer, status="ok")


def _failed(result: ProgramResult) -> Done:
    return Done(
        text="", answer=result.answer, status=result.status, error=result.error, result=result
    )
