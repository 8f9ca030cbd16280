"""How a student comes to its answers."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

from mdexp.ports.thought import Done, Executor, Thought
from mdexp.records import Output, Problem


@runtime_checkable
class Decoder(Protocol):
    """How a student comes to its answers: greedily and by samples, by beams, by search."""

    num_paths: int  # of each thought that vote
    num_shots: int  # of the few-shot prompt before training
    num_validation: int  # validation problems that are answered
    max_new_tokens: int  # of each text
    engine: Literal["local", "openai"]

    def why_not(self, thoughts: Mapping[str, Thought], kind: str) -> str | None:
        """Why it cannot decode these thoughts with a student of this kind; None where it can."""
        ...

    def untrained(self) -> "Decoder":
        """The decoder of the same student before training."""
        ...

    def with_choice(self, counts: Mapping[str, Any]) -> "Decoder":
        """The decoder with what it chose in a run, by its counts there of one thought."""
        ...

    def solve(
        self,
        problems: Sequence[Problem],
        thoughts: Mapping[str, Thought],
        writer: Any,
        executor: Executor,
        found: Mapping[Any, Done],
    ) -> tuple[list[Output], dict[str, Any]]:
        """What `writer` (decoding/student_writer.py) wrote for each (problem, thought, sample), and
        counts. `found` has outcomes of thoughts that these read, by reading.TranscriptKey."""
        ...


@runtime_checkable
class StartsServer(Protocol):
    """A decoder that starts a server of the student by a command of this machine."""

    command: str
