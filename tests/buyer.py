"""A process that buys answers, to be killed, doubled and interrupted.

    process = start(server.url, ledger, num_problems=40)
    process.kill()

A fork server has everything imported already, so that a start takes milliseconds.
"""

import multiprocessing
import signal
from collections.abc import Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from mdexp.ports import Executor, Thought
from mdexp.records import Path as TeacherPath
from mdexp.records import Problem, ProgramResult
from mdexp.teacher import batch_collection
from mdexp.teacher.command_id import new_command
from mdexp.teacher.openai import OpenAITeacher
from mdexp.thoughts.cot import ChainOfThought

COT = ChainOfThought(instruction="Reason.", cue="Think.")
FIELDS: dict[str, Any] = {
    "identity": None,
    "model": "large",
    "api_key_env": "TEACHER_KEY",
    "num_paths": 1,
    "style": "chat",
    "instruction_role": None,
    "num_shots": 0,
    "exemplar_sets": 1,
    "prompts": None,
    "temperature": 0.7,
    "top_p": None,
    "max_tokens": 64,
    "thinking": "drop",
    "max_thinking_tokens": 4096,
    "seed": None,
    "extra": None,
    "mode": "online",
    "price": None,
    "budget_usd": "auto",
    "concurrency": 4,
    "requests_per_minute": None,
    "tokens_per_minute": None,
    "timeout_s": 20,
    "max_retries": 12,
}


class NoPrograms:
    """An executor where nothing is run."""

    def run(self, programs: Sequence[str]) -> list[ProgramResult]:
        raise AssertionError(f"run: {programs}")

    def solve(self, systems: Sequence[str]) -> list[ProgramResult]:
        raise AssertionError(f"solved: {systems}")


NO_PROGRAMS = NoPrograms()


def problems(number: int) -> list[Problem]:
    return [
        Problem(id=f"p{i}", dataset="d", split="train", question=f"Question {i}?", answer=i)
        for i in range(number)
    ]


def teacher(base_url: str | None, **changes: Any) -> OpenAITeacher:
    return OpenAITeacher(**({"base_url": base_url} | FIELDS | changes))


def buy(
    base_url: str | None,
    ledger: Path,
    asked: Sequence[Problem],
    *,
    thoughts: Mapping[str, Thought] | None = None,
    executor: Executor | None = None,
    **changes: Any,
) -> list[TeacherPath]:
    """Everything that is asked, as one command."""
    chosen, runs = thoughts or {"cot": COT}, executor or NO_PROGRAMS
    with new_command():
        return list(teacher(base_url, **changes).paths(asked, chosen, ledger, runs))


def start(base_url: str, ledger: Path, num_problems: int, **changes: Any) -> BaseProcess:
    """Buy in a process of its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "openai.resources.chat", "httpx2"])
    arguments = (base_url, ledger, num_problems, changes)
    process = context.Process(target=_buy_with_signals, args=arguments, daemon=True)
    process.start()
    return process


def _buy_with_signals(
    base_url: str, ledger: Path, num_problems: int, changes: dict[str, Any]
) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    batch_collection.POLL_S = 0.05  # in this process alone
    buy(base_url, ledger, problems(num_problems), **changes)
