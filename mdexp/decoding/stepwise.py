"""Step-wise beam search with verification, after PaD (Zhu et al. 2023, arXiv 2305.13888).

Beams grow a step at a time. After each the text so far is checked (steps.py); a step that raises
ends its beam, and the others are ranked by

    mean log-probability per token + w_run * share of the steps that run
    + w_new * share that bind a new value + w_use * share of the question's numbers used
    + w_relevance * mean relevance of the steps to the question (relevance.py)
    + w_score * log of the chance that the text leads to a right answer (prefix_scores.py)

The last two, PaD's own and that of the run's scorer, are worked out only where they have a weight.
Beams of all problems advance together. A session keeps what was read of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from mdexp.config.blocks import BeamSettings
from mdexp.decoding.cached_text import CachedText
from mdexp.decoding.relevance import Relevance
from mdexp.decoding.request import DecodingLimits, DecodingRequest
from mdexp.decoding.session import EMPTY, Written
from mdexp.ports import Executor, Thought
from mdexp.students.prefix_states import Prefix
from mdexp.students.prompts import Renderer
from mdexp.thoughts.steps import Checked, OneStep, check, numbers

# Of run, new, use; of relevance and of the score where these have one.
Weights = tuple[float, ...]


PrefixScoring = Callable[[Sequence[Prefix]], Sequence[float]]  # log-odds, nats


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question put with a thought. `stream` names its random numbers, `weights` rank beams, and
    `opening` is an opening tag of thinking with which the prompt ends."""

    question: str
    problem: str
    thought: Thought
    stop: Callable[[str], str | None]
    prompt_ids: Sequence[int]
    stream: str
    weights: Weights
    opening: str = ""

    @property
    def weighs_relevance(self) -> bool:
        return any(self.weights[3:4])

    @property
    def weighs_score(self) -> bool:
        return any(self.weights[4:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Beam:
    """A text under way. `trace` has one row a step."""

    token_ids: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    text: str = ""
    trace: tuple[dict[str, Any], ...] = ()
    values: frozenset[str] = frozenset()
    used: float = 0.0  # share of the question's numbers
    finished: bool = False  # its text is whole
    ended: bool = False  # no step can follow: whole, failed, or out of tokens
    failed: bool = False
    read: CachedText = EMPTY  # of an open beam: it goes on behind what was read

    def score(self, weights: Weights) -> float:
        """The higher the better; 0 without any step."""
        if not self.trace:
            return 0.0
        run, new, use, *more = weights
        parts = self.parts()
        weighted = run * parts["ran"] + new * parts["new"] + use * parts["used"]
        further = zip(more, ("relevance", "chance"), strict=False)
        related = sum(weight * parts.get(name, 0.0) for weight, name in further)
        return parts["logprob"] + weighted + related

    def parts(self) -> dict[str, float]:
        """What the score is made of: nats a token, shares of the steps, of the numbers; nats a step
        of relevance and nats of the scorer's chance, if these are weighed."""
        steps = len(self.trace)
        near = [step["relevance"] for step in self.trace if "relevance" in step]
        return {
            "logprob": sum(self.logprobs) / len(self.logprobs) if self.logprobs else 0.0,
            "ran": sum(step["status"] == "ran" for step in self.trace) / steps,
            "new": sum(step["new"] for step in self.trace) / steps,
            "used": self.used,
            **({"relevance": sum(near) / len(near)} if near else {}),
            **{name: step for name, step in self.trace[-1].items() if name == "chance"},
        }


@dataclass(slots=True, kw_only=True)
class Search:
    """The beams of one question, the best first, and counts of what was tried for it."""

    asked: Asked
    beams: list[Beam] = field(default_factory=lambda: [Beam()])
    failed: list[Beam] = field(default_factory=list)
    counts: dict[str, int] = field(
        default_factory=lambda: {"rounds": 0, "candidates": 0, "ran": 0, "failed": 0}
    )

    def open_beams(self) -> list[Beam]:
        return [beam for beam in self.beams if not beam.ended]

    def score(self, beam: Beam) -> float:
        return beam.score(self.asked.weights)

    def result(self) -> list[Beam]:
        """The complete texts first; if every beam failed, the failed ones."""
        return sorted(self.beams, key=lambda beam: not beam.finished) or self.failed[:1]


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
        _select(children, beam.width, executor, relevance, scores)
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


def _select(
    children: Sequence[tuple[Search, Beam]],
    width: int,
    executor: Executor,
    relevance: Relevance,
    scores: PrefixScoring | None,
) -> None:
    """Check all new steps in one batch, then keep the best beams of every question."""
    found = check(
        [(s.asked.thought, s.asked.opening + beam.text) for s, beam in children], executor
    )
    near = _relevance_of(children, relevance)
    chances = _chances_of(children, scores)
    grown: dict[int, tuple[Search, dict[str, Beam]]] = {}
    for place, ((s, beam), checked) in enumerate(zip(children, found, strict=True)):
        s.counts["candidates"] += 1
        s.counts["ran"] += checked.status == "ran"
        s.counts["failed"] += checked.status == "failed"
        _, distinct = grown.setdefault(id(s), (s, {}))
        distinct.setdefault(
            f"{beam.finished}{beam.text}",
            _judged(s.asked, beam, checked, near.get(place), chances.get(place)),
        )
    for s, distinct in grown.values():
        s.counts["rounds"] += 1
        kept = [old for old in s.beams if old.ended] + list(distinct.values())
        kept.sort(key=s.score, reverse=True)
        s.failed += [beam for beam in kept if beam.failed]
        s.beams = [beam for beam in kept if not beam.failed][:width]


def _relevance_of(
    children: Sequence[tuple[Search, Beam]], relevance: Relevance
) -> dict[int, float]:
    """The relevance of the new step of each child, by place; of an empty step, which only ends a
    text, and in a search that does not weigh it, none."""
    weighed = {
        place: (s.asked.question, step)
        for place, (s, beam) in enumerate(children)
        if s.asked.weighs_relevance and (step := _new_text(beam)).strip()
    }
    return dict(zip(weighed, relevance(list(weighed.values())), strict=True)) if weighed else {}


def _chances_of(
    children: Sequence[tuple[Search, Beam]], scores: PrefixScoring | None
) -> dict[int, float]:
    """The log of the chance that each child leads to a right answer, by place; in a search that
    does not weigh it, none."""
    weighed = {
        place: Prefix(tuple(s.asked.prompt_ids), beam.token_ids)
        for place, (s, beam) in enumerate(children)
        if s.asked.weighs_score
    }
    if not weighed:
        return {}
    assert scores is not None, "judged"
    found = scores(list(weighed.values()))
    return {
        place: -float(np.logaddexp(0, -odds)) for place, odds in zip(weighed, found, strict=True)
    }


def _new_text(beam: Beam) -> str:
    """What a beam says behind the steps of its trace."""
    return beam.text[sum(len(step["text"]) for step in beam.trace) :]


def _judged(
    asked: Asked, beam: Beam, checked: Checked, relevance: float | None, chance: float | None
) -> Beam:
    """The beam with its new step in the trace."""
    failed = checked.status == "failed"
    new = checked.value is not None and checked.value not in beam.values
    row: dict[str, Any] = {
        "text": _new_text(beam),
        "status": checked.status,
        "value": checked.value,
        "new": new,
        "error": checked.error,
        **({} if relevance is None else {"relevance": round(relevance, 4)}),
        **({} if chance is None else {"chance": round(chance, 4)}),
    }
    wanted = numbers(asked.question)
    judged = replace(
        beam,
        trace=(*beam.trace, row),
        values=beam.values | ({checked.value} if checked.value else set()),
        used=len(wanted & numbers(beam.text)) / len(wanted) if wanted else 0.0,
        failed=failed,
        ended=beam.ended or failed,
        read=EMPTY if failed else beam.read,
    )
    row["score"] = round(judged.score(asked.weights), 4)
    row["parts"] = {name: round(part, 4) for name, part in judged.parts().items()}
    return judged
