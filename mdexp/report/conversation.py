"""Shows a transcript as a conversation: who wrote what, what was run, and what came back."""

from collections.abc import Sequence
from itertools import pairwise

from mdexp.records import Segment


def conversation_turns(segments: Sequence[Segment]) -> list[tuple[str, str]]:
    """The turns of a transcript of several texts, for people: texts with their tokens, the outcome
    of each run, and what the writer was asked or read."""
    return [_turn(before, segment) for before, segment in pairwise((None, *segments)) if segment]


def _turn(before: Segment | None, segment: Segment) -> tuple[str, str]:
    match segment.author:
        case "writer":
            tokens = f", {segment.num_tokens} tokens" if segment.num_tokens else ""
            cut = "" if segment.finished else ", cut short"
            return f"{segment.role}{tokens}{cut}", segment.text
        case "executor":
            status = segment.result.status if segment.result else ""
            return f"sandbox, ran what was written: {status}", _found(segment)
        case "cue" if before and before.author == "executor" and segment.turn is None:
            return "read by the student", segment.text.strip()
        case _:
            return "asked", segment.text.strip()


def _found(segment: Segment) -> str:
    answer = segment.result.answer if segment.result else None
    return segment.text or ("" if answer is None else str(answer))
