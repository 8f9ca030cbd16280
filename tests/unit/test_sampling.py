"""Random numbers are a function of their name, and a nucleus is transformers' own."""

import math

import pytest
import torch
from transformers.generation.logits_process import TopPLogitsWarper

from mdexp.decoding import sampling
from mdexp.decoding.sampling import BLOCK, FEW, GREEDY, choose, uniform


def test_a_number_depends_on_stream_and_step_alone_and_is_uniform():
    drawn = [uniform("0/p1/cot/1", step) for step in range(4000)]
    assert drawn == [uniform("0/p1/cot/1", step) for step in range(4000)]
    assert uniform("0/p1/cot/2", 7) not in drawn
    assert 0 <= min(drawn) < 0.01 and 0.99 < max(drawn) < 1
    assert sum(drawn) / 4000 == pytest.approx(0.5, abs=0.02)


def test_known_numbers_do_not_change_between_versions():
    assert uniform("0/p1/cot/1", 1) == pytest.approx(0.7317075769727953, abs=1e-15)


@pytest.mark.parametrize("top_p", [0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("size", [7, 2 * FEW])
def test_samples_are_of_the_nucleus_and_of_all_of_it(top_p, size):
    generator = torch.Generator().manual_seed(size)
    logits = torch.randn(1, size, generator=generator, dtype=torch.float64) / 3
    kept = TopPLogitsWarper(top_p)(None, logits.clone()).isfinite()[0]
    places = torch.arange(20_000, dtype=torch.float64) / 20_000
    [tokens], _ = choose(logits, places[None], temperature=1.0, top_p=top_p)
    assert set(tokens.tolist()) == set(kept.nonzero().flatten().tolist())
    shares = torch.bincount(tokens, minlength=size) / len(places)
    expected = logits[0].softmax(-1) * kept
    torch.testing.assert_close(shares.double(), expected / expected.sum(), atol=2e-4, rtol=0)


@pytest.mark.parametrize("size", [BLOCK - 1, BLOCK, 3 * BLOCK + 7])
def test_a_large_vocabulary_is_drawn_from_as_one(size):
    logits = torch.randn(1, size, generator=torch.Generator().manual_seed(size)).double()
    logits[0, BLOCK // 2 :: 3] = -torch.inf
    places = torch.arange(20_000, dtype=torch.float64) / 20_000
    [tokens], _ = choose(logits, places[None], temperature=1.0)
    cumulative = logits[0].softmax(-1).cumsum(-1)
    expected = torch.searchsorted(cumulative, places, right=True)
    assert (tokens == expected).double().mean() > 0.9999, "but for what rounding decides"
    assert logits[0, tokens].isfinite().all()


def test_rows_are_drawn_from_alike_whatever_rows_are_beside_them(monkeypatch):
    logits = torch.randn(7, 600, generator=torch.Generator().manual_seed(0))
    places = torch.tensor([0.1, GREEDY, 0.7, 0.99, GREEDY, 0.3, 0.5], dtype=torch.float64)[:, None]
    together = choose(logits, places, temperature=0.7)
    monkeypatch.setattr(sampling, "CACHED", 1200)
    in_twos = choose(logits, places, temperature=0.7)
    assert torch.equal(together[0], in_twos[0])
    torch.testing.assert_close(together[1], in_twos[1])


@pytest.mark.parametrize("top_p", [1.0, 0.9])
def test_several_draws_of_a_row_are_those_of_as_many_rows(top_p):
    logits = torch.randn(3, 600, generator=torch.Generator().manual_seed(0))
    places = torch.tensor([[0.1, GREEDY, 0.7], [0.2, 0.9, 0.3], [GREEDY, GREEDY, 0.99]])
    beside = choose(logits, places, temperature=0.7, top_p=top_p)
    apart = choose(logits.repeat_interleave(3, 0), places.view(-1, 1), temperature=0.7, top_p=top_p)
    for found, expected in zip(beside, apart, strict=True):
        assert torch.equal(found, expected.view(3, 3))


@pytest.mark.parametrize("temperature", [0.3, 2.0])
def test_log_probabilities_are_those_of_the_student_at_any_temperature(temperature):
    logits = torch.tensor([[0.0, math.log(3.0)], [0.0, math.log(3.0)]])
    tokens, logprobs = choose(logits, torch.tensor([[GREEDY], [0.0]]), temperature=temperature)
    assert tokens.flatten().tolist() == [1, 0]
    assert logprobs.flatten().tolist() == pytest.approx([math.log(0.75), math.log(0.25)], rel=1e-5)


def test_logits_of_the_caller_stay_as_they_are():
    logits = torch.tensor([[1.0, 2.0]], dtype=torch.float64)
    choose(logits, torch.tensor([[0.5]]), temperature=0.5)
    assert logits.tolist() == [[1.0, 2.0]]
