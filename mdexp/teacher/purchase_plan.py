"""Plans a purchase without calling a server: calls, tokens, money and time.

`expected` is the likely cost; `worst` is what is reserved before calls are sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mdexp.teacher.families import family_of
from mdexp.teacher.model_history import ModelHistory
from mdexp.teacher.prices import Price, completion_limit
from mdexp.teacher.request import Request
from mdexp.teacher.tokens import ANSWER_TOKENS, Rule

# Thought and samples, by request and number of unwritten texts.
Wants = Mapping[tuple[Request, int], tuple[str, frozenset[int]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A request of a run: its thought, the number of samples wanted, and those missing.

    It follows `num_unwritten` texts that are not written yet, so its prompt is bounded by their
    greatest length.
    """

    request: Request
    thought: str
    num_samples: int
    missing: Sequence[int]
    num_unwritten: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """Millionths of a dollar; `worst` is None where a call's answers have no limit."""

    expected: int
    worst: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """The limits of the endpoint; None for no limit."""

    concurrency: int
    requests_per_minute: float | None
    tokens_per_minute: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchasePlan:
    """The totals of a purchase. `seconds` is None if neither a rate limit nor earlier calls tell
    how long it takes."""

    num_samples: int
    num_owned: int
    num_calls: int
    prompt_tokens: int
    answer_tokens: int
    worst_answer_tokens: int | None
    seconds: float | None

    @property
    def num_missing(self) -> int:
        return self.num_samples - self.num_owned


def plan_purchase(
    wishes: Sequence[Wish], rule: Rule, known: ModelHistory, limits: RateLimits
) -> PurchasePlan:
    """Sum up all requests."""
    lacking = [wish for wish in wishes if wish.missing]
    num_calls = sum(len(calls_for(wish)) for wish in lacking)
    prompt_tokens = answer_tokens = 0.0
    worst: int | None = 0
    for wish in lacking:
        prompt_tokens += len(calls_for(wish)) * _prompt_tokens(wish, rule, known)
        answer_tokens += len(wish.missing) * expected_answer(wish, known)
        limit = completion_limit(wish.request)
        worst = None if worst is None or limit is None else worst + limit * len(wish.missing)
    num_missing = sum(len(wish.missing) for wish in lacking)
    num_samples = sum(wish.num_samples for wish in wishes)
    return PurchasePlan(
        num_samples=num_samples,
        num_owned=num_samples - num_missing,
        num_calls=num_calls,
        prompt_tokens=round(prompt_tokens),
        answer_tokens=round(answer_tokens),
        worst_answer_tokens=worst,
        seconds=_seconds(num_calls, prompt_tokens + answer_tokens, limits, known.latency_s),
    )


def purchase_cost(plan: PurchasePlan, wishes: Sequence[Wish], price: Price) -> Money:
    """The cost of the plan at a price; `worst` is the sum of the reservations of all calls."""
    worst = None
    if plan.worst_answer_tokens is not None:
        worst = sum(
            price.worst_micro_usd(wish.request, num_answers) + _unwritten_micro_usd(wish, price)
            for wish in wishes
            for num_answers in calls_for(wish)
        )
    return Money(expected=price.micro_usd(plan.prompt_tokens, plan.answer_tokens), worst=worst)


def calls_for(wish: Wish) -> list[int]:
    """How many answers each call asks for. One call asks for all, unless a seed is set or the model
    gives one answer at a time. Requests after unwritten texts share no call."""
    takes_n = family_of(wish.request.model).takes_n
    alone = "seed" in wish.request.settings or not takes_n or wish.num_unwritten > 0
    return [1] * len(wish.missing) if alone else [len(wish.missing)] * bool(wish.missing)


def expected_answer(wish: Wish, known: ModelHistory) -> float:
    """Expected tokens of an answer: the mean for the same model and thought, else that of recorded
    answers."""
    mean = known.answer_tokens.get(wish.thought, ANSWER_TOKENS)
    return min(mean, completion_limit(wish.request) or mean)


def of_sweep(jobs: Sequence[Wants]) -> Wants:
    """The requests of all jobs of a command; a sample that several jobs want is bought once."""
    wanted: dict[tuple[Request, int], tuple[str, frozenset[int]]] = {}
    for job in jobs:
        for key, (thought, samples) in job.items():
            wanted[key] = (thought, samples | wanted.get(key, (thought, frozenset[int]()))[1])
    return wanted


def _prompt_tokens(wish: Wish, rule: Rule, known: ModelHistory) -> float:
    written = sum(rule.count(text) for text in wish.request.texts)
    return written + wish.num_unwritten * expected_answer(wish, known)


def _unwritten_micro_usd(wish: Wish, price: Price) -> int:
    """The most that a call's unwritten texts can cost as part of its prompt."""
    limit = completion_limit(wish.request) or 0
    return price.micro_usd(wish.num_unwritten * limit, 0)


def _seconds(
    num_calls: int, tokens: float, limits: RateLimits, latency_s: float | None
) -> float | None:
    """The longest of the times that each limit alone implies."""
    minutes = [
        amount / rate
        for amount, rate in (
            (num_calls, limits.requests_per_minute),
            (tokens, limits.tokens_per_minute),
        )
        if rate is not None
    ]
    seconds = [60 * m for m in minutes]
    if latency_s is not None:
        seconds.append(num_calls * latency_s / limits.concurrency)
    return max(seconds, default=None)
