"""What a trained student writes about training problems: its own paths, to be learned from."""

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mdexp.ports import Decoder, Executor, Thought
from mdexp.ports.parts import build_part, described
from mdexp.records import Output, Path, Problem
from mdexp.transcripts.reading import outcomes, reading_order

if TYPE_CHECKING:
    from mdexp.decoding.student_writer import StudentWriter

log = logging.getLogger(__name__)


def write_own_paths(
    writer: "StudentWriter",
    problems: Sequence[Problem],
    thoughts: Mapping[str, Thought],
    decoder: Decoder,
    num_paths: int,
    executor: Executor,
) -> list[Output]:
    """`num_paths` outputs of each (problem, thought), in that order: the greedy one, then sampled
    ones at the temperature of `decoder`, by this process. Random streams are those of the paths'
    names, so that fewer paths are the first of more."""
    sampling: Any = build_part(described(decoder.untrained()) | {"num_paths": num_paths - 1})
    log.info("own paths of %s: %d problems, %d each", ", ".join(thoughts), len(problems), num_paths)
    outputs: list[Output] = []
    for layer in reading_order(thoughts):
        found = outcomes(outputs, {p.id: p for p in problems}, thoughts, executor)
        ours = {name: thoughts[name] for name in layer}
        outputs += sampling.solve(problems, ours, writer, executor, found)[0]
    places = {problem.id: place for place, problem in enumerate(problems)}
    names = list(thoughts)
    return sorted(outputs, key=lambda o: (places[o.problem_id], names.index(o.thought), o.sample))


def as_path(output: Output, model: str) -> Path:
    """An output as verify reads a teacher's path; `model` is who wrote it."""
    return Path(
        problem_id=output.problem_id,
        thought=output.thought,
        sample=output.sample,
        text=output.text,
        model=model,
        finish_reason="stop" if output.finished else "length",
        segments=output.segments,
    )
