"""A teacher whose server starts itself: an open model, served by vLLM, SGLang, llama.cpp or
`transformers serve` while its answers are bought.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from pydantic import Field, model_validator

from mdexp.students.server_process import running_server, why_no_command
from mdexp.teacher.openai import OpenAITeacher

THIS_MACHINE = "http://127.0.0.1/v1"  # the port is free, and known once the server runs


class ServedTeacher(OpenAITeacher):
    """As OpenAITeacher, of a server that `command` starts. Neither that nor `wait_s` changes an
    answer, so they are in no key."""

    identity: str = Field(min_length=1, exclude=True)
    command: str = Field(exclude=True)
    wait_s: float = Field(gt=0, exclude=True)

    @model_validator(mode="after")
    def _starts_one_server(self) -> Self:
        if self.base_url is not None or self.mode != "online":
            raise ValueError(
                "teacher=served starts its own server: base_url stays null, mode stays online"
            )
        if (why := why_no_command(self.command)) is not None:
            raise ValueError(why)
        return self

    def url(self) -> str:
        return THIS_MACHINE

    @contextmanager
    def reached(self) -> Iterator[str]:
        with (
            TemporaryDirectory() as folder,
            running_server(self.command, self.model, Path(folder) / "log", self.wait_s) as server,
        ):
            yield server.url
