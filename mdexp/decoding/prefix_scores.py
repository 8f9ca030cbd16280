"""The log-odds of a right answer for paths and their prefixes, by the head of a run's scorer.

    scores = PrefixScores(model, head, tokenizer.eos_token_id)
    [log_odds] = scores([Prefix(prompt_ids, token_ids)])

A text is read without its end of sequence, which not every path has.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mdexp.ports import ReadPrefix, Thought
from mdexp.records import Generation, LinearHead, Output, Problem, Segment
from mdexp.students.prefix_states import Prefix, PrefixReader, States
from mdexp.students.prompts import Renderer
from mdexp.thoughts.steps import OneStep
from mdexp.transcripts.opening import asked

if TYPE_CHECKING:
    from transformers import PreTrainedModel

BATCH = 32  # texts behind a prompt that are read at a time


@dataclass(slots=True)
class PrefixScores:
    """Log-odds that a prefix leads to a right answer, in nats."""

    model: "PreTrainedModel"
    head: LinearHead
    end: int  # the token that ends a sequence
    reader: PrefixReader = field(init=False)  # it counts the tokens that were read

    def __post_init__(self) -> None:
        self.reader = PrefixReader(model=self.model, depths=[self.head.depth], batch_size=BATCH)

    def __call__(self, prefixes: Sequence[Prefix]) -> list[float]:
        """One number a prefix; those of one prompt are read together, best many at a time."""
        if not self.head.weights:
            return [self.head.bias] * len(prefixes)
        texts = [self._without_end(prefix) for prefix in prefixes]
        states = self.reader.read(texts, [[len(text.token_ids)] for text in texts])
        return [scored(self.head, read[0, 0]) for read in states]

    def _without_end(self, prefix: Prefix) -> Prefix:
        ids = prefix.token_ids
        return Prefix(prefix.prompt_ids, ids[:-1] if ids[-1:] == (self.end,) else ids)


def scored(head: LinearHead, state: States) -> float:
    """The head's log-odds of one state, (hidden size)."""
    return float(np.dot(state.astype(float), np.array(head.weights)) + head.bias)


class WrittenPath(NamedTuple):
    """An output as it is read: its tokens, and how many of them each of its steps has behind it,
    but the last one's."""

    prefix: Prefix
    ends_of_steps: list[int]


def written_path(
    output: Output, problem: Problem, thought: Thought, renderer: Renderer
) -> WrittenPath:
    """The tokens of an output. Of several texts the first begins the path, and cues are part of it;
    only a path of one text has steps."""
    if output.segments:
        segments = (asked(problem.question), *output.segments)
        first = next(n for n, segment in enumerate(segments) if segment.author == "writer")
        prompt, said = renderer.opening(segments[:first]), segments[first:]
    else:
        prompt = renderer.prompt(problem.question, thought)
        said = (Segment(author="writer", text=output.text),)
    prompt_ids = renderer.prompt_ids(prompt)
    ids = renderer.rendered(prompt, said, ends=False, splits=True).ids[len(prompt_ids) :]
    path = Prefix(tuple(prompt_ids), tuple(ids))
    return WrittenPath(path, [] if output.segments else ends_of_steps(ids, thought, renderer))


def written_paths(
    outputs: Sequence[Output],
    problems: Mapping[str, Problem],
    thoughts: Mapping[str, Thought],
    renderer: Renderer,
) -> list[WrittenPath]:
    return [
        written_path(output, problems[output.problem_id], thoughts[output.thought], renderer)
        for output in outputs
    ]


def read_prefixes(
    reader: PrefixReader,
    paths: Sequence[WrittenPath],
    graded: Sequence[Generation],
    *,
    by_step: bool,
) -> list[ReadPrefix]:
    """What a scorer learns from: each path, and with `by_step` each of its beginnings."""
    places = [[*p.ends_of_steps * by_step, len(p.prefix.token_ids)] for p in paths]
    states = reader.read([path.prefix for path in paths], places)
    return [
        ReadPrefix(
            problem_id=one.problem_id,
            thought=one.thought,
            step=None if step == len(at) - 1 else step,
            num_tokens=place,
            is_right=one.correct,
            states=read[step],
        )
        for one, at, read in zip(graded, places, states, strict=True)
        for step, place in enumerate(at)
    ]


def ends_of_steps(ids: Sequence[int], thought: Thought, renderer: Renderer) -> list[int]:
    """How many tokens the first step has, the first two, and so on, as step-wise beams count them;
    the last step is not among them."""
    ends: list[int] = []
    for count in range(1, len(ids)):
        begun = ends[-1] if ends else 0
        if OneStep(thought).complete(renderer.text(ids[begun:count])) is not None:
            ends.append(count)
    return ends
