"""A teacher without a language model: it rewrites the dataset's own solutions.

A generated dataset has a solution for each thought, which is used as it is. Other solutions are
prose, which is rewritten in up to four styles for each thought (`label` has one). A solution that
cannot be rewritten gives no path, and the report counts its problem as missing. The texts are
verified like any teacher's.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from mdexp.answers import plain
from mdexp.ports import Executor, Thought
from mdexp.records import Path, Problem, ThinkingUse
from mdexp.teacher.equations import equation_styles
from mdexp.teacher.programs import program_styles
from mdexp.teacher.sentences import sentence_styles
from mdexp.teacher.solution import read_solution

MODEL = "worked"


class WorkedTeacher(BaseModel):
    """Writes the thoughts `label`, `cot`, `pot` and `eot`, and those for which a generated dataset
    has solutions; no others."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ask_again: ClassVar[bool] = False
    thinking: ClassVar[ThinkingUse] = "drop"

    num_paths: int = Field(ge=1)

    def judge(self, problems: Sequence[Problem], thoughts: Collection[str]) -> None:
        """ValueError if no problem has a solution: a set of questions and answers needs a real
        teacher."""
        asked = set(thoughts)
        if problems and not any(asked & worked_texts(problem).keys() for problem in problems):
            raise ValueError(
                f"teacher=worked writes {', '.join(sorted(asked))} from solutions that the dataset "
                "brings, and this one brings none: name a teacher, as in teacher=openai "
                "teacher.model=... or teacher=replay teacher.path=..."
            )

    def files(self) -> dict[str, FilePath]:
        return {}

    def exemplars(self) -> list[dict[str, Any]]:
        return []

    def paths(
        self,
        problems: Sequence[Problem],
        thoughts: Mapping[str, Thought],
        ledger: FilePath,
        executor: Executor,
    ) -> Iterator[Path]:
        for problem in problems:
            texts = worked_texts(problem)
            for thought in thoughts:
                for sample, text in enumerate(texts.get(thought, [])[: self.num_paths]):
                    yield Path(
                        problem_id=problem.id,
                        thought=thought,
                        sample=sample,
                        text=text,
                        model=MODEL,
                    )


def worked_texts(problem: Problem) -> dict[str, list[str]]:
    """The texts for a problem by thought: distinct, in a fixed order of styles."""
    statement = f"The answer is {plain(problem.answer)}."
    texts = {"label": [statement]}
    if problem.solutions is not None:
        return texts | problem.solutions
    if steps := read_solution(problem):
        proses = dict.fromkeys(sentence_styles(steps))
        texts["cot"] = [f"{text}\n{statement}" for text in proses]
        texts["pot"] = list(dict.fromkeys(program_styles(steps, problem.question)))
        texts["eot"] = list(dict.fromkeys(equation_styles(steps, problem.question)))
    return texts
