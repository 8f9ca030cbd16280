"""Prints a purchase plan as text."""

from collections.abc import Iterator, Mapping, Sequence

from mdexp.ports import Thought
from mdexp.ports.progress import duration
from mdexp.records import Problem
from mdexp.teacher.asking import Asking
from mdexp.teacher.budget import MICRO
from mdexp.teacher.charges import Mode
from mdexp.teacher.model_history import ModelHistory
from mdexp.teacher.openai import OpenAITeacher
from mdexp.teacher.prices import FREE, price_list
from mdexp.teacher.progress import dollars
from mdexp.teacher.purchase_plan import Money, PurchasePlan, Wish, purchase_cost
from mdexp.teacher.tokens import ANSWER_TOKENS, Rule


def plan_lines(
    teacher: OpenAITeacher,
    plan: PurchasePlan,
    wishes: Sequence[Wish],
    rule: Rule,
    known: ModelHistory,
) -> Iterator[str]:
    """Lines about what is wanted, what is owned, and what the rest takes."""
    yield f"{teacher.model} at {teacher.endpoint}"
    for note in teacher.notes():
        yield f"  warning   {note}"
    yield (
        f"  answers   {plan.num_samples:,} wanted, {plan.num_owned:,} owned, "
        f"{plan.num_missing:,} to buy in {plan.num_calls:,} requests"
    )
    if not plan.num_missing:
        yield "  cost      nothing: every answer is owned"
        return
    if later := sum(len(wish.missing) for wish in wishes if wish.num_unwritten):
        yield (
            f"  steps     {later:,} of them follow texts that are not written yet, which are "
            "assumed to be as long as they can be"
        )
    yield f"  prompts   {plan.prompt_tokens:,} tokens, {rule.source}"
    yield f"  answers   {plan.answer_tokens:,} tokens, {_answers_by(known)}; {_at_most(plan)}"
    yield from _costs(teacher, plan, wishes)
    yield f"  time      {_time(plan)}"


def prompt_lines(
    asking: Asking, problems: Sequence[Problem], thoughts: Mapping[str, Thought]
) -> Iterator[str]:
    """Lines with the exact prompt of the first problem for each thought."""
    for (problem, thought), of_sets in asking.requests(problems[:1], thoughts).items():
        more = f", the first of {len(of_sets)} sets of exemplars" if len(of_sets) > 1 else ""
        yield f"\n{thought}, problem {problem}{more}: {of_sets[0].path}"
        if of_sets[0].prompt is not None:
            yield of_sets[0].prompt
        for message in of_sets[0].messages:
            yield f"[{message['role']}]\n{message['content']}"
        yield f"settings: {of_sets[0].settings}"


def _answers_by(known: ModelHistory) -> str:
    if known.answer_tokens:
        return f"from the mean of the latest {known.num_calls} replies"
    return f"guessed at {ANSWER_TOKENS:g} each, hidden reasoning not included"


def _at_most(plan: PurchasePlan) -> str:
    if plan.worst_answer_tokens is None:
        return "without limit, since teacher.max_tokens is null"
    return f"at most {plan.worst_answer_tokens:,}"


def _costs(teacher: OpenAITeacher, plan: PurchasePlan, wishes: Sequence[Wish]) -> Iterator[str]:
    modes: tuple[Mode, ...] = ("online", "batch")
    for mode in modes:
        price, label = teacher.charges().price(mode), "online" if mode == "online" else "by Batch"
        if price is None:
            yield f"  {label:<9} no price is known; the cost is not counted"
        elif price == FREE:
            yield f"  {label:<9} costs nothing"
        else:
            money, rates = (
                _money(purchase_cost(plan, wishes, price)),
                f"${price.input:g} and ${price.output:g}",
            )
            yield f"  {label:<9} {money}, at {rates} per million tokens in and out"
    if teacher.price is None and teacher.charges().price("online") not in (None, FREE):
        yield f"  prices    from {price_list()}; teacher.price overrides them"
    yield f"  budget    {_budget(teacher, plan, wishes)}"


def _money(money: Money) -> str:
    worst = "without limit" if money.worst is None else f"at most {dollars(money.worst)}"
    return f"{dollars(money.expected)} expected, {worst}"


def _budget(teacher: OpenAITeacher, plan: PurchasePlan, wishes: Sequence[Wish]) -> str:
    charges = teacher.charges()
    limit, price = charges.budget_usd(), charges.price(teacher.mode)
    if limit is None:
        return "none"
    if price is None:
        return f"${limit:g}: cannot be kept without a price, so a run needs teacher.price"
    expected = purchase_cost(plan, wishes, price).expected
    if expected > limit * MICRO:
        return f"${limit:g} for the command: LESS than expected, so answers will be missing"
    return f"${limit:g} for the command, of which {dollars(expected)} is expected to be spent"


def _time(plan: PurchasePlan) -> str:
    batch = "by Batch within a day"
    if plan.seconds is None:
        return f"not known: no rate limit is set and no earlier call was timed; {batch}"
    return f"about {duration(plan.seconds)} online, {batch}"
