"""Problems put to a student: the greedy path of each thought, and sampled ones for the vote."""

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mdexp.decoding.generate import Answered, Request, generate
from mdexp.ports import Thought
from mdexp.records import Output, Phase, Problem
from mdexp.settings import DecodingSettings
from mdexp.students.prompts import Renderer

if TYPE_CHECKING:
    from transformers import PreTrainedModel

log = logging.getLogger(__name__)


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
            thought=thoughts[name],
            sample=sample,
            seed=f"{seed}/{problem.id}/{name}/{sample}",
        )
        for problem, name, sample in wanted
    ]
    outputs: list[Output | None] = [None] * len(requests)
    answered = generate(
        model,
        renderer,
        requests,
        max_new_tokens=decoding.max_new_tokens,
        temperature=decoding.temperature,
        batch_size=decoding.batch_size,
    )
    for number, (index, written) in enumerate(answered, start=1):
        outputs[index] = _output(*wanted[index], written, phase, len(exemplars))
        if number % (10 * decoding.batch_size) == 0 or number == len(requests):
            log.info("answered %d of %d", number, len(requests))
    return [output for output in outputs if output is not None]


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
        num_tokens=len(answered.token_ids),
        finished=answered.finished,
    )
