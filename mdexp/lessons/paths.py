"""A lesson for each verified path: the thought's own target for it, where it has one."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from mdexp.lessons.thinking import thinking_of, thought_first
from mdexp.ports import Done, Executor, Thought
from mdexp.records import Lesson, Problem, Transcript, VerifiedPath
from mdexp.transcripts.opening import asked


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
                if path.thought not in {name, *thought.made_from}:
                    continue
                transcript = Transcript(
                    problem_id=path.problem_id,
                    thought=path.thought,
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
                    segments=thought_first(segments, thinking_of(path)),
                    sources=(f"{path.thought}/{path.sample}",),
                )
