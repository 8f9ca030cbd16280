"""The student as a writer: what decoders are given to write with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mdexp.decoding.decode_stats import Work
from mdexp.records import Phase
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
    work: Work = field(default_factory=Work)
