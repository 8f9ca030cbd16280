"""A teacher whose server the run starts itself: vLLM, SGLang, llama.cpp or `transformers serve`
serves an open model while its answers are bought."""

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
    """An OpenAITeacher with a server that `command` starts. Neither `command` nor `wait_s` changes
    an answer, so they are not in keys."""

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

    def server_says(self) -> str:
        return "not started yet"

    @contextmanager
    def reached(self) -> Iterator[str]:
        with (
            TemporaryDirectory() as folder,
            running_server(self.command, self.model, Path(folder) / "log", self.wait_s) as server,
        ):
            yield server.url
