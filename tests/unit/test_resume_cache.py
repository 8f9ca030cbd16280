"""Answers of a killed run are found again: whole batches, to the bit, and nothing half written."""

import pytest

from mdexp.decoding.decode_stats import Work
from mdexp.decoding.generate import generate_answers
from mdexp.decoding.request import DecodingLimits, DecodingRequest
from mdexp.decoding.resume_cache import ResumeCache
from mdexp.students.prompts import Renderer
from mdexp.thoughts.cot import ChainOfThought
from tests.tiny_run import SEED, tiny

COT = ChainOfThought(instruction="", cue="")
LIMITS = DecodingLimits(max_new_tokens=6, temperature=0.7, batch_size=4)
NUMBER = 10  # requests: two whole batches, and a half


@pytest.fixture(scope="module")
def student():
    model, tokenizer = tiny("causal").load(SEED)
    return model, Renderer(tokenizer, "causal", "plain")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "answers.jsonl"


def requests():
    return [
        DecodingRequest(
            prompt_ids=list(range(3, 9 + number)),
            problem=f"p{number}",
            stop=COT.complete,
            sample=number % 2,
            stream=str(number),
        )
        for number in range(NUMBER)
    ]


def answers(student, work, limits=LIMITS, number=NUMBER):
    """So many answers, after which nobody asks for more."""
    found = generate_answers(*student, requests(), limits, work)
    return [next(found) for _ in range(number)]


def test_what_a_killed_run_kept_is_found_and_the_rest_is_written(student, file):
    whole = Work()
    expected = answers(student, whole)
    answers(student, Work(kept=ResumeCache(file)), number=5)  # of the second batch, too
    resumed = Work(kept=ResumeCache(file))
    assert answers(student, resumed) == expected
    assert resumed.found == resumed.counts()["answers_kept_by_a_killed_run"] == 8
    assert 0 < resumed.row_steps < whole.row_steps / 2
    again = Work(kept=ResumeCache(file))
    assert answers(student, again) == expected
    assert again.counts() == {"answers_kept_by_a_killed_run": NUMBER}


@pytest.mark.parametrize("cut", [1, 40])
def test_a_batch_that_was_cut_short_is_written_anew(student, file, cut):
    expected = answers(student, Work(kept=ResumeCache(file)))
    file.write_bytes(file.read_bytes()[:-cut])
    for found in (8, NUMBER):  # the line is mended, not written behind the half one
        work = Work(kept=ResumeCache(file))
        assert answers(student, work) == expected
        assert work.found == found


@pytest.mark.parametrize("hole", [b"\x00", b"\xff", b"[", b"9"], ids=str)
def test_a_hole_loses_one_batch(student, file, hole, caplog):
    expected = answers(student, Work(kept=ResumeCache(file)))
    content = file.read_bytes()
    start = content.index(b"\n") + 1  # of the second of three batches
    file.write_bytes(content[: start + 5] + hole * 30 + content[start + 35 :])
    for found in (6, NUMBER):
        work = Work(kept=ResumeCache(file))
        assert answers(student, work) == expected
        assert work.found == found
    assert "1 of 3 batches cannot be read" in caplog.text


def test_other_requests_find_nothing(student, file):
    answers(student, Work(kept=ResumeCache(file)))
    kept, asked = ResumeCache(file), requests()[:4]
    assert kept.find(asked, LIMITS)
    assert kept.find(asked[:3], LIMITS) is None
    assert kept.find(asked[::-1], LIMITS) is None
    other = DecodingLimits(max_new_tokens=7, temperature=0.7, batch_size=4)
    assert kept.find(asked, other) is None


def test_a_run_that_nobody_killed_counts_nothing(student, file):
    work = Work(kept=ResumeCache(file))
    answers(student, work)
    assert "answers_kept_by_a_killed_run" not in work.counts()
