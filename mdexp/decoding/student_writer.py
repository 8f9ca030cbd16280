"""The student as a writer: what decoders are given to write with."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mdexp.decoding.decode_stats import DecodeStats
from mdexp.records import Phase, Problem
from mdexp.students.prompts import Renderer

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True, slots=True, kw_only=True)
class StudentWriter:
    """A student before or after training. `exemplars` stand in its prompts, `seed` begins its
    random streams, and `work` counts what it computed."""

    model: "PreTrainedModel"
    renderer: Renderer
    phase: Phase
    seed: int
    exemplars: Sequence[Mapping[str, Any]] = ()
    work: DecodeStats = field(default_factory=DecodeStats)

    def title(self, thoughts: Iterable[str], problems: Sequence[Problem]) -> str:
        """What is being written, for lines of progress: `before, cot, 4 shots, gsm8k`."""
        shots = [f"{len(self.exemplars)} shots"] if self.exemplars else []
        sets = dict.fromkeys(problem.set_name for problem in problems)
        return ", ".join([self.phase, *thoughts, *shots, *sets])
