"""Texts of several searches that are written in one batch are those that each writes alone."""

from dataclasses import replace

import pytest
import torch
from transformers import MistralConfig, MistralForCausalLM

from mdexp.decoding.continuous_batch import ContinuousBatch
from mdexp.decoding.decode_stats import DecodeStats
from mdexp.decoding.generate import generate_answers
from mdexp.decoding.row_batch import CHECK_EVERY
from mdexp.decoding.session import EMPTY
from tests.unit.test_rows import GROUPED, STUDENTS
from tests.unit.test_session import LIMITS, RENDERER, alone, prompts, read_tokens, request, varied

ROOM = LIMITS.max_new_tokens


@pytest.fixture(params=STUDENTS)
def model(request):
    return varied(request.param)


@pytest.fixture(autouse=True)
def endless(monkeypatch):
    """No student ends a text here, so that each takes as many tokens as it has room for."""
    monkeypatch.setattr(type(RENDERER.tokenizer), "eos_token_id", -1, raising=False)


def batch_of(model, batch_size=16):
    limits = replace(LIMITS, batch_size=batch_size)
    return ContinuousBatch(model, RENDERER, DecodeStats(), limits)


def ids_of(written):
    return [answer.token_ids for answer, _ in written]


def all_of(batch):
    return {name: ids_of(written) for ready in batch.answered() for name, written in ready.items()}


@pytest.mark.parametrize("batch_size", [1, 3, 16])
def test_a_short_answer_waits_for_no_long_one_and_goes_on_beside_it(model, batch_size):
    batch = batch_of(model, batch_size)
    first = [request(p, f"{n}a") for n, p in enumerate(prompts(0))]
    batch.ask("long", first[:2], [EMPTY] * 2, ROOM)
    batch.ask("short", first[2:], [EMPTY] * 2, 2)
    answered = batch.answered()
    order, going_on = [], []
    for ready in answered:
        order += ready
        if "long" in ready:
            assert ids_of(ready["long"]) == alone(model, first[:2])
        for answer, text in ready.get("short", []):
            assert len(answer.token_ids) == 2
            going_on.append((request([*text.ids, 7], f"{len(going_on)}on"), text))
        if "short" in ready and len(going_on) == 2:
            batch.ask("next", *map(list, zip(*going_on, strict=True)), ROOM)
        if "next" in ready:
            assert ids_of(ready["next"]) == alone(model, [one for one, _ in going_on])
    assert sorted(order) == ["long", "next", "short"]
    if batch_size == 16:
        assert order == ["short", "long", "next"]


def test_rows_are_parked_and_go_on_without_being_read_again(model):
    batch = batch_of(model)
    first = [request(p, f"{n}a") for n, p in enumerate(prompts(0))]
    widths = read_tokens(model)
    for n, one in enumerate(first):
        batch.ask(str(n), [one], [EMPTY], 2 + 2 * n)
    answers = all_of(batch)
    assert [len(ids) for n in range(4) for ids in answers[str(n)]] == [2, 4, 6, 8]
    assert widths[2:] == [4, 3, 3, 2, 2, 1, 1], "behind the prompts a token for each open row"


@pytest.mark.parametrize("sample", [0, 1])
def test_behind_an_end_a_text_goes_on_by_the_logits_that_it_keeps(model, sample):
    """It was written to the eighth token before its end was seen; it goes on behind the third."""
    batch = batch_of(model)
    short = replace(request([*range(5, 25)], "a", sample), stop=lambda text: text)
    batch.ask("a", [short], [EMPTY], ROOM)
    [ready] = batch.answered()
    [(answer, text)] = ready["a"]
    ids = answer.token_ids
    assert len(ids) == CHECK_EVERY
    on = request([*range(5, 25), *ids[:3]], f"{sample}/on", sample)
    widths = read_tokens(model)
    batch.ask("a", [on], [text], ROOM)
    [ready] = batch.answered()
    [found] = ids_of(ready["a"])
    known = next((n for n, (a, b) in enumerate(zip(found, ids[3:], strict=False)) if a != b), 5)
    assert known == 5 or sample, "the likeliest tokens are the same again"
    assert widths == [1] * (ROOM - min(known + 1, 5)), "one at a time, no prompt"
    assert [found] == alone(model, [on])


@pytest.mark.parametrize("room", [1, 3, CHECK_EVERY])
def test_when_a_text_is_looked_at_is_no_matter_of_another_that_has_no_room_left(model, room):
    whole = [replace(request(p, f"{n}a"), stop=lambda text: text) for n, p in enumerate(prompts(1))]
    batch = batch_of(model)
    batch.ask("long", whole[:2], [EMPTY] * 2, ROOM)
    batch.ask("short", whole[2:], [EMPTY] * 2, room)
    answers = all_of(batch)
    assert [len(ids) for ids in answers["long"]] == [CHECK_EVERY] * 2
    assert [len(ids) for ids in answers["short"]] == [room] * 2


def test_equal_requests_are_answered_once(model):
    batch = batch_of(model)
    one = request([*range(5, 25)], "a")
    batch.ask("a", [one, one], [EMPTY] * 2, ROOM)
    [ready] = batch.answered()
    (first, _), (second, _) = ready["a"]
    assert first is second
    assert batch.work.row_steps == ROOM


def test_a_student_that_cannot_share_writes_all_before_anything_joins():
    torch.manual_seed(0)
    model = MistralForCausalLM(MistralConfig(**GROUPED, sliding_window=20)).double().eval()
    batch = batch_of(model)
    first = [request(p, f"{n}a") for n, p in enumerate(prompts(0))]
    batch.ask("long", first[:2], [EMPTY] * 2, ROOM)
    batch.ask("short", first[2:], [EMPTY] * 2, 2)
    [ready] = batch.answered()
    assert ids_of(ready["long"]) == alone(model, first[:2])
    limits = replace(LIMITS, max_new_tokens=2)
    short = dict(generate_answers(model, RENDERER, first[2:], limits))
    assert ids_of(ready["short"]) == [short[0].token_ids, short[1].token_ids]
