"""A thought within another: its field in the yaml, and the part of a transcript that it sees."""

from dataclasses import replace
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, SkipValidation

from mdexp.ports import Thought
from mdexp.ports.parts import built, described
from mdexp.records import Segment, Transcript

# A field that a yaml fills with another thought: `inner: {_target_: ..., cue: ...}`.
InnerThought = Annotated[
    SkipValidation[Thought], BeforeValidator(built), PlainSerializer(lambda inner: described(inner))
]


def from_write(transcript: Transcript, number: int) -> Transcript:
    """The transcript as an inner thought sees it: the question, then all from text
    `number` (from 0) on."""
    places = [n for n, s in enumerate(transcript.segments) if s.author == "writer"]
    start = places[number] if number < len(places) else len(transcript.segments)
    return replace(transcript, segments=(transcript.segments[0], *transcript.segments[start:]))


def as_next_turn(segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
    """An inner thought's exemplar or lesson without its question, as a further turn."""
    _, cue, *texts = segments
    return (replace(cue, text=cue.text.removeprefix("\n"), turn="user"), *texts)
