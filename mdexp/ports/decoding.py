"""The interface of decoders."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

from mdexp.ports.thought import Done, Executor, Thought
from mdexp.records import Output, Problem


@runtime_checkable
class Decoder(Protocol):
    """Lets a student answer problems: by greedy and sampled paths, by beams, by search."""

    num_paths: int  # sampled paths of each thought that vote
    num_shots: int  # exemplars of the few-shot prompt before training
    num_validation: int  # validation problems that are answered
    max_new_tokens: int  # of each transcript
    engine: Literal["local", "openai"]

    def why_not(self, thoughts: Mapping[str, Thought], kind: str) -> str | None:
        """Why it cannot decode these thoughts with a student of this kind; None if it can."""
        ...

    def untrained(self) -> "Decoder":
        """The decoder to use for the same student before training."""
        ...

    def with_choice(self, counts: Mapping[str, Any]) -> "Decoder":
        """The decoder with the choice that it made in a run, given its counts there for one
        thought."""
        ...

    def solve(
        self,
        problems: Sequence[Problem],
        thoughts: Mapping[str, Thought],
        writer: Any,
        executor: Executor,
        found: Mapping[Any, Done],
    ) -> tuple[list[Output], dict[str, Any]]:
        """The outputs of `writer`, a StudentWriter (decoding/student_writer.py), for each (problem,
        thought, sample), and counts. `found` has the outcomes of thoughts that these read, by
        TranscriptKey."""
        ...


@runtime_checkable
class AsksScorer(Protocol):
    """A decoder that may ask the run's scorer what a text is worth while it is written. Most do not
    and need not say so."""

    @property
    def asks_scorer(self) -> bool: ...


@runtime_checkable
class StartsServer(Protocol):
    """A decoder that starts a server for the student, or a teacher that starts one for its model,
    by a command on this machine."""

    command: str
