"""Ask a run's student: `python -m mdexp.solve RUN "question" [--json]`, or questions on stdin.

Shows every path with what its program printed, then the vote and why it came out so. Thoughts,
student, decoding and vote are those of the run. With --json, `unverified` says why the model of a
server (decoding=openai) may not be the trained student; otherwise it is empty. If the server does
not answer a question, an error is printed and the next question is asked. Exit codes: 0, 1 (a
question was not answered, or the sandbox is broken), 2 (the command line or the run folder), 130
and 143 (signals).
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdexp.commands.exit_codes import as_exit_code
from mdexp.commands.printable import print_error
from mdexp.commands.solve_output import for_people, solve_output
from mdexp.config.judging import judge
from mdexp.config.settings import Settings
from mdexp.decoding.run_student import validation_choices
from mdexp.ports import Done
from mdexp.records import Expected, Generation, Output, Phase, Problem, TranscriptKey, Vote
from mdexp.sandbox.executor import Sandbox
from mdexp.store.json_lines import read_jsonl, text_lines
from mdexp.store.run_folder import run_file, run_manifest
from mdexp.transcripts.reading import outcomes, reading_order

if TYPE_CHECKING:
    from mdexp.decoding.student_writer import StudentWriter

ASKED = "asked"
GENERATIONS = "generations.jsonl"
NO_GOLD = ""  # nothing is graded here
PHASE: Phase = "after"
TERMINAL_LINE = 4095  # bytes of a line that a terminal passes on by itself


@dataclass(frozen=True, slots=True)
class Solver:
    """A run's student, loaded once for all questions."""

    settings: Settings
    manifest: dict[str, Any]
    validation: list[Generation]  # of the run: they decide which thought is trusted more
    expected: Expected  # what most of the run's own problems ask for
    writer: "StudentWriter"
    sandbox: Sandbox

    def solve(self, question: str) -> tuple[list[Generation], Vote, list[Output]]:
        """All paths, read and run; the vote over them; and the outputs as they were written."""
        from mdexp.grading.score import grade, votes

        problem = Problem(
            id=ASKED,
            dataset=ASKED,
            split="test",
            question=question,
            answer=NO_GOLD,
            answer_kind=self.expected.kind,
            match=self.expected.match,
        )
        thoughts, vote = self.settings.answering(), self.settings.vote
        outputs: list[Output] = []
        for layer in reading_order(thoughts):
            known = outcomes(outputs, {problem.id: problem}, thoughts, self.sandbox)
            outputs += [o for name in layer for o in self._outputs(problem, name, known)]
        found = grade(outputs, {problem.id: problem}, thoughts, self.sandbox)
        everything = [*self.validation, *found]
        elected = votes(everything, list(thoughts), vote, self.settings.voting())
        [ours] = [v for v in elected if v.problem_id == ASKED and v.row == "vote"]
        return found, ours, outputs

    def _outputs(
        self, problem: Problem, name: str, found: Mapping[TranscriptKey, Done]
    ) -> list[Output]:
        from mdexp.decoding.choosing import chosen_variant

        choices = validation_choices(self.manifest, name)
        decoder = self.settings.decoding.with_choice(choices)
        one = {name: chosen_variant(self.settings.thoughts[name], choices)}
        return decoder.solve([problem], one, self.writer, self.sandbox, found)[0]


def main(argv: Sequence[str] | None = None) -> int:
    given = _arguments(argv)
    return as_exit_code(lambda: _answer_all(given), refused=(ValueError,))


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m mdexp.solve",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="a run folder")
    parser.add_argument("question", nargs="?", help="without it, standard input has one per line")
    parser.add_argument("--json", action="store_true", help="print one JSON object per question")
    given = parser.parse_args(argv)
    if given.question is not None and not given.question.strip():
        parser.error("the question is blank")
    return given


def _answer_all(given: argparse.Namespace) -> int:
    """Answer every question; returns the exit code."""
    with opened_solver(given.run) as solver:
        one = given.question is not None
        questions = [given.question] if one else _typed(prompt=not given.json)
        answered = [_show(solver, question, as_json=given.json) for question in questions]
    return 0 if all(answered) else 1


@contextmanager
def opened_solver(run: Path) -> Iterator[Solver]:
    """Yields the loaded student of a run folder and a sandbox; RunFolderError or SettingsError."""
    manifest = run_manifest(run)
    settings = judge(manifest["settings"])
    validation, expected = _validation(run), _usually_expected(run)
    from mdexp.decoding.run_writer import run_writer

    writer = run_writer(run, settings)
    with Sandbox(**settings.sandbox.model_dump()) as sandbox:
        yield Solver(settings, manifest, validation, expected, writer, sandbox)


def _show(solver: Solver, question: str, *, as_json: bool) -> bool:
    """Answer a question on standard output; returns whether it was answered."""
    from mdexp.decoding.server import ServerError

    try:
        found = solve_output(question, *solver.solve(question))
    except ServerError as error:
        print_error(error)
        return False
    print(json.dumps(found) if as_json else for_people(found), flush=True)
    return True


def _validation(run: Path) -> list[Generation]:
    if not (run / GENERATIONS).is_file():
        return []
    generations = read_jsonl(run_file(run, GENERATIONS), Generation)
    return [g for g in generations if (g.split, g.phase) == ("validation", PHASE)]


def _usually_expected(run: Path) -> Expected:
    """The kind of answer that most problems of a run expect, without options."""
    problems = read_jsonl(run_file(run, "problems.jsonl"), Problem)
    asked = Counter((problem.expected.kind, problem.match) for problem in problems)
    kind, match = asked.most_common(1)[0][0]
    return Expected(kind=kind, match=match)


def _typed(*, prompt: bool) -> Iterator[str]:
    """Questions from standard input, up to its end; ValueError for a question that the terminal cut
    short or that is not UTF-8."""
    if not sys.stdin.isatty():
        yield from (text for _, text in text_lines(sys.stdin.buffer, "standard input"))
        return
    edited = sys.stdout.isatty() and find_spec("readline") is not None
    if edited:
        import readline  # noqa: F401  # `input` reads lines of any length with it
    shown = "question> " if prompt and edited else ""
    while True:
        try:
            line = input(shown)
        except EOFError:
            print(end="\n" if shown else "")
            return
        if not edited and len(line.encode()) >= TERMINAL_LINE:
            raise ValueError(f"the terminal cut the question at {TERMINAL_LINE} bytes: pipe it in")
        if line.strip():
            yield line.strip()
