"""Lessons of tool-integrated reasoning in several runs: each step of prose, then its code.

A verified chain and a verified program of one problem are paired step by step: a sentence that
states `= value` belongs to the first line, behind those that are taken, that has this value. It
stands before the code without its result, which the run then gives. Texts of prose and code are
ToRA's (arXiv 2309.17452), which asks a teacher for them; this rule is ours. A pair in which no
sentence states the value of the last line makes no lesson.
"""

import ast
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from mdexp.answers import NUMBER, canonical, correct, plain
from mdexp.lessons.thinking import thinking_together, thought_first
from mdexp.ports import Executor, Run, Seen, Thought, Write
from mdexp.records import Lesson, Problem, ProgramResult, Segment, Transcript, VerifiedPath
from mdexp.thoughts.prose_steps import steps_of
from mdexp.thoughts.tir import ToolIntegrated
from mdexp.transcripts.driver import Walk, drive, run_all
from mdexp.transcripts.opening import asked

_MARK = re.compile(r"<<[^<>]*>>")  # GSM8K's own sums
_STATED = re.compile(rf"\s*=\s*[$£€]?\s?({NUMBER})%?")


class Line(NamedTuple):
    """A line of a program that binds a name, and the value that it has there."""

    code: str
    name: str
    value: str | None


class InterleavedSteps(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    thought: str = Field(min_length=1)  # the thought of prose and code that these belong to
    prose: str = Field(min_length=1)  # the thought whose verified chains give the sentences

    def teaches(self, thoughts: Mapping[str, Thought]) -> Collection[str]:
        self._interleaving(thoughts)
        return (self.thought,)

    def make(
        self,
        problem: Problem,
        paths: Sequence[VerifiedPath],
        thoughts: Mapping[str, Thought],
        executor: Executor,
    ) -> Iterator[Lesson]:
        """Yield a lesson for each right chain that matches a right program; of several the
        first."""
        thought = self._interleaving(thoughts)
        right = [p for p in paths if correct(p.answer, problem.answer, problem.match)]
        programs = [path for path in right if path.thought in thought.made_from]
        lines = [(path, lines_of(path.text, executor)) for path in programs]
        number = 0
        for chain in right:
            for program, bound in lines if chain.thought == self.prose else ():
                texts = interleaved(chain.text, bound)
                if not 0 < len(texts) <= thought.max_runs:
                    continue
                texts.append(f"The answer is {plain(program.answer)}.")
                segments = self._walked(problem, thought, texts, executor)
                yield Lesson(
                    id=f"{problem.id}/{self.thought}/steps {number}",
                    problem_id=problem.id,
                    thought=self.thought,
                    sample=_FIRST_OF_STEPS + number,
                    segments=thought_first(segments, thinking_together((chain, program))),
                    sources=tuple(f"{one.thought}/{one.sample}" for one in (chain, program)),
                )
                number += 1
                break

    def _interleaving(self, thoughts: Mapping[str, Thought]) -> ToolIntegrated:
        thought = thoughts.get(self.thought)
        if not isinstance(thought, ToolIntegrated) or self.prose not in thoughts:
            raise ValueError(
                f"lesson=interleaved_steps needs thought={self.thought} to be one of tir, and "
                f"{self.prose} beside it, the thoughts are {', '.join(thoughts)}"
            )
        return thought

    def _walked(
        self, problem: Problem, thought: ToolIntegrated, texts: list[str], executor: Executor
    ) -> tuple[Segment, ...]:
        """The transcript of a writer that writes these texts, which are scored."""
        walk = Walk(
            thought=thought,
            transcript=Transcript(
                problem_id=problem.id,
                thought=self.thought,
                sample=0,
                segments=(asked(problem.question),),
            ),
            seen=Seen(expected=problem.expected),
        )
        told = iter(texts)

        def write(pending: Sequence[tuple[Walk, Write]]) -> list[Segment]:
            return [Segment(author="writer", text=next(told), scored=True) for _ in pending]

        def run(runs: Sequence[tuple[Walk, Run]]) -> list[ProgramResult]:
            return run_all([step for _, step in runs], executor)

        drive([walk], write, run)
        assert walk.done
        right = correct(walk.done.answer, problem.answer, problem.match)
        assert right, walk.transcript
        return walk.transcript.segments


_FIRST_OF_STEPS = 2000  # behind the numbers of plain lessons


def lines_of(program: str, executor: Executor) -> list[Line]:
    """The lines of a program, each with its value; none unless each binds one name."""
    try:
        body = ast.parse(program).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    names = [
        node.targets[0].id
        for node in body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    ]
    lines = [ast.unparse(node) for node in body]
    if len(names) != len(body):
        return []
    runs = [
        Run(program="\n".join([*lines[: n + 1], f"ans = {name}"])) for n, name in enumerate(names)
    ]
    results = run_all(runs, executor)
    values = [canonical(result.answer) for result in results]
    return [Line(*line) for line in zip(lines, names, values, strict=True)]


def interleaved(chain: str, lines: Sequence[Line]) -> list[str]:
    """Texts of prose and code, each of which ends in a closed fence; none unless a sentence of the
    chain states the value of the last line. Sentences that state no line's value stand before the
    next one that does; what follows the last is left out."""
    texts: list[str] = []
    lead, done = "", 0
    for step in steps_of(_MARK.sub("", chain)):
        stated = list(_STATED.finditer(step))
        value = canonical(stated[-1][1]) if stated else None
        place = next((n for n in range(done, len(lines)) if value == lines[n].value), None)
        if value is None or place is None:
            lead += step
            continue
        lead = f"{lead}{step[: stated[-1].start()]}{step[stated[-1].end() :]}".strip()
        code = "\n".join(line.code for line in lines[done : place + 1])
        before = "\n" if texts else ""
        texts.append(f"{before}{lead}\n```python\n{code}\nprint({lines[place].name})\n```")
        lead, done = "", place + 1
    return texts if done == len(lines) else []
