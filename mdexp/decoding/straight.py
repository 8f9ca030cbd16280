"""Straight decoding: the greedy path of each thought, and sampled ones for the vote."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING, Any, Self

from pydantic import model_validator

from mdexp.config.blocks import DecodingSettings
from mdexp.config.settings import SettingsError
from mdexp.decoding.request import Answered, DecodingLimits, DecodingRequest
from mdexp.ports import Done, Executor, Thought
from mdexp.records import Output, Problem, TranscriptKey
from mdexp.students.served_models import listing

if TYPE_CHECKING:
    from mdexp.decoding.served_probe import Probe
    from mdexp.decoding.student_writer import StudentWriter

log = logging.getLogger(__name__)


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
        local = {"engine": "local", "base_url": None, "served": None, "on_other_model": "error"}
        return self.model_copy(update=local)

    def server_says(self) -> str:
        from mdexp.decoding.server import student_server_key

        assert self.served, "judged"
        key, name = student_server_key(), self.served
        found = [listing("decoding.served", name, url, key) for url in self.base_urls()]
        for said in (said for said, is_odd in found if is_odd):
            log.warning("student: %s", said)
        return "; ".join(said for said, _ in found)

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

        if self.engine == "openai" and writer.work.served is None:
            writer.work.served = self._probe(writer)
        outputs = answer(writer, problems, thoughts, decoding=self, executor=executor, found=found)
        served = writer.work.served
        if served is None or served.is_same:
            return outputs, {}
        return [replace(output, unverified=str(served)) for output in outputs], {}

    def _probe(self, writer: "StudentWriter") -> "Probe":
        """How far the servers' models are from the trained student (of several servers, the
        farthest); SettingsError if one has another model, unless rows are to be marked."""
        found = [self._probe_one(writer, url) for url in self.base_urls()]
        return max(found, key=lambda one: inf if one.difference is None else one.difference)

    def _probe_one(self, writer: "StudentWriter", url: str) -> "Probe":
        from mdexp.decoding.served_probe import probe
        from mdexp.decoding.server import ask_server

        served = self.served
        assert served, "judged"

        def ask(requests: Sequence[DecodingRequest], limits: DecodingLimits) -> list[Answered]:
            answers = dict(ask_server([url], served, writer.renderer, requests, limits))
            return [answers[i] for i in range(len(requests))]

        checked = probe(writer.model, writer.renderer, ask)
        if checked.is_other and self.on_other_model == "error":
            raise SettingsError(
                {
                    "decoding.served": f"{served} at {url}: {checked}. Serve what `mdexp export "
                    "RUN FOLDER` writes; decoding.on_other_model=mark goes on and marks the rows"
                }
            )
        log.log(
            logging.INFO if checked.is_same else logging.WARNING, "%s: %s", writer.phase, checked
        )
        return checked
