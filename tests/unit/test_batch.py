"""Batch: each answer bought once, whatever expires, fails, gets lost or is killed on the way."""

import json
import logging
import os
import re
import signal
import time
from collections import Counter

import pytest

from mdexp.ports import progress
from mdexp.teacher import batch, batch_collection, batch_connection, batch_server
from mdexp.teacher.batch_ledger import uncollected
from mdexp.teacher.batch_progress import BatchProgress
from mdexp.teacher.batch_server import State
from mdexp.teacher.ledger import Ledger
from mdexp.teacher.retry import TeacherError
from tests.buyer import buy, problems, start, teacher
from tests.loopback import LoopbackServer

PRICE = {"input": 1.0, "output": 1.0}


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(batch_collection, "POLL_S", 0.01)
    monkeypatch.setattr(batch_connection, "pause_s", lambda error, number: 0.01)
    monkeypatch.setattr(batch_server, "LISTED_WITHIN_S", 0.01)
    with LoopbackServer(answer=lambda question, number: f"{question} #{number}") as running:
        running.latency_s = 0
        yield running


def by_batch(server, folder, number=6, **changes):
    return buy(server.url, folder, problems(number), mode="batch", **changes)


def bought(server):
    return sum(server.num_choices.values())


def test_answers_are_joined_by_id_not_by_place(server, tmp_path):
    paths = by_batch(server, tmp_path, num_paths=2)
    assert [path.text for path in paths] == [
        f"Question {i}?\nThink. #{k}" for i in range(6) for k in range(2)
    ]
    assert server.num_calls == 0, "nothing was asked online"
    assert len(server.batches.batches) == 1
    lines = server.batches.files["file-0"].splitlines()
    assert len(lines) == 6
    first = json.loads(lines[0])
    assert (first["method"], first["url"], first["body"]["n"]) == (
        "POST",
        "/v1/chat/completions",
        2,
    )
    with Ledger(tmp_path) as ledger:
        assert ledger.states() == {"answered": 6}
        assert uncollected(ledger, teacher(server.url).endpoint) == []


def test_online_and_batch_own_the_same_answers(server, tmp_path):
    paths = by_batch(server, tmp_path)
    assert buy(server.url, tmp_path, problems(6)) == paths
    assert by_batch(server, tmp_path) == paths
    more = by_batch(server, tmp_path, 8)
    assert more[:6] == paths
    assert (server.num_calls, bought(server)) == (0, 8)
    assert len(server.batches.files["file-2"].splitlines()) == 2


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("expired", "batch_expired"),
        ("partly failed", "HTTP 500"),
        ("missing lines", "no line in the batch"),
    ],
)
def test_only_what_is_missing_is_handed_in_again(server, tmp_path, fault, kind):
    server.batches.misbehave(fault, fault)
    paths = by_batch(server, tmp_path, 8, price=PRICE)
    assert len({path.text for path in paths}) == 8
    assert bought(server) == 8
    sizes = [b["request_counts"]["total"] for b in server.batches.batches.values()]
    assert sizes == [8, 4, 2]
    with Ledger(tmp_path) as ledger:
        errors = ledger.db.execute(
            "SELECT count(*), sum(price_micro_usd) > 0, state FROM calls"
            " WHERE error LIKE ? GROUP BY state",
            (f"%{kind}%",),
        ).fetchall()
    # A line that vanished may have been charged; one that the server names was not.
    assert errors == [(6, 1, "unknown")] if fault == "missing lines" else [(6, 0, "failed")]


def _changed(**changes):
    """A result line with other fields in its reply's body."""

    def change(line):
        row = json.loads(line)
        row["response"]["body"] |= changes
        return json.dumps(row)

    return change


def _cut_out(before, after):
    return lambda line: re.sub(before, lambda match: after, line)


