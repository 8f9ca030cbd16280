"""Claims: two never send the same, a lost call counts with its worst, a late reply is kept."""

import dataclasses

import pytest

from mdexp.teacher import budget
from mdexp.teacher.holder import Holder, is_alive
from mdexp.teacher.leases import Claim
from mdexp.teacher.ledger import Ledger
from tests.claiming import REQUEST, claims, reply

OTHER = dataclasses.replace(REQUEST, model="small")


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path) as opened:
        yield opened


def amounts(ledger, command="test"):
    """What the command has spent, and reserved."""
    return ledger.db.execute(
        "SELECT spent_micro_usd, reserved_micro_usd FROM budgets WHERE command = ?", (command,)
    ).fetchone()


def test_what_one_asks_for_another_does_not(ledger):
    first, second = claims(ledger), claims(ledger)
    claim = first.claim(REQUEST, [0, 1], 5)
    assert isinstance(claim, Claim)
    assert second.claim(REQUEST, [1, 2], 5) == "leased"
    assert isinstance(second.claim(REQUEST, [2], 5), Claim), "samples are claimed one by one"
    first.answer(claim, reply("a", "b"), 3)
    assert second.claim(REQUEST, [1], 5) == "leased", "answered samples are not claimed again"


def test_a_failed_call_frees_its_samples_and_its_money(ledger):
    clerk = claims(ledger, 100)
    clerk.fail(clerk.claim(REQUEST, [0], 40), "HTTP 500", charged=False)
    assert amounts(ledger) == (0, 0)
    clerk.fail(clerk.claim(REQUEST, [0], 40), "time-out", charged=True)
    assert amounts(ledger) == (40, 0)
    assert ledger.states() == {"failed": 1, "unknown": 1}
    assert isinstance(clerk.claim(REQUEST, [0], 40), Claim)
    assert amounts(ledger) == (40, 40)


def test_an_expired_lease_is_unknown_charged_at_worst_and_asked_again(ledger):
    slow, quick = claims(ledger, 100, lease_s=-1), claims(ledger, 100)
    late = slow.claim(REQUEST, [0], 40)
    claim = quick.claim(REQUEST, [0], 40)
    assert isinstance(claim, Claim)
    assert ledger.states() == {"unknown": 1, "open": 1}
    assert amounts(ledger) == (40, 40)
    quick.answer(claim, reply("in time"), 10)
    slow.answer(late, reply("late"), 12)
    assert amounts(ledger) == (22, 0), "the late reply corrects the price"
    assert [answer.text for answer in ledger.answers(REQUEST, [0])] == ["in time"]
    assert ledger.states() == {"answered": 2}


def test_a_late_reply_answers_what_is_still_asked_for(ledger):
    slow, quick = claims(ledger, lease_s=-1), claims(ledger)
    late, claim = slow.claim(REQUEST, [0], 40), quick.claim(REQUEST, [0], 40)
    slow.answer(late, reply("late"), 12)
    quick.answer(claim, reply("second"), 10)
    assert [answer.text for answer in ledger.answers(REQUEST, [0])] == ["late"]


def test_a_lease_ends_with_its_holder(ledger):
    with Holder(ledger.folder) as holder:
        claims(ledger, holder=holder.name).claim(REQUEST, [0], 5)
        assert is_alive(ledger.folder, holder.name)
        assert claims(ledger, holder="other").claim(REQUEST, [0], 5) == "leased"
    assert not is_alive(ledger.folder, holder.name)
    assert isinstance(claims(ledger, holder="other").claim(REQUEST, [0], 5), Claim)
    assert not list((ledger.folder / "holders").iterdir())


def test_calls_under_way_are_counted_for_all_who_ask_the_endpoint(ledger, monkeypatch):
    first, second = (claims(ledger, at_once=1, holder=name) for name in ("a", "b"))
    monkeypatch.setattr("mdexp.teacher.leases.is_alive", lambda folder, name: True)
    claim = first.claim(REQUEST, [0], 5)
    assert second.claim(OTHER, [0], 5) == "busy"
    elsewhere = dataclasses.replace(REQUEST, endpoint="http://127.0.0.1/v1")
    assert isinstance(second.claim(elsewhere, [0], 5), Claim)
    first.answer(claim, reply("a"), 3)
    assert isinstance(second.claim(OTHER, [0], 5), Claim)


def test_a_refused_claim_reserves_nothing(ledger):
    clerk = claims(ledger, 100)
    clerk.claim(REQUEST, [0], 60)
    assert clerk.claim(REQUEST, [0], 30) == "leased"
    assert clerk.claim(OTHER, [0], 60) == "reserved"
    assert amounts(ledger) == (0, 60)
    assert ledger.missing(OTHER, [0]) == [0]


def test_the_money_of_a_dead_process_is_not_waited_for(ledger):
    with Holder(ledger.folder) as holder:
        claims(ledger, 100, holder=holder.name).claim(REQUEST, [0], 60)
    assert claims(ledger, 100).claim(OTHER, [0], 60) == "spent"
    assert amounts(ledger) == (60, 0)


def test_each_command_has_its_own_budget(ledger):
    claims(ledger, 100, command="first").claim(REQUEST, [0], 90)
    assert isinstance(claims(ledger, 100, command="second").claim(OTHER, [0], 90), Claim)
    assert amounts(ledger, "first") == amounts(ledger, "second") == (0, 90)


def test_a_budget_is_joined_but_not_changed(ledger):
    budget.open_budget(ledger.db, "sweep", 5_000_000)
    budget.open_budget(ledger.db, "sweep", 5_000_000)
    with pytest.raises(ValueError, match=r"teacher\.budget_usd: got 7, .* job of this command 5;"):
        budget.open_budget(ledger.db, "sweep", 7_000_000)


def test_without_a_price_nothing_is_counted_and_nothing_is_taken_for_free(ledger):
    clerk = claims(ledger)
    clerk.answer(clerk.claim(REQUEST, [0], None), reply("a"), None)
    clerk.fail(clerk.claim(REQUEST, [1], None), "HTTP 500", charged=False)
    assert amounts(ledger) == (0, 0)
    prices = ledger.db.execute("SELECT price_micro_usd FROM calls").fetchall()
    assert prices == [(None,), (None,)]


def test_a_batch_that_is_out_takes_no_place(ledger):
    batch = claims(ledger, at_once=None)
    batch.claim(REQUEST, [0], 5)
    assert isinstance(claims(ledger, at_once=1, holder="a").claim(OTHER, [0], 5), Claim)
    assert claims(ledger, at_once=1, holder="a").claim(REQUEST, [0], 5) == "leased"
