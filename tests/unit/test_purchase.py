"""What a purchase withstands: being killed, a twin that wants the same, a storm, Ctrl-C."""

import os
import random
import signal
import time

import pytest

from mdexp.teacher import retry
from mdexp.teacher.ledger import Ledger
from mdexp.teacher.schema import FILE
from tests.buyer import buy, problems, start
from tests.loopback import LoopbackServer

NUM_KILLS = 30
CONCURRENCY = 4


def content(question, number):
    """The same each time: what is bought twice reads the same."""
    return f"About {question}"


def wait_for(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.002)


def test_killed_at_random_moments_it_loses_nothing_and_buys_little_twice(tmp_path):
    dice, number, num_kills, in_flight = random.Random(0), 300, 0, 0
    with LoopbackServer(answer=content) as server:
        while num_kills < NUM_KILLS:
            goal = server.num_calls + dice.randrange(1, 10)
            process = start(server.url, tmp_path, number, concurrency=CONCURRENCY)
            wait_for(lambda goal=goal, p=process: server.num_calls >= goal or not p.is_alive())
            time.sleep(dice.uniform(0, 0.01))
            assert process.is_alive(), "it had time to finish: ask for more"
            process.kill()
            process.join()
            num_kills += 1
            with Ledger(tmp_path) as ledger:
                in_flight += ledger.states().get("open", 0)
                assert ledger.states().get("open", 0) <= CONCURRENCY
        paths = buy(server.url, tmp_path, problems(number))
        answered = sum(server.num_choices.values())
    assert len(server.num_choices) == number
    assert answered - number <= in_flight
    assert [path.text for path in paths] == [f"About Question {i}?\nThink." for i in range(number)]
    with Ledger(tmp_path) as ledger:
        states = ledger.states()
    assert states["answered"] == number, "one purchase each is kept, no answer that came is lost"
    assert states["unknown"] == in_flight


def test_two_processes_that_want_the_same_buy_each_request_once(tmp_path):
    with LoopbackServer(answer=content) as server:
        twins = [start(server.url, tmp_path, 120, concurrency=8) for _ in range(2)]
        for twin in twins:
            twin.join(60)
            assert twin.exitcode == 0
        assert server.num_calls == 120
        assert max(server.num_choices.values()) == 1
        assert server.most_at_once <= 8, "calls under way are counted over all processes"
        assert len(buy(server.url, tmp_path, problems(120))) == 120
        assert server.num_calls == 120


def test_a_lease_of_a_live_process_is_waited_for(tmp_path):
    with LoopbackServer(answer=content) as server:
        server.latency_s = 1.0
        first = start(server.url, tmp_path, 1)
        wait_for(lambda: server.num_calls == 1)
        assert len(buy(server.url, tmp_path, problems(1))) == 1
        first.join()
        assert server.num_calls == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_in_what_is_under_way_and_sends_nothing_more(tmp_path, number):
    with LoopbackServer(answer=content) as server:
        server.latency_s = 0.3
        process = start(server.url, tmp_path, 100, concurrency=CONCURRENCY)
        wait_for(lambda: server.num_calls == CONCURRENCY)
        os.kill(process.pid, number)
        process.join(10)
        assert process.exitcode not in (0, None)
        assert server.num_calls == CONCURRENCY
        with Ledger(tmp_path) as ledger:
            assert ledger.states() == {"answered": CONCURRENCY}


STORM = {"429": 0.30, "500": 0.05, "broken json": 0.02, "stall": 0.01}


def test_a_storm_ends_with_every_answer_and_no_double_purchase(tmp_path, monkeypatch):
    """600 requests here, to be quick; the same holds for 5,000 (bench/extract.py --storm)."""
    monkeypatch.setattr(retry, "LONGEST_PAUSE_S", 0.5)
    monkeypatch.setattr(retry, "RETRY_AFTER_JITTER_S", 0.1)
    asked = problems(600)
    with LoopbackServer(answer=content) as server:
        server.storm(STORM, random.Random(1))
        paths = buy(server.url, tmp_path, asked, concurrency=32, timeout_s=1.0)
    assert len(paths) == len(asked)
    with Ledger(tmp_path) as ledger:
        given_up = dict(
            ledger.db.execute(
                "SELECT problem_id, sum(state = 'unknown') FROM calls JOIN askers USING (request)"
                " GROUP BY problem_id"
            )
        )
    for problem in asked:
        answers = server.num_choices[f"{problem.question}\nThink."]
        assert 1 <= answers <= 1 + given_up[problem.id], "only what was given up is bought again"
    assert server.num_calls > len(asked) * 1.3


def test_what_was_not_answered_was_not_charged_but_for_what_may_have_been(tmp_path):
    price = {"input": 1.0, "output": 1.0}
    with LoopbackServer(answer=content) as server:
        server.misbehave("429", "500", "broken json")
        buy(server.url, tmp_path, problems(1), price=price)
    with Ledger(tmp_path) as ledger:
        rows = ledger.db.execute(
            "SELECT state, price_micro_usd, worst_micro_usd FROM calls ORDER BY id"
        ).fetchall()
    worst = rows[0][2]
    assert [row[:2] for row in rows] == [
        ("failed", 0),
        ("failed", 0),
        ("unknown", worst),
        ("answered", 10),
    ]
    assert worst > 64
    assert (tmp_path / FILE).is_file()
