"""Whatever hits a purchase: a rerun after repair has the same answers, and none is bought twice."""

import sqlite3

import pytest

from mdexp.teacher import patient_writer
from mdexp.teacher.database import DiskFault
from mdexp.teacher.ledger import Ledger
from tests.buyer import buy, problems
from tests.claiming import REQUEST, claims, reply
from tests.faults.teacher_faults import (
    DISK,
    FOR_GOOD,
    NUM_ANSWERS,
    Case,
    case_of,
    content,
    disk_with,
    flaws,
    in_haste,
    survive,
)
from tests.loopback import LoopbackServer

NUM_CASES = 18  # each fault of each mode once


@pytest.fixture
def server():
    with LoopbackServer(answer=content) as running:
        yield running


@pytest.mark.parametrize("seed", range(NUM_CASES))
def test_after_repair_a_rerun_equals_an_undisturbed_run(seed, server, tmp_path):
    case = case_of(seed)
    outcome = survive(case, server, tmp_path)
    assert flaws(case, outcome) == [], (case, outcome)


@pytest.mark.parametrize("fault", DISK)
def test_a_disk_that_fails_for_a_while_loses_no_answer(fault, server, tmp_path, caplog):
    case = Case(0, "online", fault, at=60, lasts=40)
    outcome = survive(case, server, tmp_path)
    assert (outcome.stopped, outcome.bought) == ("", NUM_ANSWERS)
    assert outcome.states == {"answered": 4}
    assert f"the ledger cannot be written ({tmp_path}/teacher.sqlite: {DISK[fault][1]})" in (
        caplog.text
    )
    assert caplog.text.count("cannot be written") == 1, "not once for each try"


def test_while_the_ledger_cannot_be_written_nothing_more_is_sent(server, tmp_path, monkeypatch):
    sent = []

    class Writer(patient_writer.PatientWriter):
        def _report(self, error):
            sent.append(server.num_calls)

    monkeypatch.setattr("mdexp.teacher.online_purchase.PatientWriter", Writer)
    at = 300
    with in_haste(), disk_with(Case(0, "online", "ENOSPC", at, lasts=40)):
        assert len(buy(server.url, tmp_path, problems(40), concurrency=3)) == 40
    assert len(sent) > 10
    assert sent[-1] - sent[0] <= 2, "only what was under way"
    assert set(server.num_choices.values()) == {1}


def test_a_disk_that_stays_broken_ends_the_purchase(server, tmp_path):
    with (
        in_haste(),
        disk_with(Case(0, "online", "EROFS", 60, FOR_GOOD)),
        pytest.raises(DiskFault, match=r"teacher\.sqlite: attempt to write a readonly database"),
    ):
        buy(server.url, tmp_path, problems(9), concurrency=2)
    assert server.num_calls < 9


@pytest.mark.parametrize(
    ("fault", "repair"),
    [
        ("PRAGMA max_page_count = 1", "PRAGMA max_page_count = 100000"),
        ("PRAGMA query_only = ON", "PRAGMA query_only = OFF"),
    ],
    ids=["full", "read-only"],
)
def test_what_sqlite_itself_says_of_a_disk_leaves_the_ledger_usable(tmp_path, fault, repair):
    long = "a long answer" * 100_000
    with Ledger(tmp_path) as ledger:
        clerk = claims(ledger)
        claim = clerk.claim(REQUEST, [0], 100)
        ledger.db.execute(fault)
        with pytest.raises(DiskFault, match=r"teacher\.sqlite: "):
            clerk.answer(claim, reply(long), 7)
        assert ledger.states() == {"open": 1}
        ledger.db.execute(repair)
        assert clerk.answer(claim, reply(long), 7) == 1
        assert [answer.text for answer in ledger.answers(REQUEST, [0])] == [long]


def test_other_errors_of_sqlite_are_not_the_disks(tmp_path):
    with (
        Ledger(tmp_path) as ledger,
        pytest.raises(sqlite3.OperationalError, match="no such table"),
        ledger.writing(),
    ):
        ledger.db.execute("INSERT INTO nowhere VALUES (1)")
