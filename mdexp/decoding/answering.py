"""Problems put to a student: the greedy path of each thought, and sampled ones for the vote."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mdexp.config.blocks import DecodingSettings
from mdexp.decoding.decode_stats import Work
from mdexp.decoding.generate import generate
from mdexp.decoding.request import Answered, Limits, Request
from mdexp.decoding.server import ask_server
from mdexp.ports import Thought
from mdexp.records import Output, Phase, Problem
from mdexp.students.prompts import Renderer

if TYPE_CHECKING:
    from transformers import PreTrainedModel

log = logging.getLogger(__name__)

LOG_EVERY = 500  # answers


def answer(
    model: "PreTrainedModel",
    renderer: Renderer,
    problems: Sequence[Problem],
    thoughts: Mapping[str, Thought],
    exemplars: Sequence[Mapping[str, Any]],
    *,
    decoding: DecodingSettings,
    phase: Phase,
    seed: int,
    work: Work | None = None,
) -> list[Output]:
    """One output per (problem, thought, sample), in that order. Only test problems are sampled:
    validation needs the greedy paths alone."""
    wanted = [
        (problem, name, sample)
        for problem in problems
        for name in thoughts
        for sample in range(1 + (decoding.num_paths if problem.split == "test" else 0))
    ]
    prompts = {
        (problem.id, name): renderer.prompt_ids(
            renderer.prompt(problem.question, thought, exemplars)
        )
        for problem in problems
        for name, thought in thoughts.items()
    }
    requests = [
        Request(
            prompt_ids=prompts[problem.id, name],
            problem=problem.id,
            thought=thoughts[name],
            expected=problem.expected,
            sample=sample,
            stream=f"{seed}/{problem.id}/{name}/{sample}",
        )
        for problem, name, sample in wanted
    ]
    outputs: list[Output | None] = [None] * len(requests)
    answered = _answered(model, renderer, requests, decoding, phase, work or Work())
    for number, (index, written) in enumerate(answered, start=1):
        outputs[index] = _output(*wanted[index], written, phase, len(exemplars))
        if number % LOG_EVERY == 0 or number == len(requests):
            log.info("answered %d of %d", number, len(requests))
    return [output for output in outputs if output is not None]


def _answered(
    model: "PreTrainedModel",
    renderer: Renderer,
    requests: Sequence[Request],
    decoding: DecodingSettings,
    phase: Phase,
    work: Work,
) -> Iterator[tuple[int, Answered]]:
    """By this process, or by the server of a trained student."""
    limits = limits_of(decoding)
    if decoding.engine == "local" or phase == "before":
        return generate(model, renderer, requests, limits, work)
    assert decoding.base_url and decoding.served, "judged"
    return ask_server(decoding.base_url, decoding.served, renderer, requests, limits, work)


def limits_of(decoding: DecodingSettings) -> Limits:
    return Limits(
        max_new_tokens=decoding.max_new_tokens,
        temperature=decoding.temperature,
        top_p=decoding.top_p,
        batch_size=decoding.batch_size,
    )


def _output(
    problem: Problem,
    thought: str,
    sample: int,
    answered: Answered,
    phase: Phase,
    num_shots: int,
) -> Output:
    return Output(
        problem_id=problem.id,
        dataset=problem.dataset,
        split=problem.split,
        phase=phase,
        thought=thought,
        sample=sample,
        num_shots=num_shots,
        text=answered.text,
        num_tokens=answered.num_tokens,
        finished=answered.finished,
        logprob=None if answered.logprob is None else round(answered.logprob, 6),
    )
