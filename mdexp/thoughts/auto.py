"""The student chooses how to reason (SIKeD, Adarsh et al. 2024, arXiv 2410.18574).

A text begins with a tag that names one of several thoughts, and goes on as that thought's:

    [pot]
    ans = 3 + 4

Lessons are made of the teacher's paths of those thoughts, and in later rounds of the student's own.
The paper's targets begin `[pot]: ...`; the words of the cue are ours. At test time the choice is
the student's; that it is free while own paths are written, too, is ours: the paper writes as many
of each thought.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from mdexp.ports import Done, Seen, Step, Thought, Write
from mdexp.records import Segment, Transcript
from mdexp.thoughts.nested import InnerThought
from mdexp.transcripts.opening import first_cue

_TAG = re.compile(r"\s*\[([^\[\]\n]*)\]:?[ \t]*\n?")
_NO_TAG = "the text does not begin with [{names}]"


class StudentsChoice(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    votes: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = ()
    is_oracle: ClassVar[bool] = False
    unit: ClassVar[Literal["line", "sentence"]] = "line"

    instruction: str
    cue: str
    among: dict[str, InnerThought] = Field(min_length=2)

    @property
    def shows_results(self) -> bool:
        return any(thought.shows_results for thought in self.among.values())

    @property
    def max_writes(self) -> int:
        return max(thought.max_writes for thought in self.among.values())

    @property
    def made_from(self) -> Mapping[str, Thought]:
        return self.among

    def chosen(self, text: str) -> tuple[str, str]:
        """The thought that a text names, and what it says as that; ("", text) if it names none."""
        tag = _TAG.match(text)
        if tag is None or tag[1].strip() not in self.among:
            return "", text
        return tag[1].strip(), text[tag.end() :]

    def next(self, transcript: Transcript, seen: Seen) -> Step:
        texts = transcript.by("writer")
        if not texts:
            return Write(cue=self.cue, stop=lambda text: self._complete(text, transcript, seen))
        name, _ = self.chosen(texts[0].text)
        if not name:
            error = _NO_TAG.format(names="], [".join(self.among))
            return Done(text=texts[0].text, answer=None, status="no_answer", error=error)
        step = self.among[name].next(self._without_tag(transcript), seen)
        return replace(step, text=_tagged(name, step.text)) if isinstance(step, Done) else step

    def exemplar(self, row: Mapping[str, Any]) -> tuple[Segment, ...]:
        return ()  # an exemplar is of one thought

    def lesson(self, transcript: Transcript, done: Done) -> tuple[Segment, ...]:
        """The lesson of a teacher's path of one of the thoughts, or of the student's own path,
        which has a tag."""
        name, text = transcript.thought, done.text
        if name not in self.among:
            name, text = self.chosen(done.text)
            transcript = self._without_tag(transcript)
        inner = self.among[name].lesson(transcript, replace(done, text=text))
        if not inner:
            return ()
        question, _, first, *rest = inner
        return (
            question,
            first_cue(self.cue),
            replace(first, text=_tagged(name, first.text)),
            *rest,
        )

    def _complete(self, text: str, transcript: Transcript, seen: Seen) -> str | None:
        """A growing text once it is whole; one without a tag ends with its first line."""
        name, rest = self.chosen(text)
        if not name:
            first, end, _ = text.lstrip().partition("\n")
            return first if end else None
        begin = self.among[name].next(transcript, seen)
        assert isinstance(begin, Write), "a thought begins with a text"
        whole = begin.stop(rest)
        return None if whole is None else text[: len(text) - len(rest)] + whole

    def _without_tag(self, transcript: Transcript) -> Transcript:
        """The transcript as the chosen thought would have it."""
        segments = list(transcript.segments)
        for place, segment in enumerate(segments):
            if segment.author == "writer":
                segments[place] = replace(segment, text=self.chosen(segment.text)[1])
                break
        return replace(transcript, segments=tuple(segments))


def _tagged(name: str, text: str) -> str:
    return f"[{name}]\n{text}"
