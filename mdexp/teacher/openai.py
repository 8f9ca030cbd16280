"""A teacher behind any OpenAI-compatible chat endpoint: hosted, or vLLM, SGLang, llama.cpp here.

Every answer is bought once (ledger.py), whatever runs, sweeps and values of `num_paths` ask for it.
"""

import asyncio
import logging
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from mdexp.ports import Thought
from mdexp.records import Path, Problem
from mdexp.teacher.client import NO_KEY, Client, TeacherError
from mdexp.teacher.endpoint import endpoint_identity, is_loopback
from mdexp.teacher.extract import Extraction
from mdexp.teacher.ledger import Ledger, Request
from mdexp.thoughts.prompting import load_exemplars, turns

log = logging.getLogger(__name__)

DEFAULT_URL = "https://api.openai.com/v1"
_OWN_PARAMETERS = {"model", "messages", "n", "stream", "temperature", "top_p", "max_tokens"}


class OpenAITeacher(BaseModel):
    """Parameters that are null are left out of the request."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True
    )

    ask_again: ClassVar[bool] = True

    base_url: str | None  # null: OPENAI_BASE_URL, else OpenAI's own
    model: str = Field(min_length=1)
    api_key_env: str
    num_paths: int = Field(ge=1)
    num_shots: int = Field(ge=0)
    temperature: float | None = Field(ge=0, le=2)
    top_p: float | None = Field(gt=0, le=1)
    max_tokens: int | None = Field(ge=1)
    extra: dict[str, Any] | None
    mode: Literal["online"]
    concurrency: int = Field(ge=1)
    timeout_s: float = Field(gt=0)
    max_retries: int = Field(ge=0)

    @field_validator("base_url")
    @classmethod
    def _endpoint_is_usable(cls, url: str | None) -> str | None:
        if url is not None:
            endpoint_identity(url)
        return url

    @field_validator("api_key_env")
    @classmethod
    def _is_a_name(cls, name: str) -> str:
        if not (name.isidentifier() and name.isascii()):
            # Not repeated: it may well be the key.
            raise ValueError("expected the name of an environment variable, not a key")
        return name

    @field_validator("num_shots")
    @classmethod
    def _has_so_many_exemplars(cls, num_shots: int) -> int:
        if num_shots > (most := len(load_exemplars())):
            raise ValueError(f"got {num_shots}, there are {most} exemplars")
        return num_shots

    @field_validator("extra")
    @classmethod
    def _adds_only(cls, extra: dict[str, Any] | None) -> dict[str, Any] | None:
        parameters = extra or {}
        if taken := sorted(_OWN_PARAMETERS & parameters.keys()):
            raise ValueError(f"{', '.join(taken)} cannot be set here")
        if not isinstance(seed := parameters.get("seed", 0), int):
            raise ValueError(f"seed: got {seed!r}, expected a whole number")
        return extra

    @model_validator(mode="after")
    def _paths_can_differ(self) -> Self:
        if self.temperature == 0 and self.num_paths > 1:
            raise ValueError(
                f"temperature: got 0 with num_paths {self.num_paths}; without sampling all paths "
                "of a problem are one and the same, so set it above 0, or num_paths to 1"
            )
        return self

    def files(self) -> dict[str, FilePath]:
        return {}

    def paths(
        self, problems: Sequence[Problem], thoughts: Mapping[str, Thought], ledger: FilePath
    ) -> Iterator[Path]:
        """Yield by problem, thought and sample; what is not in the ledger is bought first."""
        requests = self._requests(problems, thoughts)
        with Ledger(ledger) as book:
            self._buy(list(requests.values()), book)
            answers = {
                key: book.answers(request, self.num_paths) for key, request in requests.items()
            }
        for (problem_id, thought), found in answers.items():
            for answer in found:
                yield Path(
                    problem_id=problem_id,
                    thought=thought,
                    sample=answer.sample,
                    text=answer.text,
                    model=answer.model or self.model,
                    finish_reason=answer.finish_reason,
                )

    def _requests(
        self, problems: Sequence[Problem], thoughts: Mapping[str, Thought]
    ) -> dict[tuple[str, str], Request]:
        endpoint = endpoint_identity(self._url())
        shots = load_exemplars()[: self.num_shots]
        requests = {}
        for problem in problems:
            for name, thought in thoughts.items():
                system = {"role": "system", "content": thought.instruction}
                messages = [system, *turns(problem.question, thought, shots)]
                requests[problem.id, name] = Request(
                    endpoint=endpoint,
                    model=self.model,
                    messages=messages,
                    settings=self._settings(),
                )
        return requests

    def _settings(self) -> dict[str, Any]:
        own = {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": self.max_tokens,
        }
        return {key: value for key, value in own.items() if value is not None} | (self.extra or {})

    def _buy(self, requests: Sequence[Request], book: Ledger) -> None:
        wanted = len(requests) * self.num_paths
        missing = self._num_missing(requests, book)
        log.info("teacher: %d answers wanted, %d in the ledger", wanted, wanted - missing)
        if not missing:
            return
        key = self._key()
        with book.buying():
            incomplete = [request for request in requests if book.missing(request, self.num_paths)]
            if incomplete:
                asyncio.run(self._extract(incomplete, book, key))
        if missing := self._num_missing(requests, book):
            log.warning("teacher: %d of %d answers could not be had", missing, wanted)
        if missing == wanted:
            raise TeacherError(f"not one of {wanted} answers could be had from {self._url()}")

    def _num_missing(self, requests: Sequence[Request], book: Ledger) -> int:
        return sum(len(book.missing(request, self.num_paths)) for request in requests)

    async def _extract(self, incomplete: Sequence[Request], book: Ledger, key: str) -> None:
        tally: Counter[str] = Counter()
        async with Client(self._url(), key, self.timeout_s, self.max_retries, tally) as client:
            extraction = Extraction(book, client, self.num_paths, tally)
            await extraction.buy(incomplete, self.concurrency)

    def _url(self) -> str:
        if self.base_url:
            return self.base_url
        url = os.environ.get("OPENAI_BASE_URL") or DEFAULT_URL
        try:
            endpoint_identity(url)
        except ValueError as error:
            raise ValueError(f"environment variable OPENAI_BASE_URL: {error}") from error
        return url

    def _key(self) -> str:
        """The key, which is kept in no field and so reaches no file, log or repr."""
        if key := os.environ.get(self.api_key_env, "").strip():
            return key
        if is_loopback(self._url()):
            return NO_KEY
        raise ValueError(
            f"teacher.api_key_env: the environment variable {self.api_key_env} is not set, and "
            f"{endpoint_identity(self._url())} needs a key; nothing was sent"
        )
