"""mdexp from Python: the commands as functions that return values.

A function raises where its command would exit: a ValueError for bad arguments (CommandError,
SettingsError, RunFolderError and RunFileError are subclasses), the run's own exception where a run
fails. Progress goes to the logger `mdexp`; `run` prints its headline as the command does. Frames
are pandas DataFrames (`pip install "mdexp[frames]"`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from mdexp.commands.compare import Pair, compare_folders, group_name
from mdexp.commands.execute import run_programs
from mdexp.commands.request_lines import Kind
from mdexp.commands.single_run import run_here
from mdexp.commands.solve import opened_solver
from mdexp.commands.solve_output import why
from mdexp.records import Answer, Generation, Path, Problem, ProgramResult, Vote, metric_rows
from mdexp.store.files import read_json
from mdexp.store.json_lines import read_jsonl
from mdexp.store.run_folder import run_file, run_manifest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LoadedRun", "StudentAnswer", "ask", "compare", "execute", "load", "run"]


class FramesMissing(ImportError):
    """pandas is not installed; the message says how to get it."""


@dataclass(frozen=True)
class LoadedRun:
    """A run folder. Each attribute is read from its file on first use.

    A frame has a row for each line of the file of that name and a column for each field of its
    record (`mdexp.records`). RunFileError if the run did not write the file or if the file has
    changed since.
    """

    folder: FilePath

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The composed configuration, by the keys of `conf/`."""
        settings: dict[str, Any] = run_manifest(self.folder)["settings"]
        return settings

    @cached_property
    def metrics(self) -> "pd.DataFrame":
        """A row for each test set, phase and way to answer (a thought or a vote): n, correct,
        accuracy from 0 to 1, the ends of its Wilson 95 % interval, ..."""
        return _pandas().DataFrame(metric_rows(read_json(run_file(self.folder, "metrics.json"))))

    @cached_property
    def problems(self) -> "pd.DataFrame":
        """The problems, with their gold answers and splits."""
        return self._frame("problems.jsonl", Problem)

    @cached_property
    def paths(self) -> "pd.DataFrame":
        """What the teacher wrote."""
        return self._frame("paths.jsonl", Path)

    @cached_property
    def generations(self) -> "pd.DataFrame":
        """What the student wrote before and after training, read and graded."""
        return self._frame("generations.jsonl", Generation)

    @cached_property
    def votes(self) -> "pd.DataFrame":
        """The answers that the student's paths elected."""
        return self._frame("votes.jsonl", Vote)

    def _frame(self, name: str, record: type[Any]) -> "pd.DataFrame":
        pandas, rows = _pandas(), read_jsonl(run_file(self.folder, name), record)
        columns = [field.name for field in fields(record)]
        # As objects: pandas would turn whole numbers with a None among them into floats.
        values = {
            column: pandas.Series([getattr(row, column) for row in rows], dtype=object)
            for column in columns
        }
        return pandas.DataFrame(values).infer_objects()


@dataclass(frozen=True, slots=True, kw_only=True)
class StudentAnswer:
    """A question answered by a run's student. `answer` is None where no path has one."""

    question: str
    answer: Answer | None
    why: str  # how the vote came out so, in a sentence
    paths: tuple[Generation, ...]  # every path; `correct` means nothing here, there is no gold


def run(
    overrides: Sequence[str] = (),
    folder: FilePath | str | None = None,
    *,
    config_dir: FilePath | str | None = None,
) -> LoadedRun:
    """Run an experiment in this process and return its folder, loaded.

    `overrides` are the arguments of `mdexp run` (`["lambda=0.5", "num_paths=2"]`), without sweeps.
    `folder` is where to write, by default a new one below `outputs/`. `config_dir` has your own
    yaml files, like `--config-dir`. Stages that the store already has are not run again.

    Raises CommandError or SettingsError before anything is bought or trained if the configuration
    cannot be run, SourceError or SettingsError if the data does not allow it.
    """
    _several("overrides", overrides)
    into = None if folder is None else FilePath(folder)
    return LoadedRun(run_here(overrides, into, None if config_dir is None else str(config_dir)))


