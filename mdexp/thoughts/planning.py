"""Planning tokens (arXiv 2310.05707): a mark before each step says what kind it is.

The kinds are those of the paper's code: the operators of a step, `assignment` where it has none,
and `answer` before the statement. Marks are words in brackets, the paper's "hard" variant, or
`tokens_per_kind` new tokens of the vocabulary for each kind. The paper's further tokens, which all
marks share, are not offered. Brackets are ours. Reading strips the marks, so that a text is read as
the prose that it marks.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mdexp.ports import Done, Seen, Step, Thought, Write
from mdexp.records import Segment, Transcript
from mdexp.thoughts.nested import InnerThought
from mdexp.thoughts.prose_steps import steps_of
from mdexp.transcripts.opening import opening

Kind = Literal["addition", "subtraction", "multiplication", "division", "assignment", "answer"]

_MARKED = re.compile(r"<<(.*?)>>")  # GSM8K's own sums
_OPERATOR = re.compile(r"(?<=[\w)%])\s*([-+−*×/÷])\s*(?=[$(\d.])")
_KINDS: Mapping[str, Kind] = {
    "+": "addition",
    "-": "subtraction",
    "−": "subtraction",
    "*": "multiplication",
    "×": "multiplication",
    "/": "division",
    "÷": "division",
}


class MarkedSteps(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    max_writes: ClassVar[int] = 1
    votes: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = ()
    is_oracle: ClassVar[bool] = False
    shows_results: ClassVar[bool] = False
    unit: ClassVar[Literal["line", "sentence"]] = "sentence"

    instruction: str
    cue: str
    words: dict[Kind, str]  # what a mark calls each kind; one word for all makes them meaningless
    # New tokens for each kind; 0: a mark is words. Left out of keys of runs that have none.
    tokens_per_kind: int = Field(0, ge=0, exclude_if=lambda number: number == 0)
    inner: InnerThought  # the prose that is marked
    inner_name: str = Field(min_length=1)

    @field_validator("words")
    @classmethod
    def _names_every_kind(cls, words: dict[Kind, str]) -> dict[Kind, str]:
        if missing := [kind for kind in get_args(Kind) if not words.get(kind, "").strip()]:
            raise ValueError(f"got no word for {', '.join(missing)}")
        return words

    @property
    def made_from(self) -> Mapping[str, Thought]:
        return {self.inner_name: self.inner}

    @property
    def new_tokens(self) -> Mapping[str, str]:
        """The new tokens, each of which begins as its word; none where marks are words."""
        if not self.tokens_per_kind:
            return {}
        return {token: word for word in self.words.values() for token in self._tokens(word)}

    def next(self, transcript: Transcript, seen: Seen) -> Step:
        step = self.inner.next(self._unmarked(transcript), seen)
        return Write(cue=self.cue, stop=step.stop) if isinstance(step, Write) else step

    def exemplar(self, row: Mapping[str, Any]) -> tuple[Segment, ...]:
        return self._with_marks(self.inner.exemplar(row))

    def lesson(self, transcript: Transcript, done: Done) -> tuple[Segment, ...]:
        return self._with_marks(self.inner.lesson(transcript, done))

    def _with_marks(self, segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
        question, _, text = segments
        *steps, statement = steps_of(text.text)
        marked = [self._marked(step, kinds_of(step)) for step in steps]
        text_marked = "".join([*marked, self._marked(statement, ["answer"])])
        return (*opening(question.text, self.cue), replace(text, text=text_marked))

    def _marked(self, step: str, kinds: list[Kind]) -> str:
        said = step.lstrip()
        space = step[: len(step) - len(said)]
        words = [self.words[kind] for kind in kinds]
        if not self.tokens_per_kind:
            return f"{space}[{' '.join(words)}] {said}"
        return f"{space}{''.join(token for word in words for token in self._tokens(word))} {said}"

    def _tokens(self, word: str) -> list[str]:
        """The new tokens of a kind, in order."""
        if self.tokens_per_kind == 1:
            return [f"[{word}]"]
        return [f"[{word} {number}]" for number in range(1, self.tokens_per_kind + 1)]

    def _unmarked(self, transcript: Transcript) -> Transcript:
        segments = tuple(
            replace(s, text=self._mark.sub("", s.text)) if s.author == "writer" else s
            for s in transcript.segments
        )
        return replace(transcript, segments=segments)

    @cached_property
    def _mark(self) -> re.Pattern[str]:
        word = "|".join(map(re.escape, sorted(self.words.values())))
        if self.tokens_per_kind:
            return re.compile(rf"(?:\[(?:{word})(?: \d+)?\])+ ?")
        return re.compile(rf"\[(?:{word})(?: (?:{word}))*\] ?")


def kinds_of(step: str) -> list[Kind]:
    """The operators of a step in order, each once: of the sums that it marks, else of its text."""
    sums = " ".join(_MARKED.findall(step)) or step
    found = list(dict.fromkeys(_KINDS[operator] for operator in _OPERATOR.findall(sums)))
    return found or ["assignment"]
