"""Label: the answer alone, without reasoning. The baseline that every thought has to beat."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from mdexp.answers import plain
from mdexp.ports import Reading
from mdexp.records import Answer, Expected
from mdexp.thoughts.prose import cut_run_on, stated_answer, up_to_answer


class Label(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    instruction: str
    cue: str

    def exemplar(self, row: Mapping[str, Any]) -> str:
        return self.target("", row["answer"])

    def read(self, text: str, expected: Expected) -> Reading:
        text = cut_run_on(text)
        return Reading(text="", answer=stated_answer(text))

    def complete(self, text: str, expected: Expected) -> str | None:
        return up_to_answer(text)

    def target(self, text: str, answer: Answer) -> str:
        return f"The answer is {plain(answer)}."
