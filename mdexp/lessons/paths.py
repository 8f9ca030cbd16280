"""A lesson for each verified path: the thought's own target for it."""

from collections.abc import Iterator, Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from mdexp.driver import asked
from mdexp.ports import Done, Executor, Thought
from mdexp.records import Lesson, Problem, Transcript, VerifiedPath


class PathLessons(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def make(
        self,
        problem: Problem,
        paths: Sequence[VerifiedPath],
        thoughts: Mapping[str, Thought],
        executor: Executor,
    ) -> Iterator[Lesson]:
        """Yield a lesson for each path of the problem, in their order."""
        for path in paths:
            transcript = Transcript(
                problem_id=path.problem_id,
                thought=path.thought,
                sample=path.sample,
                segments=(asked(problem.question), *path.segments),
            )
            done = Done(text=path.text, answer=path.answer, status="ok")
            source = f"{path.thought}/{path.sample}"
            yield Lesson(
                id=f"{path.problem_id}/{source}",
                problem_id=path.problem_id,
                thought=path.thought,
                sample=path.sample,
                segments=thoughts[path.thought].lesson(transcript, done),
                sources=(source,),
            )
