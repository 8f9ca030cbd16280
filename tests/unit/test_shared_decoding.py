"""Writing shared out over ranks: the texts of one process, and a killed rank loses no window."""

import multiprocessing
import os
import signal
import threading
import time
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mdexp.config.blocks import BeamSettings
from mdexp.decoding.beams import StepwiseBeams
from mdexp.decoding.search import SearchSettings, TreeSearch
from mdexp.decoding.sharing import ANSWERS, Sharing, WriterSource, forget_writer
from mdexp.records import LinearHead, Output, Problem
from mdexp.students.weights import Weights
from mdexp.training.decoding_ranks import decoding_ranks
from tests.contract.conftest import plugin
from tests.tiny_run import SEED, straight, tiny
from tests.unit.test_resume_cache import Nothing

THOUGHTS = {"cot": plugin("thought", "cot"), "tir": plugin("thought", "tir")}
PROBLEMS = [
    Problem(id=f"p{n}", dataset="toy", split="test", question="?" * (n + 1), answer=n)
    for n in range(7)
]
CHOSEN_ON = [
    Problem(id=f"v{n}", dataset="toy", split="validation", question="!" * (n + 1), answer=n)
    for n in range(4)
]
DECODING = straight()
HEAD = LinearHead(depth=1.0, weights=(0.5,) * 32, bias=0.0)  # as wide as the tiny student
BEAM = BeamSettings(width=2, branches=2, max_steps=3, weights=[(0, 0, 0, 0, 1), (0, 0, 0)])
SEARCH: dict[str, Any] = {"budget": 300, "branches": 2, "step_tokens": 3, "exploration": 1.0}
OPTIONS = DECODING.model_dump() | {"num_validation": 4}
TAUGHT = plugin("vote", "scorer").scorer


def search(scorer: Any) -> TreeSearch:
    return TreeSearch(**OPTIONS, search=SearchSettings(**SEARCH, scorer=scorer))


OTHERS = {"stepwise": StepwiseBeams(**OPTIONS, beam=BEAM)}
OTHERS |= {"search": search("run"), "taught search": search(TAUGHT)}
NUMBER = 2 * 2 * len(PROBLEMS)  # outputs: seven windows


def source(folder: Path) -> WriterSource:
    student = tiny("causal")
    return WriterSource(
        student=student,
        weights=Weights(student=student, seed=SEED),
        dtype="float32",
        device="cpu",
        phase="after",
        seed=0,
        folder=folder,
    )


def written(
    folder: Path,
    ranks: int,
    decoding: Any = DECODING,
    thoughts: Any = THOUGHTS,
    problems: list[Problem] = PROBLEMS,
) -> tuple[list[Output], Any]:
    """What so many ranks write, and what that took."""
    folder.mkdir(exist_ok=True)
    writer = replace(source(folder).writer(), head=HEAD)
    with decoding_ranks(ranks, forget_writer) as others:
        if others:
            executor = partial(nullcontext, Nothing())
            sharing = Sharing(others=others, source=source(folder), open_executor=executor)
            writer = replace(writer, sharing=sharing)
        outputs, _ = decoding.solve(problems, thoughts, writer, Nothing(), {})
    assert not multiprocessing.active_children()
    return outputs, writer.work


def windows(file: Path) -> int:
    return file.read_bytes().count(b"\n") if file.exists() else 0


def test_ranks_write_what_one_process_writes(tmp_path: Path) -> None:
    alone, work = written(tmp_path / "one", 1)
    shared, together = written(tmp_path / "three", 3)
    assert len(alone) == NUMBER and shared == alone
    files = [tmp_path / "three" / name for name in (ANSWERS, "answers.1.jsonl", "answers.2.jsonl")]
    assert [windows(file) for file in files] == [3, 2, 2]
    assert together.counts() == work.counts()
    together.remove_kept()
    assert not any(file.exists() for file in files)


@pytest.mark.parametrize("name", OTHERS)
def test_ranks_share_beams_and_trees(name: str, tmp_path: Path) -> None:
    """Also where validation problems choose the weights of beams, or teach the scorer of trees."""
    pot, problems = {"pot": plugin("thought", "pot")}, CHOSEN_ON + PROBLEMS
    alone, work = written(tmp_path / "one", 1, OTHERS[name], pot, problems)
    shared, together = written(tmp_path / "two", 2, OTHERS[name], pot, problems)
    assert {output.problem_id for output in alone} == {problem.id for problem in problems}
    assert shared == alone
    ours, theirs = (windows(tmp_path / "two" / name) for name in (ANSWERS, "answers.1.jsonl"))
    assert ours >= theirs >= 3, "each rank wrote its windows"
    assert windows(tmp_path / "one" / ANSWERS) == ours + theirs
    assert together.counts() == work.counts()
    assert together.read_by_scorer == work.read_by_scorer
    assert (work.read_by_scorer > 0) is (name == "stepwise"), "trees count what their scorer reads"


def test_fewer_windows_than_ranks_are_written_here(tmp_path: Path) -> None:
    whole = DECODING.model_copy(update={"batch_size": 2 * NUMBER})
    written(tmp_path, 2, whole)
    assert sorted(file.name for file in tmp_path.iterdir()) == [ANSWERS]


def kill_rank_1(file: Path) -> None:
    """Once it has kept a window."""
    while not windows(file):
        time.sleep(0.005)
    [rank] = multiprocessing.active_children()
    assert rank.pid
    os.kill(rank.pid, signal.SIGKILL)


def test_what_a_killed_rank_kept_is_found_by_any_number_of_ranks(tmp_path: Path) -> None:
    longer = DECODING.model_copy(update={"max_new_tokens": 60})
    expected, whole = written(tmp_path / "alone", 1, longer)
    folder = tmp_path / "shared"
    killer = threading.Thread(target=kill_rank_1, args=(folder / "answers.1.jsonl",), daemon=True)
    killer.start()
    with pytest.raises(RuntimeError, match=r"rank 1, .* ended with code -9; .* is kept"):
        written(folder, 2, longer)
    kept = windows(folder / ANSWERS) + windows(folder / "answers.1.jsonl")
    assert 1 < kept < 7
    found, work = written(folder, 1, longer)
    assert found == expected
    assert 0 < work.found < NUMBER and 0 < work.row_steps < whole.row_steps
