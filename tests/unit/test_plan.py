"""A plan foretells what a purchase does: calls, tokens, money and time."""

import logging
from datetime import date

import pytest

from mdexp.teacher.ledger import Ledger
from mdexp.teacher.model_history import ModelHistory, model_history
from mdexp.teacher.prices import Price
from mdexp.teacher.purchase_plan import (
    RateLimits,
    Wish,
    calls_for,
    of_sweep,
    plan_purchase,
    purchase_cost,
)
from mdexp.teacher.purchase_plan_text import plan_lines, prompt_lines
from mdexp.teacher.request import Request
from mdexp.teacher.shutdowns import last_day
from mdexp.teacher.tokens import ANSWER_TOKENS, Rule, counting_rule
from tests.buyer import COT, buy, problems, teacher
from tests.loopback import LoopbackServer

WORDS = Rule(count=lambda text: len(text.split()), source="words")
UNLIMITED = RateLimits(concurrency=4, requests_per_minute=None, tokens_per_minute=None)
PRICE = Price(input=2.0, output=10.0)
OPENAI = "https://api.openai.com/v1"


def wish(number=0, missing=(0, 1, 2), num_samples=3, model="large", **settings):
    request = Request(
        endpoint="e",
        model=model,
        messages=[{"role": "user", "content": f" four words or {number}"}],
        settings={"max_tokens": 500} | settings,
    )
    return Wish(request=request, thought="cot", num_samples=num_samples, missing=missing)


def planned(wishes, known=None, limits=UNLIMITED):
    return plan_purchase(wishes, WORDS, known or ModelHistory(), limits)


def test_what_is_owned_is_not_asked_again():
    plan = planned([wish(0), wish(1, missing=[2]), wish(2, missing=[])])
    assert (plan.num_samples, plan.num_owned, plan.num_missing) == (9, 5, 4)
    assert plan.num_calls == 2
    assert plan.prompt_tokens == 2 * 5
    assert plan.answer_tokens == 4 * ANSWER_TOKENS
    assert plan.worst_answer_tokens == 4 * 500


@pytest.mark.parametrize("alone", [wish(seed=3), wish(model="claude-sonnet-5")])
def test_samples_that_are_asked_for_alone_pay_the_prompt_each(alone):
    assert calls_for(wish()) == [3]
    assert calls_for(alone) == [1, 1, 1]
    assert planned([alone]).prompt_tokens == 3 * 5


def test_the_worst_is_what_a_purchase_reserves():
    wishes = [wish(0), wish(1, missing=[1])]
    money = purchase_cost(planned(wishes), wishes, PRICE)
    reserved = [PRICE.worst_micro_usd(w.request, len(w.missing)) for w in wishes]
    assert money.worst == sum(reserved)
    assert money.expected == 2 * 5 * 2 + 4 * int(ANSWER_TOKENS) * 10
    assert money.expected < money.worst


def test_without_a_limit_the_worst_is_not_known():
    plan = planned([wish(max_tokens=None)])
    assert plan.worst_answer_tokens is None
    assert purchase_cost(plan, [wish(max_tokens=None)], PRICE).worst is None


def test_answers_are_never_longer_than_their_limit():
    assert planned([wish(max_tokens=7)]).answer_tokens == 21


def test_what_the_model_wrote_before_is_expected_again():
    known = ModelHistory(num_calls=9, answer_tokens={"cot": 40.0})
    assert planned([wish()], known).answer_tokens == 120


@pytest.mark.parametrize(
    ("limits", "latency_s", "seconds"),
    [
        ((4, None, None), None, None),
        ((4, 30, None), None, 20 * 2),
        ((4, 30, 100), None, 60 * 20 * (5 + 100) / 100),
        ((4, 6000, None), 3.0, 20 / 4 * 3),
        ((1, 6000, None), 3.0, 60),
    ],
)
def test_time_is_that_of_the_narrowest_limit(limits, latency_s, seconds):
    concurrency, requests, tokens = limits
    given = RateLimits(
        concurrency=concurrency, requests_per_minute=requests, tokens_per_minute=tokens
    )
    wishes = [wish(i, missing=[0]) for i in range(20)]
    assert planned(wishes, ModelHistory(latency_s=latency_s), given).seconds == seconds


def test_jobs_of_a_sweep_buy_what_they_share_once():
    first, second = wish(0).request, wish(1).request
    one, two, five = (("cot", frozenset(range(n))) for n in (1, 2, 5))
    wanted = of_sweep([{(first, 0): one}, {(first, 0): five, (second, 0): two}])
    assert wanted == {(first, 0): five, (second, 0): two}


