"""The limiter: the rate is kept, shared by all who open it, and used up."""

import asyncio

import pytest

from mdexp.teacher.limits import Limiter


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def sent_within(clock, seconds, *limiters, tokens=0, late_s=0.0):
    """How many requests are let through when workers ask again as soon as they are told to,
    `late_s` later in fact."""
    sent, end = 0, clock.now + seconds
    while clock.now < end:
        pauses = [limiter.take(tokens) for limiter in limiters]
        sent += pauses.count(0.0)
        if 0.0 not in pauses:
            clock.now += max(min(pauses), 0.001) + late_s
    return sent


@pytest.mark.parametrize("rate", [7, 60, 600, 6000])
def test_the_rate_is_kept_and_used_although_workers_wake_late(tmp_path, clock, rate):
    with Limiter(tmp_path, "e", rate, None, clock) as limiter:
        sent = sent_within(clock, 120, limiter, late_s=0.003)
    assert 0.99 * 2 * rate - 1 <= sent <= 2 * rate * 1.005 + 1


def test_two_share_one_rate_and_another_endpoint_has_its_own(tmp_path, clock):
    with (
        Limiter(tmp_path, "e", 600, None, clock) as first,
        Limiter(tmp_path, "e", 600, None, clock) as second,
        Limiter(tmp_path, "f", 600, None, clock) as elsewhere,
    ):
        assert sent_within(clock, 60, first, second) <= 604
        assert first.take(0) > 0
        assert elsewhere.take(0) == 0


def test_tokens_are_counted_and_corrected_by_what_the_reply_says(tmp_path, clock):
    with Limiter(tmp_path, "e", None, 60_000, clock) as limiter:
        assert 60 <= sent_within(clock, 60, limiter, tokens=1000) <= 62
        limiter.correct(10_000)
        assert limiter.take(0) == 0


def test_a_place_that_is_given_back_can_be_taken(tmp_path, clock):
    with Limiter(tmp_path, "e", 6, None, clock) as limiter:
        assert limiter.take(0) == 0
        assert limiter.take(0) == pytest.approx(10)
        limiter.correct(0, requests=1)
        assert limiter.take(0) == 0


def test_without_limits_nobody_waits(tmp_path):
    with Limiter(tmp_path, "e", None, None) as limiter:
        assert [limiter.take(10**9) for _ in range(3)] == [0.0, 0.0, 0.0]


def test_waiting_sleeps_until_the_turn_has_come(tmp_path, clock, monkeypatch):
    naps = []

    async def sleep(seconds):
        naps.append(seconds)
        clock.now += seconds

    monkeypatch.setattr("mdexp.teacher.limits.asyncio.sleep", sleep)
    with Limiter(tmp_path, "e", 30, None, clock) as limiter:
        for _ in range(3):
            asyncio.run(limiter.wait(0))
    assert sum(naps) == pytest.approx(4, abs=0.01)


def test_a_disk_that_takes_no_writes_leaves_the_limits_as_they_were(tmp_path):
    with Limiter(tmp_path, "e", 60, None, clock=lambda: 0.0) as limiter:
        limiter._db.execute("PRAGMA query_only = ON")
        assert limiter.take(1) == 0
        limiter.correct(1, requests=1)
        limiter._db.execute("PRAGMA query_only = OFF")
        assert limiter.take(1) == 0, "the first was not counted"
        assert limiter.take(1) > 0
