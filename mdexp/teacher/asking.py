"""Builds the requests to a teacher: one for each problem, thought and set of exemplars.

Sample k of a run is asked with set k mod n, as sample k // n of that set's request: many paths of
one problem differ more when not all follow the same exemplars (PaD, arXiv 2305.13888).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mdexp.ports import Message, Thought
from mdexp.records import AnswerKind, Problem, Segment
from mdexp.teacher.families import Role, family_of
from mdexp.teacher.ledger import Ledger
from mdexp.teacher.request import Answer, Request, Wanted
from mdexp.transcripts.prompting import Template, chat, instruction_for, turns

# A completion model would otherwise write the next question too, and that costs money.
_RUN_ON = "\nQuestion:"
ExemplarSets = Sequence[Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, kw_only=True)
class Prompting:
    """How a question is worded. Without a folder of `templates` it is a chat."""

    exemplar_sets: ExemplarSets  # at least one, which may be empty
    templates: Path | None
    instruction_role: Role | None  # None: as the model's family has it
    # For kinds of answers that have separate exemplars.
    other_kinds: Mapping[AnswerKind, ExemplarSets] = field(default_factory=dict)

    def sets_for(self, kind: AnswerKind) -> ExemplarSets:
        return self.other_kinds.get(kind, self.exemplar_sets)


@dataclass(frozen=True, kw_only=True)
class Asking:
    """The endpoint, the model and its settings. A setting that is null is left to the server; null
    in `extra` leaves out a parameter that the model's family would set."""

    endpoint: str
    model: str
    settings: Mapping[str, Any]
    extra: Mapping[str, Any]
    prompting: Prompting
    thinks: bool = False  # whether the model is to think before it answers

    def requests(
        self, problems: Sequence[Problem], thoughts: Mapping[str, Thought]
    ) -> dict[tuple[str, str], list[Request]]:
        """For each (problem id, thought): a request for each set of exemplars."""
        layouts = self._layouts(thoughts)
        return {
            (problem.id, name): [
                self._request(problem, thought, layouts.get(name), shots)
                for shots in self.prompting.sets_for(problem.expected.kind)
            ]
            for problem in problems
            for name, thought in thoughts.items()
        }

    def request_behind(
        self, thought: Thought, kind: AnswerKind, number: int, segments: Sequence[Segment]
    ) -> Request:
        """The request for the next turn of a chat. `segments` is the conversation so far, up to the
        cue to be answered; `number` is the set of exemplars."""
        question, shots = segments[0].text, self.prompting.sets_for(kind)[number]
        _, *later = chat(segments)
        return self._chat(thought, kind, [*turns(question, thought, shots), *later])

    def notes(self) -> list[str]:
        """What the model's family does to the settings."""
        if self.prompting.templates:
            return []
        return family_of(self.model).notes(_given(self.settings), self.extra, self.thinks)

    def _layouts(self, thoughts: Mapping[str, Thought]) -> dict[str, Template]:
        folder = self.prompting.templates
        return {name: Template(name, folder) for name in thoughts} if folder else {}

    def _request(
        self,
        problem: Problem,
        thought: Thought,
        layout: Template | None,
        shots: Sequence[Mapping[str, Any]],
    ) -> Request:
        question, kind = problem.question, problem.expected.kind
        if layout is None:
            return self._chat(thought, kind, turns(question, thought, shots))
        sent = {"stop": [_RUN_ON], **_given(self.settings), **self.extra}
        return Request(
            endpoint=self.endpoint,
            model=self.model,
            messages=[],
            prompt=layout.text(question, thought, shots, kind),
            settings={key: value for key, value in sent.items() if value is not None},
        )

    def _chat(self, thought: Thought, kind: AnswerKind, said: Sequence[Message]) -> Request:
        family = family_of(self.model)
        role = self.prompting.instruction_role
        return Request(
            endpoint=self.endpoint,
            model=self.model,
            messages=family.messages(instruction_for(thought, kind), said, role),
            settings=family.settings(_given(self.settings), self.extra, self.thinks),
        )


def wanted_samples(requests: Iterable[Sequence[Request]], num_paths: int) -> Wanted:
    """The samples of each request that a run wants, given those of each problem by set. Problems
    with the same question share their answers."""
    unique = {
        request.identity: (request, range(_num_samples(number, num_paths, len(of_sets))))
        for of_sets in requests
        for number, request in enumerate(of_sets)
    }
    return dict(unique.values())


def answers_of(
    of_sets: Sequence[Request], num_paths: int, book: Ledger
) -> list[tuple[int, Answer]]:
    """The answers to a problem that the ledger has, each with the run's sample number."""
    num_sets = len(of_sets)
    found = [
        (answer.sample * num_sets + number, answer)
        for number, request in enumerate(of_sets)
        for answer in book.answers(request, range(_num_samples(number, num_paths, num_sets)))
    ]
    return sorted(found, key=lambda pair: pair[0])


def _num_samples(number: int, num_paths: int, num_sets: int) -> int:
    """How many of a run's samples are asked with set `number`."""
    return len(range(number, num_paths, num_sets))


def _given(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if value is not None}
