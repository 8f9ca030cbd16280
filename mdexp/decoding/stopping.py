"""Stops sampling once the vote is settled: a problem's next path is written only while its vote is
open (grading/stopping.py)."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from pydantic import Field, model_validator

from mdexp.config.blocks import DecodingSettings
from mdexp.decoding.choosing import variants_of
from mdexp.decoding.straight import StraightDecoding
from mdexp.grading.score import by_problem, grade
from mdexp.grading.stopping import is_settled
from mdexp.ports import Done, Executor, Thought
from mdexp.records import Generation, Output, Problem, TranscriptKey, by_id

log = logging.getLogger(__name__)


class AgreementStopping(DecodingSettings):
    """Of each problem the greedy paths and sample 1 of each thought are written, then sample by
    sample what is open, to at most `num_paths`. A path is what straight decoding would write under
    its number. Validation problems have all their paths, and so has the student before training.

    With `confidence` 1 a majority is the same as over all paths. Other vote rules are heard only
    once all that is needed for a majority is written.
    """

    confidence: float = Field(gt=0.5, le=1)

    @model_validator(mode="after")
    def _there_is_something_to_save(self) -> Self:
        if self.engine != "local":
            raise ValueError("stopping needs engine=local: it has no check of what a server serves")
        if self.num_paths < 2:
            raise ValueError(
                f"num_paths={self.num_paths}: stopping saves paths from the second on, so it must "
                "be at least 2; decoding=default writes as few"
            )
        return self

    def why_not(self, thoughts: Mapping[str, Thought], kind: str) -> str | None:
        for name, thought in thoughts.items():
            if thought.reads or len(variants_of(thought)) > 1:
                return (
                    "stopping hears all thoughts at once; "
                    f"thought={name} reads others or is asked in several ways: leave it out or "
                    "choose decoding=default"
                )
        return self.straight().why_not(thoughts, kind)

    def straight(self) -> StraightDecoding:
        """The decoder that writes all paths."""
        return StraightDecoding(**self.model_dump(exclude={"confidence"}))

    def untrained(self) -> StraightDecoding:
        return self.straight().untrained()

    def with_choice(self, counts: Mapping[str, Any]) -> "AgreementStopping":
        return self

    def solve(
        self,
        problems: Sequence[Problem],
        thoughts: Mapping[str, Thought],
        writer: Any,
        executor: Executor,
        found: Mapping[TranscriptKey, Done],
    ) -> tuple[list[Output], dict[str, Any]]:
        """Outputs by problem, thought and sample; and by thought how many samples were written and
        how many straight decoding would have written."""
        from mdexp.decoding.answering import answer

        straight, known = self.straight(), by_id(problems)

        def write(asked: Sequence[Problem], samples: Iterable[int]) -> list[Output]:
            numbers = tuple(samples)
            return answer(
                writer, asked, thoughts, decoding=straight, executor=executor, samples=numbers
            )

        whole = [problem for problem in problems if problem.split == "validation"]
        still_open = [problem for problem in problems if problem.split != "validation"]
        outputs = answer(writer, whole, thoughts, decoding=straight, executor=executor)
        outputs += write(still_open, (0, 1))
        voting = [name for name, thought in thoughts.items() if thought.votes]
        heard: list[Generation] = []
        new = outputs
        for sample in range(2, self.num_paths + 1):
            cast = [o for o in new if o.sample and o.thought in voting and o.split != "validation"]
            heard += grade(cast, known, thoughts, executor, readings=writer.readings)
            left = (self.num_paths + 1 - sample) * len(voting)
            settled = {
                paths[0].problem_id
                for paths in by_problem(heard)
                if is_settled(paths, left, self.confidence)
            }
            still_open = [problem for problem in still_open if problem.id not in settled]
            if not still_open:
                break
            new = write(still_open, (sample,))
            outputs += new
        places = {problem.id: place for place, problem in enumerate(problems)}
        names = list(thoughts)
        outputs.sort(key=lambda o: (places[o.problem_id], names.index(o.thought), o.sample))
        return outputs, self._saved(outputs, problems, names)

    def _saved(
        self, outputs: Sequence[Output], problems: Sequence[Problem], names: Sequence[str]
    ) -> dict[str, Any]:
        at_most = self.num_paths * sum(problem.split != "validation" for problem in problems)
        sampled = [o.thought for o in outputs if o.sample and o.split != "validation"]
        log.info("stopping: %d of at most %d samples written", len(sampled), at_most * len(names))
        return {
            name: {"sampled paths": sampled.count(name), "sampled paths at most": at_most}
            for name in names
        }
