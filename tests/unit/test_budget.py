"""The budget: it is never passed, it stops only when nothing is under way, and prices are known."""

import asyncio
import dataclasses
import random
from collections import Counter
from contextlib import ExitStack, nullcontext

import pytest

from mdexp.teacher import budget, online_purchase
from mdexp.teacher.ledger import Ledger
from mdexp.teacher.limits import Limiter
from mdexp.teacher.online_purchase import OnlinePurchase
from mdexp.teacher.prices import FREE, Price, completion_limit, listed_price, prompt_bound
from mdexp.teacher.progress import Progress
from mdexp.teacher.reply import Choice, Reply
from mdexp.teacher.retry import Unanswered
from tests.buyer import buy, problems
from tests.claiming import REQUEST, claims
from tests.loopback import LoopbackServer

NUM_SETTINGS = 200


class Dicey:
    """A server that answers, charges and fails at random, never more than the worst case.

    `seen` notes at each call what the budget held against what it may hold.
    """

    def __init__(self, dice, ledger, price):
        self.dice, self.ledger, self.price = dice, ledger, price
        self.charged = 0
        self.under_way = 0

    async def ask(self, request, num_answers, seed):
        self.under_way += 1
        for _ in range(self.dice.randrange(1, 6)):
            await asyncio.sleep(0)
        self.under_way -= 1
        fate = self.dice.random()
        if fate < 0.1:
            raise Unanswered("HTTP 500", "", charged=False)
        used = {
            "prompt_tokens": self.dice.randint(0, prompt_bound(request)),
            "completion_tokens": self.dice.randint(0, completion_limit(request) * num_answers),
        }
        self.charged += self.price.of_usage(used)
        if fate < 0.2:
            raise Unanswered("time-out", "", charged=True)
        choices = [Choice(text="a", finish_reason="stop")] * self.dice.randint(1, num_answers)
        usage = None if fate < 0.3 else used
        return Reply(choices=choices, model="m", usage=usage, raw="{}")


def random_request(dice, number):
    messages = [{"role": "user", "content": f"{number}{'é' * dice.randint(0, 200)}"}]
    settings = {"max_tokens": dice.randint(1, 300)}
    return dataclasses.replace(REQUEST, messages=messages, settings=settings)


