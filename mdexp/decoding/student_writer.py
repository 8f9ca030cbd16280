"""The student as a writer, which decoders use."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mdexp.decoding.decode_stats import DecodeStats
from mdexp.records import LinearHead, Phase, Problem
from mdexp.students.prompts import Renderer
from mdexp.transcripts.reading import Readings

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from mdexp.decoding.session import Session
    from mdexp.decoding.sharing import Sharing


@dataclass(frozen=True, slots=True)
class Opened:
    """Resources, such as a server, that are opened on first use and closed with the stage."""

    until_end: ExitStack = field(default_factory=ExitStack)
    found: dict[str, Any] = field(default_factory=dict)

    def once(self, name: str, context: Callable[[], AbstractContextManager[Any]]) -> Any:
        """What the context of that name gives on entry."""
        if name not in self.found:
            self.found[name] = self.until_end.enter_context(context())
        return self.found[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudentWriter:
    """A student before or after training. `exemplars` stand in its prompts, `seed` begins its
    random streams, `work` counts what it computed, `opened` lasts as long as its stage,
    `readings` has what was read of its texts, and `head` is that of the run's scorer, for a
    decoder that asks it. With `sharing`, other ranks write beside it."""

    model: "PreTrainedModel"
    renderer: Renderer
    phase: Phase
    seed: int
    exemplars: Sequence[Mapping[str, Any]] = ()
    work: DecodeStats = field(default_factory=DecodeStats)
    opened: Opened = field(default_factory=Opened)
    readings: Readings = field(default_factory=dict)
    head: LinearHead | None = None
    sharing: "Sharing | None" = None

    def session(self) -> "Session":
        """A new session, whose texts can be continued without reading them again."""
        from mdexp.decoding.session import Session

        return Session(self.model, self.renderer, self.work)

    def title(self, thoughts: Iterable[str], problems: Sequence[Problem]) -> str:
        """What is being written, for lines of progress: `before, cot, 4 shots, gsm8k`."""
        shots = [f"{len(self.exemplars)} shots"] if self.exemplars else []
        sets = dict.fromkeys(problem.set_name for problem in problems)
        return ", ".join([self.phase, *thoughts, *shots, *sets])
