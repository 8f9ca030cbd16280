"""Render a study, or run its missing jobs: `python -m mdexp.study [FOLDER] [--run]`.

FOLDER (default: study) holds study.yaml and the results. Without --run, docs/study.md and
FOLDER/study.html are rendered from these files alone, and outdated jobs are listed. With --run,
missing and outdated jobs run first, --jobs at a time, with one thread each. A command that is
stopped keeps every finished job and stage; given again, it continues. Exit codes: 0, 1 (a job
failed), 2 (the plan, the data or the code), 130 and 143 (signals).
"""

import argparse
import os
import subprocess
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from mdexp.commands.exit_codes import as_exit_code
from mdexp.commands.printable import print_error, printable
from mdexp.commands.run_plan import judged_jobs
from mdexp.commands.suit_rows import SuitRow, by_source, suited
from mdexp.config.composition import CommandError, single_run
from mdexp.config.settings import Settings, SettingsError
from mdexp.store.environment import commit
from mdexp.studies.checks import read_checks
from mdexp.studies.job_record import job_record, read_records, stage_versions, write_record
from mdexp.studies.page import MARKDOWN, PAGE, write_pages
from mdexp.studies.plan import DATA, Side, Study, StudyJob, read_plan
from mdexp.studies.predictions import (
    FIGURES,
    FileFigures,
    SuitRecord,
    read_suits,
    unread,
    write_suit,
)
from mdexp.studies.schedule import all_jobs, outdated
from mdexp.studies.study_files import StudyError
from mdexp.sweeps import jobs
from mdexp.sweeps.processes import Job, run_jobs

THREADS = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
LOCK = ".study"
# The files that a job's result can depend on. HEAD is not compared: results are committed, too.
CODE = ("mdexp", "conf", "hydra_plugins", "pyproject.toml", "constraints.txt")
CHECKOUT = Path(__file__).parents[2]


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; give its exit code."""
    options = _options(argv)
    return as_exit_code(lambda: _study(options), refused=(StudyError, SettingsError, CommandError))


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m mdexp.study",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path("study"), metavar="FOLDER")
    parser.add_argument("--run", action="store_true", help="run what is missing first")
    parser.add_argument("--data", metavar="FOLDER", help=f"what {DATA} stands for in the plan")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="how many run at a time")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help=f"where {MARKDOWN} goes")
    return parser.parse_args(argv)


def _study(options: argparse.Namespace) -> int:
    folder = options.folder
    study = read_plan(folder)
    failed = _run(study, folder, options.data, options.jobs) if options.run else []
    records, suits = read_records(folder), read_suits(folder)
    checks = read_checks(folder)
    write_pages(study, records, suits, checks, options.docs / MARKDOWN, folder / PAGE)
    planned = all_jobs(study, records)
    missing = [job.name for job in planned if job.name not in records]
    print(f"{len(planned) - len(missing)} of {len(planned)} jobs have run")
    for name, reason in outdated(study, records, stage_versions()).items():
        print(f"to rerun: {name}: {reason}")
    for name in unread(study, suits):
        print(f"not read by the untrained student: the texts of question {name}")
    print(f"rendered: {options.docs / MARKDOWN}, {folder / PAGE}")
    for result in failed:
        print_error(f"{result.folder}: {result.state}: {result.error}")
    return int(bool(failed))


def _run(study: Study, folder: Path, data: str | None, at_a_time: int) -> list[jobs.JobResult]:
    """Run missing jobs: first the searches, then the jobs that need their values. Returns the
    failed ones. Every arm is validated before anything runs."""
    if at_a_time < 1:
        raise StudyError(f"--jobs={at_a_time}: at least 1 job runs at a time")
    refuse_other_code(study.commit, CHECKOUT)
    refuse_unanswered(study, judged_arms(study, data))
    runs = Path("multirun") / folder.resolve().name
    runs.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(runs / LOCK, timeout=0):
            tried: set[str] = set()
            failed: list[jobs.JobResult] = []
            while to_do := _to_do(study, folder, tried):
                tried |= {job.name for job in to_do}
                failed += _run_some(study, folder, runs, to_do, data, at_a_time)
            _read_texts(study, folder, data)
            return failed
    except Timeout as error:
        raise StudyError(f"another command runs the study in {folder}; wait for it") from error


def _to_do(study: Study, folder: Path, tried: Collection[str]) -> list[StudyJob]:
    """The missing and outdated jobs whose settings are known and that this command has not tried:
    searches first."""
    records = read_records(folder)
    again = outdated(study, records, stage_versions())
    ready = [
        job
        for job in all_jobs(study, records)
        if job.settings is not None
        and job.name not in tried
        and (job.name not in records or job.name in again)
    ]
    searches = {job.name for job in study.search_jobs()}
    return [job for job in ready if job.name in searches] or ready


def _run_some(
    study: Study,
    folder: Path,
    runs: Path,
    to_do: Sequence[StudyJob],
    data: str | None,
    at_a_time: int,
) -> list[jobs.JobResult]:
    lines = {job.name: placed(job, data) for job in to_do}
    by_number = dict(enumerate(to_do))
    os.environ.update(THREADS)

    def finished(job: Job, result: jobs.JobResult) -> None:
        planned = by_number[job.number]
        print(printable(f"{planned.name}: {result.state} ({result.seconds:.0f} s)"), flush=True)
        if result.state == "ok":
            refuse_other_code(study.commit, CHECKOUT)  # the code may have changed while the job ran
            write_record(folder, planned.name, job_record(job.folder, planned, _code(study)))

    work = []
    for number, job in by_number.items():
        place = (runs / job.name).resolve()
        jobs.forget(place)  # else an earlier result could be taken for this job's
        quoted = str(place).replace("'", "\\'")
        work.append(
            Job(
                number=number,
                overrides=lines[job.name],
                folder=place,
                arguments=[*lines[job.name], f"hydra.run.dir='{quoted}'"],
            )
        )
    print(f"{len(work)} jobs to run, {at_a_time} at a time", flush=True)
    results = run_jobs(work, [None] * at_a_time, finished)
    return [result for result in results if result.state != "ok"]


def _read_texts(study: Study, folder: Path, data: str | None) -> None:
    """Let the untrained student read the texts of each prediction, as `mdexp suit` does."""
    for name, prediction in unread(study, read_suits(folder)).items():
        settings = study.suit_settings(prediction)
        try:
            words = filled(settings, data, name)
            found = suited(by_source(single_run(words)[0]), prediction.problems)
        except ValueError as error:
            raise StudyError(f"questions.{name}.prediction: {error}") from error
        record = SuitRecord(
            settings=list(settings),
            commit=_code(study),
            num_problems=found.num_problems,
            arms={arm: _figures(row) for arm, row in zip(prediction.arms, found.rows, strict=True)},
        )
        write_suit(folder, name, record)
        print(f"{name}: the texts of {len(found.rows)} files are read", flush=True)


def _figures(row: SuitRow) -> FileFigures:
    return FileFigures(**{figure: getattr(row.found, figure).value for figure in FIGURES})


def judged_arms(study: Study, data: str | None) -> dict[str, Settings]:
    """The validated settings of each arm and search with its first seed; for a value that a search
    will find, its first candidate is used."""
    first = {name: search.values[0] for name, search in study.searches.items()}
    arms = {job.arm: job for job in reversed([*study.search_jobs(), *study.arm_jobs(first)])}
    return {name: judged_jobs(placed(job, data))[0] for name, job in arms.items()}


def placed(job: StudyJob, data: str | None) -> list[str]:
    """A job's settings with the data folder filled in; StudyError if it was not given."""
    return filled(job.settings or (), data, job.name)


