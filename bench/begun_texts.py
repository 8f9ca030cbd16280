"""Transcripts whose first texts are given, and whose further ones a trained student writes."""

from collections.abc import Sequence
from typing import NamedTuple

from mdexp.config.blocks import DecodingSettings
from mdexp.config.settings import Settings
from mdexp.decoding.student_writer import StudentWriter
from mdexp.decoding.writing import Writing
from mdexp.ports import Executor, Run, Thought, Write
from mdexp.records import Problem, ProgramResult, Segment
from mdexp.transcripts.driver import Walk, drive, run_all


class Begun(NamedTuple):
    """The texts that a transcript of a thought begins with."""

    problem: Problem
    name: str
    thought: Thought
    texts: tuple[str, ...]


def decoding_of(settings: Settings) -> DecodingSettings:
    """How a run decodes: lengths, batches and temperature."""
    assert isinstance(settings.decoding, DecodingSettings), "decoders of this package are"
    return settings.decoding


def write_on(
    begun: Sequence[Begun], writer: StudentWriter, decoding: DecodingSettings, executor: Executor
) -> list[Walk]:
    """The transcripts, in order, once nothing is left to be written, greedily. Given texts count no
    tokens. What the last texts come to is not worked out."""
    writing = Writing(writer, decoding, "begun texts")
    walks = [writing.walk(one.problem, one.name, one.thought, 0, {}) for one in begun]
    given = {id(walk): one.texts for walk, one in zip(walks, begun, strict=True)}

    def write(pending: Sequence[tuple[Walk, Write]]) -> list[Segment]:
        """Given texts while there are any, then the student's own."""
        texts: dict[int, Segment] = {}
        for place, (walk, step) in enumerate(pending):
            number = len(walk.transcript.by("writer"))
            if number < len(given[id(walk)]):
                text = given[id(walk)][number]
                texts[place] = Segment(author="writer", text=text, role=step.role)
        left = [place for place in range(len(pending)) if place not in texts]
        texts |= zip(left, writing.write([pending[place] for place in left]), strict=True)
        return [texts[place] for place in range(len(pending))]

    def run(runs: Sequence[tuple[Walk, Run]]) -> list[ProgramResult]:
        return run_all([step for _, step in runs], executor)

    size = decoding.batch_size
    by_length = sorted(walks, key=lambda walk: len(walk.transcript.segments[0].text))
    for start in range(0, len(walks), size):
        drive(by_length[start : start + size], write, run, reads=False)
    return walks
