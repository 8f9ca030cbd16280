"""Answers of a killed run are found again: whole batches, to the bit, and nothing half written."""

import pytest

from mdexp.decoding.answering import answer
from mdexp.decoding.decode_stats import DecodeStats
from mdexp.decoding.request import Answered, DecodingLimits, DecodingRequest
from mdexp.decoding.resume_cache import ResumeCache
from mdexp.decoding.row_batch import RowBatch
from mdexp.decoding.student_writer import StudentWriter
from mdexp.records import Problem, ProgramResult
from mdexp.students.prompts import Renderer
from mdexp.thoughts.cot import ChainOfThought
from tests.tiny_run import SEED, straight, tiny

COT = ChainOfThought(instruction="", cue="")
DECODING = straight(num_paths=0)
NUMBER = 10  # problems: two whole batches, and a half


class Died(Exception):
    """Stands for the end of a process."""


@pytest.fixture(scope="module")
def student():
    model, tokenizer = tiny("causal").load(SEED)
    return model, Renderer(tokenizer, "causal", "plain")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "answers.jsonl"


def answers(student, work, thoughts=None, decoding=DECODING):
    model, renderer = student
    problems = [
        Problem(id=f"p{n}", dataset="toy", split="test", question="?" * (n + 1), answer=n)
        for n in range(NUMBER)
    ]
    writer = StudentWriter(model=model, renderer=renderer, phase="after", seed=0, work=work)
    thoughts = thoughts or {"cot": COT}
    return answer(writer, problems, thoughts, decoding=decoding, executor=Nothing())


class Nothing:
    """An executor in which no program prints anything."""

    def run(self, programs):
        return [ProgramResult(status="no_answer") for _ in programs]


def dies_in_batch(monkeypatch, number):
    write, calls = RowBatch.run, []

    def run(batch):
        calls.append(batch)
        if len(calls) > number:
            raise Died
        return write(batch)

    monkeypatch.setattr(RowBatch, "run", run)


def test_what_a_killed_run_kept_is_found_and_the_rest_is_written(student, file, monkeypatch):
    whole = DecodeStats()
    expected = answers(student, whole)
    with monkeypatch.context() as killed:
        dies_in_batch(killed, 2)
        with pytest.raises(Died):
            answers(student, DecodeStats(kept=ResumeCache(file)))
    resumed = DecodeStats(kept=ResumeCache(file))
    assert answers(student, resumed) == expected
    assert resumed.found == resumed.counts()["answers_kept_by_a_killed_run"] == 8
    assert 0 < resumed.row_steps < whole.row_steps / 2
    again = DecodeStats(kept=ResumeCache(file))
    assert answers(student, again) == expected
    assert again.counts() == {"answers_kept_by_a_killed_run": NUMBER}


@pytest.mark.parametrize("cut", [1, 40])
def test_a_batch_that_was_cut_short_is_written_anew(student, file, cut):
    expected = answers(student, DecodeStats(kept=ResumeCache(file)))
    file.write_bytes(file.read_bytes()[:-cut])
    for found in (8, NUMBER):  # the line is mended, not written behind the half one
        work = DecodeStats(kept=ResumeCache(file))
        assert answers(student, work) == expected
        assert work.found == found


@pytest.mark.parametrize("hole", [b"\x00", b"\xff", b"[", b"9"], ids=str)
def test_a_hole_loses_one_batch(student, file, hole, caplog):
    expected = answers(student, DecodeStats(kept=ResumeCache(file)))
    content = file.read_bytes()
    start = content.index(b"\n") + 1  # of the second of three batches
    file.write_bytes(content[: start + 5] + hole * 30 + content[start + 35 :])
    for found in (6, NUMBER):
        work = DecodeStats(kept=ResumeCache(file))
        assert answers(student, work) == expected
        assert work.found == found
    assert "1 of 3 batches cannot be read" in caplog.text


def test_a_batch_of_other_records_is_written_again(student, file, caplog):
    expected = answers(student, DecodeStats(kept=ResumeCache(file)))
    file.write_bytes(file.read_bytes().replace(b'"finished": ', b'"ended": ', 1))
    work = DecodeStats(kept=ResumeCache(file))
    assert answers(student, work) == expected
    assert work.found == NUMBER - 4
    assert "a batch holds no Output" in caplog.text


def test_other_requests_find_nothing(file):
    limits = DecodingLimits(max_new_tokens=6, temperature=0.7, batch_size=4)
    asked = [
        DecodingRequest(
            prompt_ids=[3, n], problem="p", stop=lambda text: None, sample=0, stream=str(n)
        )
        for n in range(3)
    ]
    written = [Answered(token_ids=[n], text=str(n)) for n in range(3)]
    ResumeCache(file).keep(asked, limits, written)
    kept = ResumeCache(file)
    assert kept.find(asked, limits, Answered) == written
    assert kept.find(asked[:2], limits, Answered) is None
    assert kept.find(asked[::-1], limits, Answered) is None
    other = DecodingLimits(max_new_tokens=7, temperature=0.7, batch_size=4)
    assert kept.find(asked, other, Answered) is None


def test_a_run_that_nobody_killed_counts_nothing(student, file):
    work = DecodeStats(kept=ResumeCache(file))
    answers(student, work)
    assert "answers_kept_by_a_killed_run" not in work.counts()
