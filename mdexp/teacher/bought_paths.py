"""Buys the answers that the ledger lacks, then reads all paths from it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mdexp.ports import Executor, Thought
from mdexp.records import Path, Problem
from mdexp.teacher.asking import Asking, answers_of, wanted_samples
from mdexp.teacher.dialogue import is_dialogue
from mdexp.teacher.ledger import Ledger
from mdexp.teacher.request import Answer, Wanted
from mdexp.teacher.retry import TeacherError
from mdexp.teacher.steps import Ask, ask_in_steps, owned, samples_wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class BoughtPaths:
    """`num_paths` paths for each (problem, thought). `buy` adds the missing samples to the ledger,
    as far as they can be had."""

    asking: Asking
    num_paths: int
    book: Ledger
    buy: Callable[[Wanted], None]
    executor: Executor

    def of(self, problems: Sequence[Problem], thoughts: Mapping[str, Thought]) -> list[Path]:
        """Paths ordered by problem, thought and sample; thoughts of several texts are bought one
        text after another. TeacherError if not a single first text could be had."""
        requests = self.asking.requests(problems, thoughts)
        self.book.note_askers(
            (request, *names, 0) for names, of_sets in requests.items() for request in of_sets
        )
        self._buy_first(wanted_samples(requests.values(), self.num_paths))
        found = {
            names: [self._path(*names, *pair) for pair in answers_of(r, self.num_paths, self.book)]
            for names, r in requests.items()
            if not is_dialogue(thoughts[names[1]])
        }
        for path in self._dialogues(problems, thoughts):
            found.setdefault((path.problem_id, path.thought), []).append(path)
        return [path for names in requests for path in found.get(names, ())]

    def _buy_first(self, wanted: Wanted) -> None:
        self.buy(wanted)
        if wanted and not any(self.book.answers(r, samples) for r, samples in wanted.items()):
            raise TeacherError(
                f"not one of {num_samples(wanted)} answers could be had from "
                f"{self.asking.endpoint}; the lines above say why"
            )

    def _dialogues(
        self, problems: Sequence[Problem], thoughts: Mapping[str, Thought]
    ) -> Iterator[Path]:
        """The paths of thoughts of several texts, whose first texts are already bought."""

        def supply(asks: Sequence[Ask]) -> list[Answer | None]:
            later = [ask for ask in asks if ask.part]
            self.book.note_askers(ask.asker for ask in later)
            self.buy(samples_wanted(later))
            return owned(self.book, asks)

        for written in ask_in_steps(
            self.asking, problems, thoughts, self.num_paths, supply, self.executor
        ):
            if path := written.path(self.asking.model):
                yield path

    def _path(self, problem_id: str, thought: str, sample: int, answer: Answer) -> Path:
        return Path(
            problem_id=problem_id,
            thought=thought,
            sample=sample,
            text=answer.text,
            model=answer.model or self.asking.model,
            finish_reason=answer.finish_reason,
            thinking=answer.thinking,
        )


def num_samples(wanted: Wanted) -> int:
    return sum(len(samples) for samples in wanted.values())
