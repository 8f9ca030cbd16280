"""The Batch API of a server: files and batches, each step repeated while its failure may pass."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from mdexp.teacher.client import NO_KEY
from mdexp.teacher.retry import TeacherError, Unanswered, judge_status, pause_s

if TYPE_CHECKING:
    from openai.types import Batch as SdkBatch

log = logging.getLogger(__name__)

TOKEN = "mdexp"  # the key of our token in a batch's metadata
_ENDED = ("completed", "failed", "expired", "cancelled", "not found")
_MAX_DETAIL_CHARS = 300
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How far a batch is at the server, which may not know it any more (`not found`). `files` hold
    results; `detail` is why it failed."""

    status: str
    num_done: int
    num_lines: int
    files: tuple[str, ...]
    detail: str

    @property
    def ended(self) -> bool:
        return self.status in _ENDED


class BatchServer:
    """A server and a key; a context manager. Methods raise TeacherError where it cannot go on."""

    def __init__(self, base_url: str, key: str, timeout_s: float, max_retries: int) -> None:
        from openai import OpenAI

        for name in ("httpx2", "openai"):
            logging.getLogger(name).setLevel(logging.WARNING)  # a line a request
        self._sdk = OpenAI(base_url=base_url, api_key=key, timeout=timeout_s, max_retries=0)
        self._key, self._max_retries = key, max_retries

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._sdk.close()

    def hand_in(self, lines: str, path: str, token: str) -> str:
        """Upload calls and start their batch; give its name. Never starts it twice: where an answer
        is lost, the server is asked for the token."""
        named = (f"{token}.jsonl", lines.encode())
        file = self._patiently(lambda: self._sdk.files.create(file=named, purpose="batch"))
        tried = False

        def start() -> str:
            nonlocal tried
            if tried and (there := self._look_for(token)):
                return there
            tried = True
            endpoint: Any = f"/v1{path}"
            batch = self._sdk.batches.create(
                input_file_id=file.id,
                endpoint=endpoint,
                completion_window="24h",
                metadata={TOKEN: token},
            )
            return batch.id

        return self._patiently(start)

    def find(self, token: str) -> str | None:
        """The name of the batch with this token, if the server has it."""
        return self._patiently(lambda: self._look_for(token))

    def state(self, name: str) -> State:
        batch = self._patiently(lambda: self._retrieved(name))
        if batch is None:
            return State(status="not found", num_done=0, num_lines=0, files=(), detail="")
        counts = batch.request_counts
        reasons = (batch.errors.data or []) if batch.errors else []
        return State(
            status=batch.status,
            num_done=counts.completed + counts.failed if counts else 0,
            num_lines=counts.total if counts else 0,
            files=tuple(f for f in (batch.output_file_id, batch.error_file_id) if f),
            detail=self._shown("; ".join(f"{r.code}: {r.message}" for r in reasons)),
        )

    def content(self, file: str) -> str:
        """A file of results."""
        return self._without_key(self._patiently(lambda: self._sdk.files.content(file).text))

    def _retrieved(self, name: str) -> "SdkBatch | None":
        import openai

        try:
            return self._sdk.batches.retrieve(name)
        except openai.NotFoundError:
            return None

    def _look_for(self, token: str) -> str | None:
        batches = self._sdk.batches.list(limit=100)
        return next((b.id for b in batches if (b.metadata or {}).get(TOKEN) == token), None)

    def _patiently(self, step: Callable[[], _T]) -> _T:
        num_failures = 0
        while True:
            try:
                return self._judged(step)
            except Unanswered as error:
                num_failures += 1
                pause = pause_s(error, num_failures)
                if pause is None or num_failures > self._max_retries:
                    raise TeacherError(f"the Batch API does not answer: {error}") from None
                log.warning("teacher: %s; trying again", error)
                time.sleep(pause)

    def _judged(self, step: Callable[[], _T]) -> _T:
        import openai

        try:
            return step()
        # `from None`: the SDK's errors hold the request, and that holds the key.
        except openai.APIStatusError as error:
            detail, codes = self._shown(error.message), (error.code, error.type)
            raise judge_status(error.status_code, codes, detail, error.response.headers) from None
        except openai.APIError as error:
            raise Unanswered("no connection", self._shown(str(error)), charged=False) from None

    def _shown(self, text: str) -> str:
        return self._without_key(text)[:_MAX_DETAIL_CHARS]

    def _without_key(self, text: str) -> str:
        return text if self._key == NO_KEY else text.replace(self._key, "[key]")
