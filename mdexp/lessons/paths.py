"""A lesson for each verified path: the thought's own target for it, where it has one."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from pydantic import BaseModel, ConfigDict

from mdexp.driver import asked
from mdexp.ports import Done, Executor, Thought
from mdexp.records import Lesson, Problem, Segments, Transcript, VerifiedPath


class PathLessons(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    thoughts: tuple[str, ...] | None = None  # those that learn from paths as they are; None: all

    def teaches(self, thoughts: Mapping[str, Thought]) -> Collection[str]:
        if unknown := set(self.thoughts or ()) - thoughts.keys():
            raise ValueError(
                f"thoughts: got {', '.join(sorted(unknown))}, the thoughts are "
                f"{', '.join(thoughts)}"
            )
        return tuple(thoughts) if self.thoughts is None else self.thoughts

    def make(
        self,
        problem: Problem,
        paths: Sequence[VerifiedPath],
        thoughts: Mapping[str, Thought],
        executor: Executor,
    ) -> Iterator[Lesson]:
        """Yield a lesson for each thought and path that it is made of, in the order of both."""
        taught = self.teaches(thoughts)
        for name, thought in thoughts.items():
            for path in paths if name in taught else ():
                if path.thought not in (thought.made_from or {name}):
                    continue
                transcript = Transcript(
                    problem_id=path.problem_id,
                    thought=name,
                    sample=path.sample,
                    segments=(asked(problem.question), *path.segments),
                )
                done = Done(text=path.text, answer=path.answer, status="ok")
                if not (segments := thought.lesson(transcript, done)):
                    continue
                yield Lesson(
                    id=f"{path.problem_id}/{name}/{path.sample}",
                    problem_id=path.problem_id,
                    thought=name,
                    sample=path.sample,
                    segments=_thought_first(segments, path.thinking),
                    sources=(f"{path.thought}/{path.sample}",),
                )


def _thought_first(segments: Segments, thinking: str) -> Segments:
    """The lesson with the teacher's thinking before the student's first text."""
    if not thinking:
        return segments
    first = next(n for n, segment in enumerate(segments) if segment.author == "writer")
    return (
        *segments[:first],
        replace(segments[first], thinking=thinking),
        *segments[first + 1 :],
    )
