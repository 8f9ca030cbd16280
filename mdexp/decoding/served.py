"""Decodes with a server that the run starts itself: the student is exported, served and asked, and
the server is stopped, both before and after training."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, model_validator

from mdexp.config.blocks import Count, DecodingSettings
from mdexp.decoding.straight import StraightDecoding
from mdexp.ports import Done, Executor, Thought
from mdexp.records import Output, Problem, TranscriptKey
from mdexp.students.server_process import running_server, why_no_command

if TYPE_CHECKING:
    from mdexp.decoding.student_writer import StudentWriter

FOLDER = "served"  # within the stage's folder, while it runs


class ServedDecoding(DecodingSettings):
    """As StraightDecoding with engine=openai, of a server that `command` starts. Nothing of where
    it runs is in the key of a stage: `servers` and `wait_s` change no answer."""

    command: str
    servers: Count = Field(1, exclude=True)
    wait_s: float = Field(600.0, gt=0, exclude=True)

    @model_validator(mode="after")
    def _names_no_server(self) -> Self:
        if self.engine != "openai" or self.base_url is not None or self.served is not None:
            raise ValueError(
                "decoding=served starts its own server: engine stays openai, base_url and served "
                "stay null"
            )
        return self

    def why_not(self, thoughts: Mapping[str, Thought], kind: str) -> str | None:
        return self._asking((), "").why_not(thoughts, kind) or why_no_command(self.command)

    def untrained(self) -> "ServedDecoding":
        return self

    def with_choice(self, counts: Mapping[str, Any]) -> "ServedDecoding":
        return self

    def solve(
        self,
        problems: Sequence[Problem],
        thoughts: Mapping[str, Thought],
        writer: "StudentWriter",
        executor: Executor,
        found: Mapping[TranscriptKey, Done],
    ) -> tuple[list[Output], dict[str, Any]]:
        asking: StraightDecoding = writer.opened.once(FOLDER, lambda: self._serving(writer))
        return asking.solve(problems, thoughts, writer, executor, found)

    @contextmanager
    def _serving(self, writer: "StudentWriter") -> Iterator[StraightDecoding]:
        """Servers of the writer's student, and what asks them."""
        from mdexp.students.load import save_folder

        kept = writer.work.kept
        with ExitStack() as until_end:
            # Beside what the stage writes: a killed run leaves its weights where the next one goes.
            place = kept.file.parent if kept else until_end.enter_context(TemporaryDirectory())
            folder = Path(place) / FOLDER
            shutil.rmtree(folder, ignore_errors=True)
            until_end.callback(shutil.rmtree, folder, ignore_errors=True)
            save_folder((writer.model, writer.renderer.tokenizer), folder / "model")
            model: Any = writer.model
            model.to("cpu")  # the device is the server's now; only the probe reads on
            running = [
                until_end.enter_context(
                    running_server(
                        self.command,
                        folder / "model",
                        folder / f"{number}.log",
                        self.wait_s,
                        number,
                    )
                )
                for number in range(self.servers)
            ]
            yield self._asking([server.url for server in running], running[0].model)

    def _asking(self, urls: Sequence[str], served: str) -> StraightDecoding:
        shared = self.model_dump(include=set(DecodingSettings.model_fields))
        return StraightDecoding(**shared | {"base_url": tuple(urls), "served": served})
