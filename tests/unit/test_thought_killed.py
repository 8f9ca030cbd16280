"""A student killed within a thought of three texts: a new start ends in the same transcripts, and
writes and runs nothing again of what was kept."""

import os
import signal
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path

import pytest
import torch

from mdexp.decoding.answering import answer
from mdexp.decoding.cached_text import CachedText
from mdexp.decoding.decode_stats import DecodeStats
from mdexp.decoding.request import Answered, DecodingLimits, DecodingRequest
from mdexp.decoding.resume_cache import ResumeCache
from mdexp.decoding.session import Session, Written
from mdexp.decoding.student_writer import StudentWriter
from mdexp.records import Output, Problem, ProgramResult
from mdexp.students.prompts import Renderer
from mdexp.students.tiny import byte_tokenizer
from tests.contract.conftest import plugin
from tests.tiny_run import straight

NUMBER, BATCH = 6, 4  # problems with two samples each: three windows of three texts
KILLED_AT = 5  # the second text of the second window
# What a student writes, text by text; {n} is of the problem and the sample.
SCRIPTS = {
    "kpdd": ["How many has {n}?\n\n", "There are {n} and 1.\n\n", "ans = {n} + 1\n"],
    "repair": ["ans = fault{n}a\n", "ans = fault{n}b\n", "ans = {n} + 1\n"],
    "tir": [
        "First.\n```python\na = {n}\nprint(a)\n```",
        "Then.\n```python\nb = {n} + 1\nprint(b)\n```",
        "The answer is {n}1.",
    ],
}
DECODING = straight(max_new_tokens=400, batch_size=BATCH)


class Interpreter:
    """Programs about a fault raise. It remembers what it ran."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    def run(self, programs: Sequence[str]) -> list[ProgramResult]:
        self.ran += programs
        return [
            ProgramResult(status="runtime_error", error="NameError")
            if "fault" in program
            else ProgramResult(status="ok", answer=len(program), stdout=f"{len(program)}\n")
            for program in programs
        ]

    def solve(self, systems: Sequence[str]) -> list[ProgramResult]:
        raise AssertionError("there are no equations here")


def written(
    name: str, work: DecodeStats, log: Path, dies_at: int = 0
) -> tuple[list[Output], Interpreter]:
    """The transcripts of a scripted student, whose log has a line for each text that it begins.
    It kills its own process in the call of that number."""
    calls: list[int] = []

    def write(
        session: Session,
        requests: Sequence[DecodingRequest],
        texts: Sequence[CachedText],
        limits: DecodingLimits,
    ) -> list[Written]:
        calls.append(len(requests))
        with log.open("a") as file:
            file.writelines(f"{request.stream}\n" for request in requests)
        if len(calls) == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return [(_answered(request, name), CachedText()) for request in requests]

    patch = pytest.MonkeyPatch()
    patch.setattr(Session, "write", write)
    executor = Interpreter()
    problems = [
        Problem(id=f"p{n}", dataset="toy", split="test", question="Few?" * (n + 1), answer=n)
        for n in range(NUMBER)
    ]
    writer = StudentWriter(
        model=torch.nn.Module(),  # type: ignore[arg-type]  # scripted
        renderer=Renderer(byte_tokenizer(), "causal", "plain"),
        phase="after",
        seed=0,
        work=work,
    )
    thoughts = {name: plugin("thought", name)}
    try:
        return answer(writer, problems, thoughts, decoding=DECODING, executor=executor), executor
    finally:
        patch.undo()


def _answered(request: DecodingRequest, name: str) -> Answered:
    part = request.stream.partition("/part ")[2]
    number = 10 * (1 + int(request.problem[1:])) + request.sample
    text = SCRIPTS[name][int(part or 0)].format(n=number)
    whole = request.stop(text)
    tokens = [7] * 5
    return Answered(
        token_ids=tokens,
        logprobs=[-0.5] * len(tokens),
        num_tokens=len(tokens),
        text=text if whole is None else whole,
        finished=True,
    )


def _killed(name: str, kept: Path, log: Path) -> None:
    written(name, DecodeStats(kept=ResumeCache(kept)), log, dies_at=KILLED_AT)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_killed_thought_of_three_texts_ends_in_the_same_transcripts(name, tmp_path):
    logs = {which: tmp_path / which for which in ("whole", "killed", "resumed")}
    expected, undisturbed = written(name, DecodeStats(), logs["whole"])
    assert all(sum(s.author == "writer" for s in o.segments) == 3 for o in expected)

    kept = tmp_path / "answers.jsonl"
    process = get_context("fork").Process(target=_killed, args=(name, kept, logs["killed"]))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL

    work = DecodeStats(kept=ResumeCache(kept))
    resumed, executor = written(name, work, logs["resumed"])
    assert resumed == expected
    assert work.found == BATCH
    asked = {which: log.read_text().splitlines() for which, log in logs.items()}
    assert len(asked["whole"]) == 3 * 2 * NUMBER == len(set(asked["whole"]))
    assert len(asked["killed"]) == KILLED_AT * BATCH
    assert asked["resumed"] == asked["whole"][3 * BATCH :], "the first window is not written again"
    assert executor.ran == undisturbed.ran[len(undisturbed.ran) // 3 :], "and its programs not run"
