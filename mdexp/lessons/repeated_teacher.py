"""The control of a method that adds own paths: repeats the teacher's paths to the same number of
targets.

The student writes as in that method, so that both cost the same and the store has the paths for
both; of each problem and thought there are as many targets. They are all the teacher's, in turn.
A thought without a path of the teacher has none here.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, SkipValidation

from mdexp.lessons.strategy import strategy_of
from mdexp.ports import RoundMethod, Thought
from mdexp.ports.parts import built, described
from mdexp.records import Problem, VerifiedPath

Method = Annotated[
    SkipValidation[RoundMethod], BeforeValidator(built), PlainSerializer(lambda m: described(m))
]


class RepeatedTeacher(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    like: Method

    @property
    def num_paths(self) -> int:
        return self.like.num_paths

    @property
    def hint(self) -> str | None:
        return self.like.hint

    def choose(
        self,
        problem: Problem,
        taught: Sequence[VerifiedPath],
        own: Sequence[VerifiedPath],
        thoughts: Mapping[str, Thought],
    ) -> Sequence[VerifiedPath]:
        by_thought: dict[str, list[VerifiedPath]] = defaultdict(list)
        for path in taught:
            by_thought[path.thought].append(path)
        numbers: dict[str, int] = defaultdict(int)
        for path in self.like.choose(problem, taught, own, thoughts):
            numbers[strategy_of(path, thoughts).name] += 1
        return [
            path
            for thought, number in numbers.items()
            if thought in by_thought
            for path in islice(cycle(by_thought[thought]), number)
        ]
