"""Step-wise beam search with verification, after PaD (Zhu et al. 2023, arXiv 2305.13888).

Beams grow a step at a time. After each step the text so far is checked (thoughts/steps.py); a step
that raises ends its beam, and the others are ranked (beam_state.py) and the best kept
(beam_selection.py). Beams of all problems advance together. A session keeps what was read of them.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from mdexp.config.blocks import BeamSettings
from mdexp.decoding.beam_selection import PrefixScoring, select_beams
from mdexp.decoding.beam_state import Asked, Beam, Search
from mdexp.decoding.cached_text import CachedText
from mdexp.decoding.relevance import Relevance
from mdexp.decoding.request import DecodingLimits, DecodingRequest
from mdexp.decoding.session import EMPTY, Written
from mdexp.ports import Executor
from mdexp.students.prompts import Renderer
from mdexp.thoughts.steps import OneStep


class Writes(Protocol):
    """What a search needs of a session."""

    @property
    def renderer(self) -> Renderer: ...

    def write(
        self,
        requests: Sequence[DecodingRequest],
        texts: Sequence[CachedText],
        limits: DecodingLimits,
    ) -> list[Written]: ...


def search(
    session: Writes,
    questions: Sequence[Asked],
    beam: BeamSettings,
    limits: DecodingLimits,
    executor: Executor,
    relevance: Relevance,
    scores: PrefixScoring | None = None,
) -> list[Search]:
    """Search for each question, all of them a step at a time. A question may be there several
    times, with other weights: what two such searches have in common is written once. `relevance`
    and `scores` (log-odds of prefixes) are asked of searches that weigh them."""
    searches = [Search(asked=asked) for asked in questions]
    for number in range(beam.max_steps):
        grown = [(s, old) for s in searches for old in s.open_beams()]
        if not grown:
            break
        requests = [
            _request(s.asked, old, number, place, branch)
            for place, (s, old) in _with_places(grown)
            for branch in range(beam.branches)
        ]
        parents = [pair for pair in grown for _ in range(beam.branches)]
        spent = min(len(old.token_ids) for _, old in grown)
        room = replace(limits, max_new_tokens=max(1, limits.max_new_tokens - spent))
        written = session.write(requests, [old.read for _, old in parents], room)
        children = [
            (s, _grown(session.renderer, s.asked, old, found, limits.max_new_tokens))
            for (s, old), found in zip(parents, written, strict=True)
        ]
        select_beams(children, beam.width, executor, relevance, scores)
    return searches


def _with_places(
    grown: Sequence[tuple[Search, Beam]],
) -> list[tuple[int, tuple[Search, Beam]]]:
    """Each beam with its index among those of its own question, so that results do not depend on
    others."""
    places: dict[int, int] = {}
    found = []
    for pair in grown:
        place = places.get(id(pair[0]), 0)
        places[id(pair[0])] = place + 1
        found.append((place, pair))
    return found


def _request(asked: Asked, beam: Beam, number: int, place: int, branch: int) -> DecodingRequest:
    return DecodingRequest(
        prompt_ids=[*asked.prompt_ids, *beam.token_ids],
        problem=asked.problem,
        stop=OneStep(asked.thought).complete,
        sample=branch,
        stream=f"{asked.stream}/step {number}/beam {place}/{branch}",
    )


def _grown(renderer: Renderer, asked: Asked, beam: Beam, written: Written, budget: int) -> Beam:
    """A beam with one more step; tokens written after the step's end are dropped."""
    answer, read = written
    ids = answer.token_ids
    at_end = bool(ids) and ids[-1] == renderer.tokenizer.eos_token_id
    kept = len(ids) if at_end else _tokens_of_step(renderer, OneStep(asked.thought), ids)
    token_ids = (*beam.token_ids, *ids[:kept])
    text = renderer.text(token_ids)
    whole = asked.stop(text)
    finished = at_end or whole is not None
    ended = finished or not answer.finished or len(token_ids) >= budget
    return replace(
        beam,
        token_ids=token_ids,
        logprobs=(*beam.logprobs, *answer.logprobs[:kept]),
        text=text if whole is None else whole,
        finished=finished,
        ended=ended,
        read=EMPTY if ended else read,
    )


def _tokens_of_step(renderer: Renderer, step: OneStep, ids: Sequence[int]) -> int:
    """How many tokens it takes until the step is complete; all, where it is not."""
    count = len(ids)
    while count > 1 and step.complete(renderer.text(ids[: count - 1])) is not None:
        count -= 1
    return count