NUMBER = '"prompt_tokens": [0-9]+'
SPOILED = {
    "deep JSON": lambda line: line[:-1] + ', "x": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "deep body": _cut_out('"usage"', '"usage2": ' + "[" * 900 + "]" * 900 + ', "usage"'),
    "cut": lambda line: line[:-9],
    "a list": lambda line: f"[{line}]",
    "nothing": lambda line: "null",
    "model with half a surrogate pair": _changed(model="\ud83d"),
    "fingerprint with half a surrogate pair": _changed(system_fingerprint="\udc00"),
    "text with half a surrogate pair": _cut_out('"content": "', '"content": "\\ud83d'),
    "usage beyond 64 bits": _cut_out(NUMBER, f'"prompt_tokens": {10**30}'),
    "usage of 5,000 digits": _cut_out(NUMBER, f'"prompt_tokens": {"9" * 5000}'),
    "usage of no number": _cut_out(NUMBER, '"prompt_tokens": NaN'),
    "negative usage": _cut_out(NUMBER, '"prompt_tokens": -7'),
    "usage in words": _cut_out(NUMBER, '"prompt_tokens": "seven"'),
    "usage null": _changed(usage=None),
    "usage a list": _changed(usage=[7]),
    "status in words": _cut_out('"status_code": 200', '"status_code": "fine"'),
    "status a list": _cut_out('"status_code": 200', '"status_code": [200]'),
    "code a list": _cut_out(
        '"response": .*', '"response": {"status_code": 500, "body": {"error": {"code": [1]}}}}'
    ),
    "reason with half a surrogate pair": _cut_out(
        '"response": .*',
        '"response": {"status_code": 500, "body": {"error": {"message": "\\ud83d"}}}}',
    ),
}


@pytest.mark.parametrize("fault", SPOILED)
def test_a_line_that_cannot_be_read_costs_that_line(server, tmp_path, fault):
    server.batches.spoil = SPOILED[fault]
    assert len(by_batch(server, tmp_path, price=PRICE)) == 6
    assert bought(server) <= 7
    with Ledger(tmp_path) as ledger:
        states = ledger.states()
        spent, worst = ledger.db.execute(
            "SELECT spent_micro_usd, (SELECT max(worst_micro_usd) FROM calls) FROM budgets"
        ).fetchone()
    assert states.pop("answered") == 6
    assert states in ({}, {"unknown": 1}, {"failed": 1})
    assert spent in (60, 50 + worst, 60 + worst), "true prices, and the worst where it is not known"


