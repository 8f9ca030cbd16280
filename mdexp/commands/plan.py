"""What a run would ask of its teacher and cost, and whether its student fits the memory: `python -m
mdexp.plan [--devices N] [--memory GB] [key=value ...]`.

Takes the arguments of `python -m mdexp.run`, with -m for a sweep. It needs no key and contacts no
server: it prepares the problems in the store, looks up what the ledger owns, and prints requests,
tokens, money, time, and the prompt of the first problem for each thought. Then it works out the
memory of one training step and one decoding step from tensor shapes alone, for this machine's
devices or for N devices with GB gigabytes each.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import chain, groupby
from pathlib import Path

from mdexp.commands.exit_codes import as_exit_code
from mdexp.commands.memory_plan import memory_lines
from mdexp.commands.run_plan import judged_jobs
from mdexp.config.settings import Settings
from mdexp.records import Problem
from mdexp.sandbox.executor import Sandbox
from mdexp.store.stage_store import Store
from mdexp.teacher.asking import wanted_samples
from mdexp.teacher.dialogue import is_dialogue
from mdexp.teacher.ledger import Ledger
from mdexp.teacher.model_history import ModelHistory, model_history
from mdexp.teacher.openai import OpenAITeacher
from mdexp.teacher.purchase_plan import RateLimits, Wants, Wish, of_sweep, plan_purchase
from mdexp.teacher.purchase_plan_text import plan_lines, prompt_lines
from mdexp.teacher.request import Request
from mdexp.teacher.schema import FILE
from mdexp.teacher.step_forecast import LaterText, later_texts
from mdexp.teacher.tokens import counting_rule


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; give its exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    if {"-h", "--help"} & set(arguments):
        print(f"{__doc__}\nThe keys are those of python -m mdexp.run --help")
        return 0
    return as_exit_code(lambda: _plan(arguments), refused=(ValueError,))


def _plan(arguments: list[str]) -> None:
    places, arguments = _places(arguments)
    jobs = judged_jobs(arguments)
    for line in chain(_plans(jobs), _memory(jobs, places)):
        print(line, flush=True)


def _places(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """The devices to plan for, and the other arguments."""
    parser = argparse.ArgumentParser(prog="python -m mdexp.plan", add_help=False)
    parser.add_argument("--devices", type=int)
    parser.add_argument("--memory", type=float)
    places, rest = parser.parse_known_args(arguments)
    for name, value in vars(places).items():
        if value is not None and value <= 0:
            raise ValueError(f"--{name} must be above 0, got {value}")
    return places, rest


def _memory(jobs: Sequence[Settings], places: argparse.Namespace) -> Iterator[str]:
    """The memory lines for each distinct student and training setup among the jobs."""
    told: list[object] = []
    for job in jobs:
        if {"train", "generate"} & set(job.stages):
            what = (job.student, job.trainer, job.decoding, job.stages)
            if what not in told:
                told.append(what)
                yield from memory_lines(job, places.devices, places.memory)


def _plans(jobs: Sequence[Settings]) -> Iterator[str]:
    """The plan's lines for each teacher that the jobs ask."""
    asking = [job for job in jobs if "extract" in job.stages]
    free = sorted({type(j.teacher).__name__ for j in asking if not _is_asked(j)})
    yield from (f"{name} asks nobody and costs nothing" for name in free)
    if not asking:
        yield "no teacher is asked: the stage extract is not chosen"
    for _, alike in groupby(sorted(filter(_is_asked, asking), key=_whom), key=_whom):
        yield from _lines(list(alike))


def _is_asked(job: Settings) -> bool:
    return isinstance(job.teacher, OpenAITeacher)


def _whom(job: Settings) -> tuple[str, str]:
    teacher = _teacher(job)
    return teacher.endpoint, teacher.model


def _teacher(job: Settings) -> OpenAITeacher:
    assert isinstance(job.teacher, OpenAITeacher)
    return job.teacher


def _lines(jobs: Sequence[Settings]) -> Iterator[str]:
    """The plan of the jobs that ask one model."""
    from mdexp.stages.prepare import prepared  # slow to load
    from mdexp.stages.problem_sets import training_problems

    problems: list[list[Problem]] = [training_problems(prepared(job)) for job in jobs]
    teacher, folder = _teacher(jobs[0]), Store(Path(jobs[0].store)).ledger
    with _opened(folder) as book:
        jobs_want = [_wanted(job, asked, book) for job, asked in zip(jobs, problems, strict=True)]
        wishes = [_wish(*want, book) for want in of_sweep(jobs_want).items()]
        known = model_history(book, teacher.endpoint, teacher.model) if book else ModelHistory()
    rule = counting_rule(teacher.model, known)
    limits = RateLimits(
        concurrency=teacher.concurrency,
        requests_per_minute=teacher.requests_per_minute,
        tokens_per_minute=teacher.tokens_per_minute,
    )
    plan = plan_purchase(wishes, rule, known, limits)
    yield from plan_lines(teacher, plan, wishes, rule, known)
    yield from prompt_lines(teacher.asking(), problems[0], jobs[0].asked_thoughts())


def _opened(folder: Path) -> AbstractContextManager[Ledger | None]:
    """The ledger, or None if there is none yet."""
    return Ledger(folder) if (folder / FILE).is_file() else nullcontext()


def _wanted(job: Settings, problems: Sequence[Problem], book: Ledger | None) -> Wants:
    """All requests of a job, for first and later texts."""
    teacher, thoughts = _teacher(job), job.asked_thoughts()
    teacher.refuse(thoughts)
    requests = teacher.asking().requests(problems, thoughts)
    names = {request: thought for (_, thought), of_sets in requests.items() for request in of_sets}
    wanted = {
        (request, 0): (names[request], frozenset(samples))
        for request, samples in wanted_samples(requests.values(), teacher.num_paths).items()
    }
    later = [
        {(text.request, text.num_unwritten): (text.thought, frozenset([text.sample]))}
        for text in _later(job, problems, book)
    ]
    return of_sweep([wanted, *later])


def _later(job: Settings, problems: Sequence[Problem], book: Ledger | None) -> list[LaterText]:
    """The requests for later texts; a sandbox runs the programs between texts."""
    thoughts, teacher = job.asked_thoughts(), _teacher(job)
    if not any(map(is_dialogue, thoughts.values())):
        return []
    with Sandbox(**job.sandbox.model_dump()) as executor:
        return later_texts(teacher.asking(), problems, thoughts, teacher.num_paths, book, executor)


def _wish(key: tuple[Request, int], want: tuple[str, frozenset[int]], book: Ledger | None) -> Wish:
    (request, num_unwritten), (thought, samples) = key, want
    wanted = sorted(samples)
    missing = book.missing(request, wanted) if book and not num_unwritten else wanted
    return Wish(
        request=request,
        thought=thought,
        num_samples=len(samples),
        missing=missing,
        num_unwritten=num_unwritten,
    )
