"""Checks the new steps of beams and keeps the best beams of every question."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mdexp.decoding.beam_state import Asked, Beam, Search
from mdexp.decoding.relevance import Relevance
from mdexp.decoding.session import EMPTY
from mdexp.ports import Executor
from mdexp.students.prefix_states import Prefix
from mdexp.thoughts.steps import Checked, check, numbers

PrefixScoring = Callable[[Sequence[Prefix]], Sequence[float]]  # log-odds, nats


def select_beams(
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