def test_results_that_are_too_long_are_cut_and_the_rest_is_had_again(
    server, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(batch_server, "MAX_FILE_BYTES", 900)
    assert len(by_batch(server, tmp_path)) == 6
    assert "has more than 900 bytes: cut" in caplog.text
    with Ledger(tmp_path) as ledger:
        assert ledger.states()["unknown"] >= 1, "a line beyond the limit was paid for"


def test_a_download_that_never_ends_is_given_up(server, tmp_path, monkeypatch):
    monkeypatch.setattr(batch_server, "FILE_DEADLINE_S", 0.3)
    server.trickles = True
    with pytest.raises(TeacherError, match=r"does not answer: time-out"):
        by_batch(server, tmp_path, max_retries=1)
    server.trickles = False
    assert len(by_batch(server, tmp_path)) == 6
    assert bought(server) == 6


def test_a_filtered_line_is_an_outcome(server, tmp_path):
    server.batches.misbehave("partly filtered")
    paths = by_batch(server, tmp_path)
    assert [path.finish_reason for path in paths] == ["stop", "content_filter"] * 3
    assert len(server.batches.batches) == 1


def test_a_refused_line_stops_with_what_came_kept(server, tmp_path):
    server.batches.misbehave("partly refused")
    with pytest.raises(
        TeacherError, match=r"refuses the parameter top_k: try leave|refuses the prompt.*top_k"
    ):
        by_batch(server, tmp_path)
    assert len(server.batches.batches) == 1
    assert len(by_batch(server, tmp_path)) == 6
    assert bought(server) == 6


@pytest.mark.parametrize(
    ("fault", "said"), [("failed", "too many enqueued tokens"), ("cancelled", "does not say why")]
)
def test_a_batch_that_ended_early_is_told_and_can_be_handed_in_again(server, tmp_path, fault, said):
    server.batches.misbehave(fault)
    with pytest.raises(TeacherError, match=f"batch_0 {fault}: .*{said}.*teacher.mode=online"):
        by_batch(server, tmp_path, price=PRICE)
    with Ledger(tmp_path) as ledger:
        assert "open" not in ledger.states()
        assert ledger.db.execute("SELECT sum(reserved_micro_usd) FROM budgets").fetchone() == (0,)
    assert len(by_batch(server, tmp_path, price=PRICE)) == 6
    assert bought(server) == 6


def test_batches_that_bring_nothing_are_not_repeated_for_ever(server, tmp_path, caplog):
    server.batches.misbehave(*["missing lines"] * 20)
    server.batches._answer = lambda body: (500, '{"error": {"message": "oops"}}')
    with pytest.raises(TeacherError, match="not one of 6 answers"):
        by_batch(server, tmp_path)
    assert len(server.batches.batches) == batch.MAX_VAIN_ROUNDS
    assert "6 of 6 answers could not be had" in caplog.text


def test_a_server_that_ignores_n_is_asked_again_with_seeds(server, tmp_path):
    server.honours_n = False
    paths = by_batch(server, tmp_path, 2, num_paths=3)
    assert len({path.text for path in paths}) == 6
    assert bought(server) == 6
    again = [json.loads(line)["body"] for line in server.batches.files["file-2"].splitlines()]
    assert [(body.get("n"), body["seed"]) for body in again] == [(None, 1), (None, 2)] * 2


@pytest.mark.parametrize("fault", ["cut", "502", "garbage"])
def test_the_start_of_a_batch_whose_reply_is_lost_is_not_repeated(server, tmp_path, fault):
    server.batches.starts = [fault]
    assert len(by_batch(server, tmp_path)) == 6
    assert len(server.batches.batches) == 1


def unanswered_start(server, folder, **changes):
    """A run whose batch is made, but nobody says so."""
    server.batches.starts = ["502, then down"]
    with pytest.raises(TeacherError, match=r"not known; run again to find out"):
        by_batch(server, folder, price=PRICE, max_retries=2, **changes)
    server.batches.is_down = False


def test_a_start_that_nobody_answers_is_unknown_and_counts_with_its_worst_case(server, tmp_path):
    unanswered_start(server, tmp_path)
    with Ledger(tmp_path) as ledger:
        assert ledger.states() == {"unknown": 6}
        spent, reserved, worst = ledger.db.execute(
            "SELECT spent_micro_usd, reserved_micro_usd, (SELECT sum(worst_micro_usd) FROM calls)"
            " FROM budgets"
        ).fetchone()
    assert (spent, reserved) == (worst, 0)
    assert worst > 0


@pytest.mark.parametrize("mode", ["batch", "online"])
def test_a_start_that_nobody_answered_is_found_before_anything_is_bought(server, tmp_path, mode):
    unanswered_start(server, tmp_path)
    server.batches.polls_until_done = 1
    assert len(buy(server.url, tmp_path, problems(6), mode=mode, price=PRICE)) == 6
    assert (bought(server), server.num_calls, len(server.batches.batches)) == (6, 0, 1)
    with Ledger(tmp_path) as ledger:
        assert ledger.states() == {"answered": 6}
        assert ledger.db.execute("SELECT sum(spent_micro_usd) FROM budgets").fetchone() == (60,)


@pytest.mark.parametrize("mode", ["batch", "online"])
def test_while_a_start_is_unknown_nothing_is_bought(server, tmp_path, mode):
    unanswered_start(server, tmp_path)
    server.batches.is_down = True
    with pytest.raises(TeacherError, match="the Batch API does not answer"):
        buy(server.url, tmp_path, problems(6), mode=mode, price=PRICE, max_retries=1)
    assert (server.num_calls, len(server.batches.batches)) == (0, 1)


def test_a_batch_is_looked_for_on_every_page(server, tmp_path):
    for number in range(3):
        assert len(by_batch(server, tmp_path / str(number), 1)) == 1
    unanswered_start(server, tmp_path)
    server.batches.page_size = 2
    assert len(by_batch(server, tmp_path, price=PRICE)) == 6
    assert len(server.batches.batches) == 4


def test_a_list_that_does_not_end_is_no_answer(server, tmp_path):
    unanswered_start(server, tmp_path)
    server.batches.batches.clear()
    server.batches.lists_for_ever = True
    with pytest.raises(TeacherError, match="does not answer: broken reply"):
        by_batch(server, tmp_path, price=PRICE, max_retries=1)
    assert server.batches.batches == {}


def test_a_start_that_never_came_is_made_again_and_costs_nothing(server, tmp_path):
    unanswered_start(server, tmp_path)
    server.batches.batches.clear()
    assert len(by_batch(server, tmp_path, price=PRICE)) == 6
    with Ledger(tmp_path) as ledger:
        assert ledger.states() == {"failed": 6, "answered": 6}
        assert ledger.db.execute("SELECT sum(spent_micro_usd) FROM budgets").fetchone() == (60,)


def test_a_file_holds_only_so_many_lines(server, tmp_path, monkeypatch):
    monkeypatch.setattr(batch, "MAX_LINES", 4)
    assert len(by_batch(server, tmp_path, 9)) == 9
    sizes = [b["request_counts"]["total"] for b in server.batches.batches.values()]
    assert sizes == [4, 4, 1]
    assert bought(server) == 9


def test_the_budget_holds_and_further_batches_follow(server, tmp_path, caplog):
    """Worst case a call about 0.00017 USD, true price 0.00001: a budget of 0.0006 takes three at a
    time, and all of twelve after a few rounds."""
    paths = by_batch(server, tmp_path, 12, price=PRICE, budget_usd=0.0006)
    assert len(paths) == 12
    assert len(server.batches.batches) > 2
    with pytest.raises(TeacherError, match="not one of"):
        by_batch(server, tmp_path / "other", 2, price=PRICE, budget_usd=0.00001)
    assert "what is left of the budget may not pay for another call" in caplog.text


def test_it_says_how_far_the_batches_are(server, tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(progress, "LINE_MIN_S", 0)
    server.batches.polls_until_done = 3
    by_batch(server, tmp_path, 6)
    said = [m for m in caplog.messages if "calls (" in m]
    assert [re.sub(r"[0-9.e+]+/s, \d+ s", "RATE", m) for m in said] == [
        "extract, cot, d/train: 2 of 6 calls (33 %); RATE to go; batches: in_progress 1",
        "extract, cot, d/train: 4 of 6 calls (66 %); RATE to go; batches: in_progress 1",
        "extract, cot, d/train: 6 of 6 calls (100 %); answers 6",
    ]


def test_no_batch_is_more_than_done():
    """A batch fails, another run begins one, a server counts wrong: the bar holds."""

    def seen(status, num_done):
        return State(status=status, num_done=num_done, num_lines=9, files=(), detail="")

    with BatchProgress({"a": 4, "b": 6}, "teacher", Counter()) as bar:
        bar.saw("a", seen("validating", 0))
        bar.saw("b", seen("in_progress", 9))
        assert bar.remark() == "batches: validating 1, in_progress 1"
        bar.saw("another's", seen("in_progress", 3))
        bar.saw("b", seen("in_progress", 5))
        bar.saw("a", seen("failed", 1))
        assert bar.remark() == "batches: in_progress 1"
        assert bar.num_done == 10


def wait_for(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.005)


def test_a_killed_run_is_gone_on_with(server, tmp_path):
    server.batches.frozen = True
    process = start(server.url, tmp_path, 6, mode="batch")
    wait_for(lambda: any(b["polls"] for b in server.batches.batches.values()))
    process.kill()
    process.join()
    server.batches.frozen = False
    assert len(by_batch(server, tmp_path, 8)) == 8
    assert bought(server) == 8
    sizes = [b["request_counts"]["total"] for b in server.batches.batches.values()]
    assert sizes == [6, 2]


def _handed_in_unseen(server, folder, monkeypatch, before):
    """A run that dies while it hands a batch in: before or after the server has it."""
    submit = batch_server.BatchServer.submit

    def die(self, *arguments):
        if not before:
            submit(self, *arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(batch_server.BatchServer, "submit", die)
    with pytest.raises(KeyboardInterrupt):
        by_batch(server, folder)
    monkeypatch.setattr(batch_server.BatchServer, "submit", submit)


@pytest.mark.parametrize(("before", "sizes"), [(True, [6]), (False, [6])])
def test_a_batch_is_found_again_by_its_token(server, tmp_path, monkeypatch, before, sizes):
    _handed_in_unseen(server, tmp_path, monkeypatch, before)
    assert len(server.batches.batches) == (0 if before else 1)
    assert len(by_batch(server, tmp_path)) == 6
    assert [b["request_counts"]["total"] for b in server.batches.batches.values()] == sizes
    assert bought(server) == 6


def test_a_batch_that_the_server_forgot_is_handed_in_again(server, tmp_path):
    server.batches.frozen = True
    process = start(server.url, tmp_path, 3, mode="batch", price=PRICE)
    wait_for(lambda: any(b["polls"] for b in server.batches.batches.values()))
    process.kill()
    process.join()
    server.batches.batches.clear()
    server.batches.frozen = False
    assert len(by_batch(server, tmp_path, 3, price=PRICE)) == 3
    with Ledger(tmp_path) as ledger:
        assert ledger.states() == {"answered": 3, "unknown": 3}


def test_a_batch_that_is_denied_but_listed_is_waited_for(server, tmp_path):
    server.batches.num_not_found = 2
    assert len(by_batch(server, tmp_path)) == 6
    assert len(server.batches.batches) == 1


def test_results_that_the_server_has_no_more_are_unknown_and_had_again(
    server, tmp_path, monkeypatch
):
    write = server.batches._file
    lost = iter([True])

    def forget_results_once(content):
        name = write(content)
        if "not-ours" in content and next(lost, False):
            del server.batches.files[name]
        return name

    monkeypatch.setattr(server.batches, "_file", forget_results_once)
    assert len(by_batch(server, tmp_path, price=PRICE)) == 6
    with Ledger(tmp_path) as ledger:
        assert ledger.states() == {"answered": 6, "unknown": 6}


def test_ctrl_c_ends_a_download_at_once(server, tmp_path):
    server.trickles = True
    process = start(server.url, tmp_path, 6, mode="batch")
    wait_for(lambda: server.num_trickled > 2)
    os.kill(process.pid, signal.SIGINT)
    process.join(10)
    assert process.exitcode not in (0, None)
    server.trickles = False
    assert len(by_batch(server, tmp_path)) == 6
    assert bought(server) == 6


def test_open_batches_do_not_hold_up_an_online_run(server, tmp_path):
    server.batches.frozen = True
    process = start(server.url, tmp_path, 6, mode="batch")
    wait_for(lambda: any(b["polls"] for b in server.batches.batches.values()))
    others = problems(12)[6:]
    assert len(buy(server.url, tmp_path, others, concurrency=2)) == 6
    process.kill()
    process.join()


def test_two_processes_that_want_the_same_hand_it_in_once(server, tmp_path):
    twins = [start(server.url, tmp_path, 10, mode="batch") for _ in range(2)]
    for twin in twins:
        twin.join(60)
        assert twin.exitcode == 0
    assert bought(server) == 10


def test_an_endpoint_without_batches_says_so(server, tmp_path, monkeypatch):
    monkeypatch.setattr(
        server.batches, "post", lambda path, raw: (404, '{"error": {"message": "no route"}}')
    )
    with pytest.raises(TeacherError, match=r"teacher\.mode=online needs no Batch API"):
        by_batch(server, tmp_path, 2)
    with Ledger(tmp_path) as ledger:
        assert ledger.states() == {"failed": 2}


def test_a_key_that_a_server_repeats_is_nowhere(server, tmp_path, monkeypatch, caplog):
    key = "sk-planted-5e19b0"
    monkeypatch.setenv("TEACHER_KEY", key)
    told = json.dumps({"error": {"message": f"wrong key {key}"}})
    server.batches._answer = lambda body: (401, told)
    with pytest.raises(TeacherError, match=r"wrong key \[key\]") as error:
        by_batch(server, tmp_path, 2)
    monkeypatch.setattr(server.batches, "post", lambda path, raw: (401, told))
    with pytest.raises(TeacherError, match=r"wrong key \[key\]") as second:
        by_batch(server, tmp_path, 2)
    written = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert b"[key]" in written
    assert key.encode() not in written
    assert key not in f"{caplog.text}{error.value}{second.value}"