def test_the_ledger_says_how_a_model_counts_and_writes(tmp_path):
    with LoopbackServer() as server:
        buy(server.url, tmp_path, problems(4), num_paths=2)
        endpoint = teacher(server.url).endpoint
    with Ledger(tmp_path) as ledger:
        known = model_history(ledger, endpoint, "large")
        assert model_history(ledger, endpoint, "small") == ModelHistory()
    num_bytes = len(b"systemReason.") + len(b"userQuestion 0?\nThink.")
    assert known.num_calls == 4
    assert known.tokens_per_byte == pytest.approx(7 / num_bytes)
    assert known.answer_tokens == {"cot": 3.0}
    assert 0.001 < known.latency_s < 5
    rule = counting_rule("large", known)
    assert rule.count("x" * num_bytes) == pytest.approx(7)
    assert "4 latest replies" in rule.source


def test_without_tokenizer_or_replies_it_says_that_it_guesses():
    rule = counting_rule("gpt-5.4", ModelHistory())
    assert rule.count("x" * 40) == 10
    assert "4 bytes a token, as its tokenizer is not here" in rule.source


def test_a_tokenizer_that_is_here_counts(tmp_path):
    from mdexp.students.tiny import byte_tokenizer

    byte_tokenizer().save_pretrained(tmp_path)
    rule = counting_rule(str(tmp_path), ModelHistory(tokens_per_byte=9.0))
    assert rule.count("seven !") == 7
    assert "tokenizer of" in rule.source


def test_a_plan_is_what_is_then_bought(tmp_path):
    with LoopbackServer() as server:
        asked = teacher(server.url, num_paths=3)
        requests = asked.asking().requests(problems(5), {"cot": COT})
        wishes = [
            Wish(request=r, thought="cot", num_samples=3, missing=range(3))
            for (r,) in requests.values()
        ]
        plan = planned(wishes)
        buy(server.url, tmp_path, problems(5), num_paths=3)
        assert plan.num_calls == server.num_calls == 5
        assert plan.num_missing == sum(server.num_choices.values()) == 15


def lines(**changes):
    asked = teacher(OPENAI, **changes)
    wishes = [wish(model=asked.model)]
    return "\n".join(plan_lines(asked, planned(wishes), wishes, WORDS, ModelHistory()))


def test_prices_online_and_by_batch_are_told():
    told = lines(model="gpt-5.4")
    assert "3 wanted, 0 owned, 3 to buy in 1 requests" in told
    assert "online    $0.004513 expected, at most $0.02" in told
    assert "by Batch  $0.002257 expected" in told
    assert "prices    from genai-prices" in told
    assert "budget    $5 for the command, of which $0.004513" in told


def test_an_unknown_price_is_said_and_never_nothing():
    told = lines(model="gpt-99")
    assert "online    no price is known; the cost is not counted" in told
    assert "$0" not in told
    assert "so a run needs teacher.price" in lines(model="gpt-99", budget_usd=3.0)


def test_a_budget_that_will_not_do_is_said():
    assert "LESS than expected" in lines(model="gpt-5.4", budget_usd=0.001)


def test_a_model_with_a_last_day_is_warned_of():
    assert "warning   gpt-4o is switched off on 2027-01-14" in lines(model="gpt-4o")
    assert "switched off" not in lines(model="gpt-5.4")


def test_an_owned_plan_costs_nothing():
    asked = teacher(OPENAI, model="gpt-5.4")
    owned = [wish(missing=[])]
    told = list(plan_lines(asked, planned(owned), owned, WORDS, ModelHistory()))
    assert told[-1] == "  cost      nothing: every answer is owned"


@pytest.mark.parametrize("style", ["chat", "completion"])
def test_the_prompt_is_the_one_that_is_sent(tmp_path, style):
    with LoopbackServer() as server:
        asked = teacher(server.url, style=style, num_shots=2)
        told = "\n".join(prompt_lines(asked.asking(), problems(3), {"cot": COT}))
        buy(server.url, tmp_path, problems(1), style=style, num_shots=2)
    (body,) = server.bodies
    for text in (
        [body["prompt"]]
        if style == "completion"
        else [f"[{m['role']}]\n{m['content']}" for m in body["messages"]]
    ):
        assert text in told
    assert "cot, problem p0" in told
    assert "Question 1?" not in told


def test_a_dated_version_has_the_last_day_of_its_model():
    assert last_day(OPENAI, "gpt-4o-2024-08-06") == date(2027, 1, 14)
    assert last_day(OPENAI, "gpt-5.4") is None
    assert last_day("http://127.0.0.1:1/v1", "gpt-4o") is None


def test_a_buyer_is_warned_as_well(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    with LoopbackServer() as server:
        buy(server.url, tmp_path, problems(1), model="gpt-5-mini")
    assert "temperature=0.7 is left out: GPT-5 models do not take it" in caplog.text
    assert "temperature" not in server.bodies[0]


def test_a_price_that_is_given_is_of_the_mode():
    online = teacher(OPENAI, price={"input": 2.0, "output": 10.0})
    assert tuple(map(online.charges().price, ("online", "batch"))) == (PRICE, None)
    batch = teacher(OPENAI, price={"input": 2.0, "output": 10.0}, mode="batch")
    assert tuple(map(batch.charges().price, ("batch", "online"))) == (PRICE, None)
