"""Lets a trained student answer training problems; later rounds learn from these own paths."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mdexp.answers.equality import correct, plain
from mdexp.ports import Decoder, Executor, Thought
from mdexp.ports.parts import build_part, described
from mdexp.records import Output, Path, Problem, by_id
from mdexp.transcripts.reading import outcomes, read_rows, reading_order

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
    sampled = dict.fromkeys(("num_paths", "validation_paths"), num_paths - 1)
    sampling: Any = build_part(described(decoder.untrained()) | sampled)
    log.info("own paths of %s: %d problems, %d each", ", ".join(thoughts), len(problems), num_paths)
    outputs: list[Output] = []
    for layer in reading_order(thoughts):
        found = outcomes(outputs, by_id(problems), thoughts, executor, writer.readings)
        ours = {name: thoughts[name] for name in layer}
        outputs += sampling.solve(problems, ours, writer, executor, found)[0]
    places = {problem.id: place for place, problem in enumerate(problems)}
    names = list(thoughts)
    return sorted(outputs, key=lambda o: (places[o.problem_id], names.index(o.thought), o.sample))


def write_with_hint(
    writer: "StudentWriter",
    problems: Sequence[Problem],
    thoughts: Mapping[str, Thought],
    decoder: Decoder,
    hint: str,
    written: Sequence[Output],
    executor: Executor,
) -> list[Output]:
    """The greedy path of each (problem, thought) that no path in `written` solves, asked with the
    gold answer as a hint behind the question (STaR's rationalisation). Samples go on behind those
    of `written`."""
    known = by_id(problems)
    dones = read_rows(written, known, thoughts, executor, readings=writer.readings)
    solved = {
        (output.problem_id, output.thought)
        for output, done in zip(written, dones, strict=True)
        if output.finished
        and correct(done.answer, known[output.problem_id].answer, known[output.problem_id].match)
    }
    number = 1 + max((output.sample for output in written), default=-1)
    found: list[Output] = []
    for name, thought in thoughts.items():
        hinted = [
            replace(p, question=f"{p.question}\n{hint.replace('{answer}', plain(p.answer))}")
            for p in problems
            if (p.id, name) not in solved
        ]
        if hinted:
            found += write_own_paths(writer, hinted, {name: thought}, decoder, 1, executor)
    return [replace(output, sample=number + output.sample) for output in found]


def as_path(output: Output, model: str) -> Path:
    """An output in the form of a teacher's path, for verify; `model` names the writer."""
    return Path(
        problem_id=output.problem_id,
        thought=output.thought,
        sample=output.sample,
        text=output.text,
        model=model,
        finish_reason="stop" if output.finished else "length",
        segments=output.segments,
    )