def load(folder: FilePath | str) -> LoadedRun:
    """Open a run folder for reading. RunFolderError if it has no run.json."""
    run_manifest(FilePath(folder))
    return LoadedRun(FilePath(folder))


def ask(folder: FilePath | str, questions: Sequence[str]) -> list[StudentAnswer]:
    """Answer questions with the trained student of a run; returns one StudentAnswer each, in order.

    Thoughts, decoding and vote are those of the run. The student is loaded once for all questions.
    RunFolderError if the store no longer has it.
    """
    _several("questions", questions)
    if blank := [place for place, question in enumerate(questions) if not question.strip()]:
        raise ValueError(f"questions[{blank[0]}] is blank")
    with opened_solver(FilePath(folder)) as solver:
        answers = []
        for question in questions:
            paths, vote, _ = solver.solve(question)
            answers.append(
                StudentAnswer(
                    question=question, answer=vote.answer, why=why(vote), paths=tuple(paths)
                )
            )
    return answers


def execute(
    programs: Sequence[str], kind: Kind = "program", overrides: Sequence[str] = ()
) -> list[ProgramResult]:
    """Run untrusted Python programs in the sandbox; returns one result each, in order.

    `kind="equations"` solves systems of equations instead. `overrides` set the sandbox, as in
    `["sandbox.timeout_s=5"]`. SandboxError if the sandbox is broken; a program's own failure is the
    `status` of its result.
    """
    _several("programs", programs)
    _several("overrides", overrides)
    return run_programs(programs, kind, overrides)


def compare(*folders: FilePath | str) -> "pd.DataFrame":
    """Compare the first run (the baseline) with each of the others on the same test problems; for a
    single run, compare its own rows.

    Returns a row for each test set and pair of ways to answer, A and B: accuracies from 0 to 1 with
    Wilson 95 % intervals; `difference` = B - A, the gain over A, with its paired 95 % interval; the
    number of problems that only one solves; the exact McNemar p, and p corrected by Holm for all
    rows. Runs that differ only in their seed are pooled, as in the command. DifferentProblems if
    the runs cannot be compared.
    """
    if not folders:
        raise TypeError("compare: give one run folder or several")
    found = compare_folders([FilePath(folder) for folder in folders])
    a, corrected = group_name(found.first), iter(found.corrected())
    rows = [
        {"run_a": a, "run_b": group_name(other)} | _compared(pair) | {"p_holm": next(corrected)}
        for other, pairs in zip(found.others, found.pairs, strict=True)
        for pair in pairs
    ]
    return _pandas().DataFrame(rows)


def _several(name: str, given: Sequence[str]) -> None:
    """TypeError for one text, which is a sequence of letters."""
    if isinstance(given, str):
        raise TypeError(f"{name}: got one text, expected a list of texts: {name}=[{given[:40]!r}]")


def _compared(pair: Pair) -> dict[str, Any]:
    found, (mean, (low, high)) = pair.comparison, pair.comparison.difference
    sides = {
        f"{name}_{side}": value
        for side, way, accuracy, ends in zip(
            "ab", (pair.a, pair.b), found.accuracies, found.intervals, strict=True
        )
        for name, value in (
            ("way", way),
            ("accuracy", accuracy),
            ("low", ends[0]),
            ("high", ends[1]),
        )
    }
    return {
        "dataset": pair.dataset,
        "n": found.n,
        **sides,
        "difference": mean,
        "difference_low": low,
        "difference_high": high,
        "only_a": found.mcnemar.only_first,
        "only_b": found.mcnemar.only_second,
        "p": found.mcnemar.p,
    }


def _pandas() -> Any:
    try:
        import pandas
    except ImportError as error:
        raise FramesMissing('frames need pandas: pip install "mdexp[frames]"') from error
    return pandas
