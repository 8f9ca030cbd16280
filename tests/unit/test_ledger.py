"""The ledger: what makes two answers the same purchase, and what it keeps."""

import dataclasses
import json
import logging
import sqlite3
import threading

import pytest

from mdexp.teacher.ledger import FILE, Ledger, Request
from mdexp.teacher.reply import BrokenReply, Choice, Reply, read_reply

REQUEST = Request(
    endpoint="https://api.example.com/v1",
    model="large",
    messages=[{"role": "user", "content": "2 + 2?"}],
    settings={"temperature": 0.7, "max_tokens": 64},
)


def reply(*texts):
    choices = [Choice(text=text, finish_reason="stop") for text in texts]
    return Reply(choices=choices, model="large-0001", usage={"total_tokens": 9}, raw="{}")


def buy(ledger, request, samples, *texts):
    call = ledger.open_call(request, len(samples))
    return ledger.answer_call(call, request, samples, reply(*texts))


@pytest.mark.parametrize(
    "change",
    [
        {"endpoint": "https://api.example.com/v2"},
        {"model": "small"},
        {"messages": [{"role": "user", "content": "2 + 3?"}]},
        {"settings": {"temperature": 0.8, "max_tokens": 64}},
        {"settings": {"temperature": 0.7}},
    ],
    ids=["endpoint", "model", "messages", "value", "absence"],
)
def test_whatever_may_change_the_answer_changes_the_identity(change):
    assert dataclasses.replace(REQUEST, **change).identity(0) != REQUEST.identity(0)


def test_the_order_of_settings_does_not_change_the_identity():
    turned = dataclasses.replace(REQUEST, settings={"max_tokens": 64, "temperature": 0.7})
    assert turned.identity(3) == REQUEST.identity(3)
    assert REQUEST.identity(3) != REQUEST.identity(2)


def test_answers_outlive_the_process_and_more_paths_lack_only_the_rest(tmp_path):
    with Ledger(tmp_path) as ledger:
        buy(ledger, REQUEST, [0, 1], "4", "four")
    with Ledger(tmp_path) as ledger:
        assert [answer.text for answer in ledger.answers(REQUEST, 5)] == ["4", "four"]
        assert [answer.text for answer in ledger.answers(REQUEST, 1)] == ["4"]
        assert ledger.missing(REQUEST, 2) == []
        assert ledger.missing(REQUEST, 5) == [2, 3, 4]


def test_fewer_choices_than_asked_fill_the_first_samples_and_more_are_not_taken(tmp_path):
    with Ledger(tmp_path) as ledger:
        assert buy(ledger, REQUEST, [0, 1, 2], "a") == 1
        assert ledger.missing(REQUEST, 3) == [1, 2]
        assert buy(ledger, REQUEST, [1, 2], "b", "c", "d") == 2
        assert [answer.text for answer in ledger.answers(REQUEST, 4)] == ["a", "b", "c"]


def test_a_row_holds_what_an_accountant_needs(tmp_path):
    with Ledger(tmp_path) as ledger:
        buy(ledger, REQUEST, [0, 1], "4", "four")
    rows = sqlite3.connect(tmp_path / FILE).execute(
        "SELECT sample, text, finish_reason, model, state, usage, reply, request, settled_at"
        " FROM samples JOIN calls ON calls.id = call ORDER BY sample"
    )
    first, second = rows.fetchall()
    assert first[:4] == (0, "4", "stop", "large-0001")
    assert second[:2] == (1, "four")
    assert first[4:7] == ("answered", '{"total_tokens": 9}', "{}")
    assert json.loads(first[7])["messages"] == REQUEST.messages
    assert first[8].endswith("+00:00")


def test_a_call_that_was_cut_off_becomes_unknown_and_is_shown(tmp_path, caplog):
    with Ledger(tmp_path) as ledger, ledger.buying():
        ledger.open_call(REQUEST, 1)
    with caplog.at_level(logging.WARNING), Ledger(tmp_path) as ledger, ledger.buying():
        assert ledger.states() == {"unknown": 1}
        assert ledger.missing(REQUEST, 1) == [0]
    assert "1 calls were under way when an earlier run was cut off" in caplog.text


def test_one_buys_at_a_time(tmp_path):
    order = []

    def second():
        with Ledger(tmp_path) as ledger, ledger.buying():
            order.append("second")

    with Ledger(tmp_path) as ledger:
        with ledger.buying():
            thread = threading.Thread(target=second)
            thread.start()
            thread.join(timeout=0.2)
            order.append("first")
        thread.join(timeout=10)
    assert order == ["first", "second"]


def test_a_ledger_of_another_version_is_not_touched(tmp_path):
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute("PRAGMA user_version = 9")
    with pytest.raises(ValueError, match="written as version 9, this mdexp reads 1"):
        Ledger(tmp_path)


def test_a_reply_without_usage_and_content_is_still_an_answer():
    raw = '{"choices": [{"message": {"content": null}, "finish_reason": "length"}], "usage": null}'
    read = read_reply(raw)
    assert read.choices == [Choice(text="", finish_reason="length")]
    assert read.usage is None


def test_half_a_surrogate_pair_can_be_stored():
    read = read_reply('{"choices": [{"message": {"content": "ok \\ud83d"}}]}')
    assert read.choices == [Choice(text="ok ?", finish_reason="unknown")]


@pytest.mark.parametrize("raw", ["<html>", "[]", "{}", '{"choices": []}', '{"choices": [{}]}'])
def test_a_reply_without_an_answer_is_broken(raw):
    with pytest.raises(BrokenReply, match="no answer in"):
        read_reply(raw)
