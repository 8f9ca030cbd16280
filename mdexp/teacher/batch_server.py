"""The Batch API of a server: upload files, start, find and poll batches, download their results."""

import logging
from dataclasses import dataclass
from types import TracebackType
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field

from mdexp.teacher.batch_connection import BatchConnection
from mdexp.teacher.retry import TeacherError, Unanswered

log = logging.getLogger(__name__)

TOKEN = "mdexp"  # the key of our token in a batch's metadata
MAX_FILE_BYTES = 536_870_912  # of results; the Files API takes no larger ones
FILE_DEADLINE_S = 3600.0  # for an upload or a download
LISTED_WITHIN_S = 10.0  # a batch whose creation was not confirmed is in the server's list by then
_ENDED = ("completed", "failed", "expired", "cancelled", "not found")


class UnknownStart(TeacherError):
    """The start of a batch was requested, and the server does not say whether it has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The state of a batch at the server; `not found` if the server no longer knows it. `files`
    hold results; `detail` is why it failed."""

    status: str
    num_done: int
    num_lines: int
    files: tuple[str, ...]
    detail: str

    @property
    def ended(self) -> bool:
        return self.status in _ENDED


# The server's name of a file or batch, which goes into the ledger and into addresses.
_Name = Annotated[str, Field(pattern=r"^[!-~]{1,200}$")]


class _File(BaseModel):
    id: _Name


class _Batch(BaseModel):
    """A batch as a server describes it. Fields that only inform are checked where they are
    shown."""

    id: _Name
    status: str = Field(max_length=100)
    output_file_id: _Name | None = None
    error_file_id: _Name | None = None
    request_counts: Any = None
    errors: Any = None


class _Page(BaseModel):
    data: list[Any]
    has_more: Any = None


class BatchServer:
    """A server and a key; a context manager. Methods raise TeacherError where it cannot go on."""

    def __init__(self, base_url: str, key: str, timeout_s: float, max_retries: int) -> None:
        self._to = BatchConnection(base_url, key, timeout_s, max_retries)
        self._sdk = self._to.sdk

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._to.close()

    def submit(self, lines: str, path: str, token: str) -> str:
        """Upload calls and start their batch; return its name. It is never started twice: if the
        answer is lost, the server is asked for the token. UnknownStart if that is not answered
        either."""
        named = (f"{token}.jsonl", lines.encode())
        upload = self._sdk.files.with_streaming_response.create
        file = self._to.patiently(
            lambda: _File.model_validate(
                self._to.json(lambda: upload(file=named, purpose="batch"), FILE_DEADLINE_S)
            )
        )
        is_unknown = False

        def start() -> str:
            nonlocal is_unknown
            if is_unknown and (there := self._look_for(token)):
                return there
            is_unknown = True  # until the server says that it made it, or that it did not
            try:
                return self._to.judged(lambda: self._create(file.id, path, token))
            except TeacherError:
                is_unknown = False
                raise
            except Unanswered as error:
                is_unknown = error.kind != "HTTP 429"
                raise

        try:
            return self._to.patiently(start, lambda: LISTED_WITHIN_S if is_unknown else 0.0)
        except TeacherError as error:
            if is_unknown:
                raise UnknownStart(str(error)) from None
            raise

    def find(self, token: str) -> str | None:
        """The name of the batch with this token, if the server has it."""
        return self._to.patiently(lambda: self._look_for(token))

    def state(self, name: str) -> State:
        batch = self._to.patiently(lambda: self._retrieved(name))
        if batch is None:
            return State(status="not found", num_done=0, num_lines=0, files=(), detail="")
        done = [_number(batch.request_counts, key) for key in ("completed", "failed")]
        return State(
            status=batch.status,
            num_done=sum(done),
            num_lines=_number(batch.request_counts, "total"),
            files=tuple(f for f in (batch.output_file_id, batch.error_file_id) if f),
            detail=self._to.shown("; ".join(_reasons(batch.errors))),
        )

    def content(self, file: str) -> str:
        """A file of results; empty if the server no longer has it. One that is too long is cut."""
        received = self._to.patiently(lambda: self._downloaded(file))
        if len(received) > MAX_FILE_BYTES:
            log.warning("teacher: file %s has more than %d bytes: cut", file, MAX_FILE_BYTES)
            received = received[:MAX_FILE_BYTES]
        return self._to.without_key(received.decode("utf-8", "replace"))

    def _create(self, file: str, path: str, token: str) -> str:
        endpoint: Any = f"/v1{path}"
        created = self._to.json(
            lambda: self._sdk.batches.with_streaming_response.create(
                input_file_id=file,
                endpoint=endpoint,
                completion_window="24h",
                metadata={TOKEN: token},
            )
        )
        return _Batch.model_validate(created).id

    def _retrieved(self, name: str) -> _Batch | None:
        import openai

        try:
            return _Batch.model_validate(
                self._to.json(lambda: self._sdk.batches.with_streaming_response.retrieve(name))
            )
        except openai.NotFoundError:
            return None

    def _downloaded(self, file: str) -> bytes:
        import openai

        content = self._sdk.files.with_streaming_response.content
        try:
            return self._to.received(lambda: content(file), MAX_FILE_BYTES, FILE_DEADLINE_S)
        except openai.NotFoundError:
            log.warning("teacher: the server no longer has the result file %s", file)
            return b""

    def _look_for(self, token: str) -> str | None:
        """The name of the batch with this token, or None; a server without a Batch API has none."""
        import openai

        after: Any = openai.NOT_GIVEN
        while True:
            try:
                page = self._page(after)
            except openai.NotFoundError:
                return None
            batches = [entry for entry in page.data if isinstance(entry, dict)]
            for entry in batches:
                metadata = entry.get("metadata")
                if isinstance(metadata, dict) and metadata.get(TOKEN) == token:
                    return _Batch.model_validate(entry).id
            if page.has_more is not True:
                return None
            last = batches[-1].get("id") if batches else None
            if last in (None, after):
                raise ValueError("a list of batches whose next page does not advance")
            after = last

    def _page(self, after: Any) -> _Page:
        """The batches of the account behind `after`, a hundred at most."""
        pages = self._sdk.batches.with_streaming_response
        return _Page.model_validate(self._to.json(lambda: pages.list(limit=100, after=after)))


def _number(counts: Any, key: str) -> int:
    """A count as a server gives it; 0 where it gives none."""
    number = counts.get(key) if isinstance(counts, dict) else None
    return number if isinstance(number, int) and number >= 0 else 0


def _reasons(errors: Any) -> list[str]:
    reasons = errors.get("data") if isinstance(errors, dict) else None
    return [
        f"{reason.get('code')}: {reason.get('message')}"
        for reason in (reasons if isinstance(reasons, list) else [])
        if isinstance(reason, dict)
    ]