def filled(settings: Sequence[str], data: str | None, name: str) -> list[str]:
    """Settings with the data folder filled in; StudyError, which names the job, if it was not
    given."""
    if any(DATA in setting for setting in settings):
        if data is None:
            raise StudyError(f"job {name} reads {DATA}: say where it is, by --data or DATA=")
        if not Path(data).is_dir():
            raise StudyError(f"--data={data} is no folder")
    return [setting.replace(DATA, str(Path(data or "").resolve())) for setting in settings]


def refuse_other_code(pinned: str | None, checkout: Path) -> None:
    """StudyError unless the code equals that of the pinned commit; None pins nothing."""
    if pinned is None:
        return
    changed = [
        *_git(checkout, "diff", "--name-only", pinned, "--", *CODE),
        *_git(checkout, "ls-files", "--others", "--exclude-standard", "--", *CODE),
    ]
    if changed:
        raise StudyError(
            f"the code is not that of commit {pinned}, which study.yaml pins: {len(changed)} files "
            f"differ, such as {', '.join(changed[:3])}; check that commit out, or pin another"
        )


def _git(checkout: Path, *words: str) -> list[str]:
    done = subprocess.run(
        ["git", "-C", str(checkout), *words], capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = done.stderr.strip()
        raise StudyError(f"commit of study.yaml: git cannot compare the code with it: {said}")
    return done.stdout.splitlines()


def _code(study: Study) -> str | None:
    return study.commit or commit()


def refuse_unanswered(study: Study, settings: Mapping[str, Settings]) -> None:
    """StudyError if a question reads a row or a number of paths that its arm will not have."""
    for name, question in study.questions.items():
        for system in question.systems():
            if system.arm in settings and (fault := _fault(system, settings[system.arm])):
                raise StudyError(f"questions.{name}: {system.describe()}: {fault}")


def _fault(system: Side, settings: Settings) -> str:
    answering, sampled = list(settings.answering()), settings.decoding.num_paths
    rows = [*answering, "vote", *(f"{t} vote" for t in answering if sampled > 1)]
    if system.row and system.row not in rows:
        return f"the arm has rows {', '.join(rows)}"
    if unknown := [thought for thought in system.thoughts if thought not in answering]:
        return f"the arm answers by {', '.join(answering)}, not by {', '.join(unknown)}"
    each = (system.paths or 1) // max(1, len(system.thoughts))
    if system.thoughts and each > sampled:
        return f"needs {each} paths a thought, and decoding.num_paths={sampled}"
    return ""
