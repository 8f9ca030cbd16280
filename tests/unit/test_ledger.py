"""The ledger: what makes two answers the same purchase, what it keeps, which versions it reads."""

import dataclasses
import json
import sqlite3
from pathlib import Path

import pytest

from mdexp.teacher import schema
from mdexp.teacher.ledger import Ledger
from mdexp.teacher.reply import BrokenReply, Choice, read_reply
from mdexp.teacher.request import Request
from mdexp.teacher.schema import FILE, VERSION
from mdexp.teacher.sqlite_journal import filesystem, journal
from tests.claiming import REQUEST, claims, reply


def buy(ledger, request, samples, *texts):
    clerk = claims(ledger)
    return clerk.answer(clerk.claim(request, samples, 100), reply(*texts), 7)


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
    assert dataclasses.replace(REQUEST, **change).identity != REQUEST.identity


def test_the_order_of_settings_does_not_change_the_identity():
    turned = dataclasses.replace(REQUEST, settings={"max_tokens": 64, "temperature": 0.7})
    assert turned.identity == REQUEST.identity


def test_answers_outlive_the_process_and_more_paths_lack_only_the_rest(tmp_path):
    with Ledger(tmp_path) as ledger:
        buy(ledger, REQUEST, [0, 1], "4", "four")
    with Ledger(tmp_path) as ledger:
        assert [answer.text for answer in ledger.answers(REQUEST, range(5))] == ["4", "four"]
        assert [answer.text for answer in ledger.answers(REQUEST, [0])] == ["4"]
        assert ledger.missing(REQUEST, range(2)) == []
        assert ledger.missing(REQUEST, range(5)) == [2, 3, 4]
        assert ledger.num_missing({REQUEST: range(5)}) == 3


def test_fewer_choices_than_asked_fill_the_first_samples_and_more_are_not_taken(tmp_path):
    with Ledger(tmp_path) as ledger:
        assert buy(ledger, REQUEST, [0, 1, 2], "a") == 1
        assert ledger.missing(REQUEST, range(3)) == [1, 2]
        assert buy(ledger, REQUEST, [1, 2], "b", "c", "d") == 2
        assert [answer.text for answer in ledger.answers(REQUEST, range(4))] == ["a", "b", "c"]


def test_rows_hold_what_an_accountant_needs(tmp_path):
    with Ledger(tmp_path) as ledger:
        buy(ledger, REQUEST, [0, 1], "4", "four")
    rows = sqlite3.connect(tmp_path / FILE).execute(
        "SELECT sample, text, finish_reason, calls.model, fingerprint, state, usage, reply,"
        " price_micro_usd, worst_micro_usd, command, content, settled_at FROM samples"
        " JOIN calls ON calls.id = call JOIN requests ON requests.id = samples.request"
    )
    first, second = rows.fetchall()
    assert first[:6] == (0, "4", "stop", "large-0001", "fp_1", "answered")
    assert second[:2] == (1, "four")
    assert first[6:11] == ('{"total_tokens": 9}', "{}", 7, 100, "test")
    assert json.loads(first[11])["messages"] == REQUEST.messages
    assert first[12].endswith("+00:00")


def test_a_transaction_that_breaks_leaves_nothing(tmp_path):
    with Ledger(tmp_path) as ledger:
        with pytest.raises(ZeroDivisionError), ledger.writing():
            ledger.number(REQUEST) / 0
        ledger.note_askers([(REQUEST, "p0", "cot", 0)])
        assert ledger.db.execute("SELECT count(*) FROM requests").fetchone() == (1,)


@pytest.mark.parametrize("version", [1, VERSION + 1])
def test_a_ledger_of_another_version_is_refused_and_not_touched(tmp_path, version):
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(
        ValueError, match=rf"{FILE}: written as version {version}, this mdexp reads"
    ):
        Ledger(tmp_path)
    with sqlite3.connect(tmp_path / FILE) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (version,)
        assert database.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def test_a_ledger_of_version_2_is_brought_up_to_date_and_keeps_what_was_bought(tmp_path):
    with Ledger(tmp_path) as ledger:
        buy(ledger, REQUEST, [0], "4")
        ledger.note_askers([(REQUEST, "p1", "cot", 0)])
        ledger.db.execute("ALTER TABLE askers DROP COLUMN part")
        ledger.db.execute("PRAGMA user_version = 2")
    with Ledger(tmp_path) as ledger:
        assert [answer.text for answer in ledger.answers(REQUEST, [0])] == ["4"]
        assert ledger.db.execute("SELECT problem_id, part FROM askers").fetchall() == [("p1", 0)]
        assert ledger.db.execute("PRAGMA user_version").fetchone() == (VERSION,)


def test_samples_are_a_set(tmp_path):
    with Ledger(tmp_path) as ledger:
        buy(ledger, REQUEST, [1, 4], "one", "four")
        assert ledger.missing(REQUEST, [1, 2, 4]) == [2]
        assert [answer.text for answer in ledger.answers(REQUEST, [0, 4])] == ["four"]
        assert (
            ledger.num_missing({REQUEST: [0, 1], dataclasses.replace(REQUEST, model="small"): [3]})
            == 2
        )


def test_a_ledger_whose_making_is_cut_off_is_made_by_the_next(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(schema, "_TABLES", schema._TABLES + "CREATE TABLE calls (x);\n")
        with pytest.raises(sqlite3.OperationalError, match="already exists"):
            Ledger(tmp_path)
    with Ledger(tmp_path) as ledger:
        assert buy(ledger, REQUEST, [0], "4") == 1


MOUNTS = """\
/dev/vda / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
tmpfs /home/me/fast\\040disk tmpfs rw 0 0
me@host: /remote fuse.sshfs rw 0 0
/dev/vdb /homestead xfs rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "kind", "mode"),
    [
        ("/var/lib", "ext4", "WAL"),
        ("/home/me/ledger", "nfs4", "DELETE"),
        ("/home/me/fast disk/ledger", "tmpfs", "WAL"),
        ("/homestead/ledger", "xfs", "WAL"),
    ],
)
def test_the_journal_suits_the_file_system(tmp_path, folder, kind, mode):
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS)
    assert filesystem(Path(folder), mounts) == kind
    assert journal(Path(folder), mounts) == mode
    assert journal(Path(folder), tmp_path / "not there") == "WAL"


def test_a_file_system_without_locks_is_refused(tmp_path):
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS)
    with pytest.raises(ValueError, match=r"store: /remote/x lies on fuse\.sshfs.*local disk"):
        journal(Path("/remote/x"), mounts)


def test_on_a_network_file_system_the_ledger_uses_the_rollback_journal(tmp_path, monkeypatch):
    Ledger(tmp_path).db.close()
    monkeypatch.setattr("mdexp.teacher.database.journal", lambda folder: "DELETE")
    with Ledger(tmp_path) as ledger:
        assert ledger.db.execute("PRAGMA journal_mode").fetchone() == ("delete",)


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


def test_a_request_is_found_again_whatever_object_asks(tmp_path):
    with Ledger(tmp_path) as ledger:
        buy(ledger, REQUEST, [0], "4")
        again = Request(**json.loads(REQUEST.content))
        assert ledger.missing(again, [0]) == []