@pytest.mark.parametrize("part", range(4))
def test_the_budget_is_never_passed_and_a_stop_has_its_reason(part, tmp_path, monkeypatch):
    """Over 200 random prices, budgets and concurrencies, one or two jobs of a command."""
    monkeypatch.setattr(online_purchase, "POLL_S", 0.0005)
    monkeypatch.setattr("mdexp.teacher.retry.FIRST_PAUSE_S", 0.0)
    # Two jobs in one process would take each other's handlers of signals.
    monkeypatch.setattr(online_purchase, "signals_as_event", lambda: nullcontext(asyncio.Event()))
    stops = Counter()
    for number in range(NUM_SETTINGS // 4):
        folder = tmp_path / str(number)
        folder.mkdir()
        stops[asyncio.run(spend_at_random(random.Random(f"{part} {number}"), folder))] += 1
    assert stops["stopped"] > 5
    assert stops["finished"] > 5


async def spend_at_random(dice, folder):
    price = Price(input=round(dice.uniform(0, 20), 2), output=round(dice.uniform(0.01, 60), 2))
    requests = [random_request(dice, n) for n in range(dice.randint(1, 8))]
    num_paths, at_once = dice.randint(1, 3), dice.randint(1, 6)
    wanted = {request: range(num_paths) for request in requests}
    worst = [price.worst_micro_usd(request, num_paths) for request in requests]
    limit = round(sum(worst) * dice.uniform(0, 1.5))
    stopped_at = []
    with ExitStack() as stack:
        jobs = []
        for _ in range(dice.randint(1, 2)):
            ledger = stack.enter_context(Ledger(folder))
            server = Dicey(dice, ledger, price)
            clerk = claims(ledger, limit, at_once=2 * at_once)
            watch(clerk, ledger, limit, stopped_at)
            limiter = stack.enter_context(Limiter(folder, "e", None, None))
            progress = Progress(len(requests), lambda: None)
            job = OnlinePurchase(
                *(ledger, clerk, limiter, server, progress),
                price=price,
                max_retries=100,
            )
            jobs.append((job, server))
        await asyncio.gather(*(job.buy(wanted, at_once) for job, _ in jobs))
        spent, left = budget.spent_and_left(ledger.db, "test")
        assert sum(server.charged for _, server in jobs) <= spent <= limit
        assert left == limit - spent, "nothing stays reserved"
        missing = ledger.num_missing(wanted)
        assert bool(missing) == bool(stopped_at) or not missing
    return "stopped" if missing else "finished"


def watch(clerk, ledger, limit, stopped_at):
    """Judge each claim by the rule: spent + reserved never exceeds the limit; `spent` is said only
    when nothing is reserved and the worst case does not fit."""
    claim = clerk.claim

    def judged(request, samples, worst, seed=None):
        outcome = claim(request, samples, worst, seed)
        spent, left = budget.spent_and_left(ledger.db, "test")
        assert left >= 0
        if outcome == "spent":
            (under_way,) = ledger.db.execute(
                "SELECT count(*) FROM calls WHERE state = 'open'"
            ).fetchone()
            assert under_way == 0
            assert worst > limit - spent
            stopped_at.append(spent)
        if outcome == "reserved":
            assert worst > left
        return outcome

    clerk.claim = judged


PRICE = {"input": 2.0, "output": 10.0}


def test_what_the_budget_does_not_hold_is_missing_and_said_and_the_rest_goes_on(tmp_path, caplog):
    with LoopbackServer() as server:
        asked = problems(6)
        paths = buy(server.url, tmp_path, asked, price=PRICE, budget_usd=0.001, concurrency=1)
        assert 0 < len(paths) < 6
        assert server.num_calls == len(paths)
        assert f"{6 - len(paths)} of 6 answers could not be had" in caplog.text
        assert "what is left of $0.001 may not pay for another call" in caplog.text
        again = buy(server.url, tmp_path, asked, price=PRICE, budget_usd=1)
    assert len(again) == 6
    assert again[: len(paths)] == paths


def test_without_usage_the_worst_case_is_charged(tmp_path):
    with LoopbackServer() as server:
        server.has_usage = False
        buy(server.url, tmp_path, problems(1), price=PRICE)
    with Ledger(tmp_path) as ledger:
        price, worst = ledger.db.execute(
            "SELECT price_micro_usd, worst_micro_usd FROM calls"
        ).fetchone()
    assert price == worst > 64 * 10


def test_a_budget_without_a_price_is_refused_before_anything_is_sent(tmp_path, monkeypatch):
    monkeypatch.setenv("TEACHER_KEY", "sk-x")
    elsewhere = "https://192.0.2.1/v1"  # an address that answers nobody
    with pytest.raises(ValueError, match=r"teacher\.budget_usd: no price is known for large at"):
        buy(elsewhere, tmp_path, problems(1), budget_usd=3)
    with Ledger(tmp_path) as ledger:
        assert ledger.states() == {}


def test_a_budget_without_a_bound_on_answers_is_refused_before_anything_is_sent(tmp_path):
    with (
        LoopbackServer() as server,
        pytest.raises(ValueError, match=r"teacher\.max_tokens: got null.*budget_usd=null"),
    ):
        buy(server.url, tmp_path, problems(1), price=PRICE, budget_usd=3, max_tokens=None)
    assert server.num_calls == 0


@pytest.mark.parametrize(
    ("changes", "limit"),
    [
        ({}, None),
        ({"price": PRICE}, 5_000_000),
        ({"price": PRICE, "budget_usd": 0.5}, 500_000),
        ({"price": PRICE, "budget_usd": None}, None),
        ({"budget_usd": 2}, 2_000_000),
    ],
    ids=["free", "default", "given", "none", "given, free"],
)
def test_which_budget_holds_on_this_machine(tmp_path, changes, limit):
    with LoopbackServer() as server:
        buy(server.url, tmp_path, problems(1), **changes)
    with Ledger(tmp_path) as ledger:
        assert ledger.db.execute("SELECT limit_micro_usd FROM budgets").fetchall() == [(limit,)]


OPENAI = "https://api.openai.com/v1"


def test_prices_are_listed_by_endpoint_and_model():
    assert listed_price(OPENAI, "gpt-5.4-mini") == Price(input=0.75, output=4.5)
    assert listed_price(OPENAI, "gpt-5.4-mini-2026-03-17") == Price(input=0.75, output=4.5)
    assert listed_price(OPENAI, "gpt-5.4-huge") is None
    assert listed_price("https://elsewhere.example.com/v1", "gpt-5.4-mini") is None
    together = listed_price(
        "https://api.together.xyz/v1", "meta-llama/Llama-3.3-70B-Instruct-Turbo"
    )
    assert together is not None and together != FREE


def test_prices_by_batch_are_listed_or_not_known():
    assert listed_price(OPENAI, "gpt-5.4", by_batch=True) == Price(input=1.25, output=7.5)
    assert listed_price("https://api.deepseek.com/v1", "deepseek-chat") is not None
    assert listed_price("https://api.deepseek.com/v1", "deepseek-chat", by_batch=True) is None


def test_a_prompt_is_priced_as_if_it_went_into_a_cache_that_costs_more():
    assert listed_price(OPENAI, "gpt-6.1-terra") == Price(input=1.25, output=5.0)


def test_prices_are_read_without_a_network(monkeypatch):
    def refuse(*arguments):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)
    assert listed_price(OPENAI, "gpt-5.5") == Price(input=5.0, output=30.0)


def test_prices_are_rounded_up():
    assert Price(input=0.1, output=0.2).micro_usd(10, 10) == 3, "not 3.0000000000000004 rounded up"
    assert Price(input=0.1, output=0.2).micro_usd(10, 11) == 4
    assert FREE.worst_micro_usd(REQUEST, 3) == 0


def test_no_text_has_more_tokens_than_the_bound():
    """A token of any tokenizer is at least a byte; the templates' own tokens are allowed for."""
    assert prompt_bound(REQUEST) >= len(b"user2 + 2?") + 20
    wide = dataclasses.replace(REQUEST, messages=[{"role": "user", "content": "数学" * 50}])
    assert prompt_bound(wide) >= 300


@pytest.mark.parametrize(
    "usage", [None, {}, {"prompt_tokens": 3}, {"prompt_tokens": "3", "completion_tokens": -1}]
)
def test_a_usage_that_does_not_say_has_no_price(usage):
    assert Price(input=1, output=1).of_usage(usage) is None
