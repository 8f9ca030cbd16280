"""Step-wise beam search with verification, after PaD (Zhu et al. 2023, arXiv 2305.13888).

Beams grow a step at a time. After each step the text so far is checked (thoughts/steps.py); a step
that raises ends its beam, and the others are ranked (beam_state.py) and the best kept
(beam_selection.py). All problems are searched at the same time, each at its own pace: the steps of
one are judged while those of others are written.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
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
    """What a search needs of a ContinuousBatch."""

    @property
    def renderer(self) -> Renderer: ...

    def ask(
        self,
        name: str,
        requests: Sequence[DecodingRequest],
        texts: Sequence[CachedText],
        max_new_tokens: int,
    ) -> None: ...

    def answered(self) -> Iterator[Mapping[str, Sequence[Written]]]: ...


def search(
    batch: Writes,
    questions: Sequence[Asked],
    beam: BeamSettings,
    limits: DecodingLimits,
    executor: Executor,
    relevance: Relevance,
    scores: PrefixScoring | None = None,
) -> list[Search]:
    """Search for each question, a step at a time. A question may be there several times, with other
    weights: these searches advance together, and what two of them have in common is written once.
    No question waits for the steps of another. `relevance` and `scores` (log-odds of prefixes) are
    asked of searches that weigh them."""
    searches = [Search(asked=asked) for asked in questions]
    of_problem: dict[str, list[Search]] = {}
    for one in searches:
        of_problem.setdefault(one.asked.problem, []).append(one)
    for problem, ours in of_problem.items():
        _ask(batch, problem, _branches(ours, beam.branches), 0, limits)
    steps: Counter[str] = Counter()
    for answered in batch.answered():
        children = [
            (s, _grown(batch.renderer, s.asked, old, found, limits.max_new_tokens))
            for problem, written in answered.items()
            for (s, old, *_), found in zip(
                _branches(of_problem[problem], beam.branches), written, strict=True
            )
        ]
        select_beams(children, beam.width, executor, relevance, scores)
        for problem in answered:
            steps[problem] += 1
            branches = _branches(of_problem[problem], beam.branches)
            if branches and steps[problem] < beam.max_steps:
                _ask(batch, problem, branches, steps[problem], limits)
    return searches


def _branches(searches: Sequence[Search], number: int) -> list[tuple[Search, Beam, int, int]]:
    """Each open beam with its search and its place there, `number` times: the branches to write."""
    return [
        (s, beam, place, branch)
        for s in searches
        for place, beam in enumerate(s.open_beams())
        for branch in range(number)
    ]


def _ask(
    batch: Writes,
    problem: str,
    branches: Sequence[tuple[Search, Beam, int, int]],
    step: int,
    limits: DecodingLimits,
) -> None:
    """Ask for the next step of a problem's beams. It may be as long as the shortest allows."""
    requests = [_request(s.asked, beam, step, place, branch) for s, beam, place, branch in branches]
    beams = [beam for _, beam, *_ in branches]
    spent = min(len(beam.token_ids) for beam in beams)
    most = max(1, limits.max_new_tokens - spent)
    batch.ask(problem, requests, [beam.read for beam in beams], most)


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
