"""Straight decoding: the greedy path of each thought, and sampled ones for the vote."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

from pydantic import model_validator

from mdexp.config.blocks import DecodingSettings
from mdexp.ports import Done, Executor, Thought
from mdexp.records import Output, Problem, TranscriptKey


class StraightDecoding(DecodingSettings):
    """Sample 0 is greedy; 1 to `num_paths` of each thought are sampled, by this process or, once
    the student is trained, by a server of it."""

    @model_validator(mode="after")
    def _engine_has_its_keys(self) -> Self:
        given = [name for name in ("base_url", "served") if getattr(self, name) is not None]
        if self.engine == "openai" and len(given) < 2:
            raise ValueError("engine=openai needs base_url and served, the server and its model")
        if self.engine == "local" and given:
            raise ValueError(f"engine=local reads no {' and no '.join(given)}")
        return self

    def why_not(self, thoughts: Mapping[str, Thought], kind: str) -> str | None:
        if self.engine == "openai" and kind != "causal":
            return (
                f"engine=openai continues token ids, which a {kind} student cannot; use "
                "decoding.engine=local"
            )
        return None

    def untrained(self) -> "StraightDecoding":
        local = {"engine": "local", "base_url": None, "served": None}
        return self.model_copy(update=local)

    def with_choice(self, counts: Mapping[str, Any]) -> "StraightDecoding":
        return self

    def solve(
        self,
        problems: Sequence[Problem],
        thoughts: Mapping[str, Thought],
        writer: Any,
        executor: Executor,
        found: Mapping[TranscriptKey, Done],
    ) -> tuple[list[Output], dict[str, Any]]:
        from mdexp.decoding.answering import answer

        outputs = answer(writer, problems, thoughts, decoding=self, executor=executor, found=found)
        return outputs, {}
