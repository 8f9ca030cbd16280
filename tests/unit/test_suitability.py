"""Length, NLL and rank-surprisal ratio, against values worked out by hand and scipy."""

from math import log

import numpy as np
import pytest
import torch
from scipy.stats import bootstrap

from mdexp.grading.statistics import bca, ratio_bca
from mdexp.grading.suitability import MOST_RANK, suitability
from mdexp.records import Example, TextScore
from mdexp.training.text_scores import text_scores
from tests.tiny_run import SEED, tiny

READ = {"most_rank": MOST_RANK, "pad_id": 0}
RATIO = 0.97  # of the probabilities of two tokens that are neighbours by rank


def example(problem: str, target: list[int], **more) -> Example:
    what = {"thought": "cot", "sample": 0, "target": ""} | more
    return Example(problem_id=problem, prompt_ids=[5, 6, 7], target_ids=target, **what)


@pytest.fixture(params=["causal", "seq2seq"])
def planted(request):
    """A student to whom token k has the probability (1 - r) r^k / (1 - r^V), whatever precedes: its
    rank is k + 1."""
    model, _ = tiny(request.param).load(SEED)
    head = model.get_output_embeddings()
    size = head.weight.shape[0]
    head.weight = torch.nn.Parameter(torch.zeros_like(head.weight))
    head.bias = torch.nn.Parameter(torch.arange(size) * log(RATIO))
    scale = log((1 - RATIO) / (1 - RATIO**size))
    return model, request.param, lambda *tokens: -sum(scale + k * log(RATIO) for k in tokens)


def test_a_planted_student_gives_the_values_worked_out_by_hand(planted):
    model, kind, nll = planted
    texts = text_scores(
        [example("p", [0, 9, 149]), example("q", [3] * 40), example("p", [2, 4], sample=1)],
        model,
        kind,
        **READ,
    )
    assert [(t.problem_id, t.num_tokens, t.rank) for t in texts] == [
        ("p", 3, 1 + 10 + MOST_RANK),
        ("q", 40, 160),
        ("p", 2, 8),
    ]
    by_hand = [nll(0, 9, 149), nll(*[3] * 40), nll(2, 4)]
    assert [t.nll for t in texts] == pytest.approx(by_hand, rel=1e-5)


def test_unscored_tokens_do_not_count_and_parts_of_a_text_do(planted):
    model, kind, nll = planted
    parts = [example("p", [0, 9, 149, 1], unscored=((1, 3),)), example("p", [20], role="solver")]
    [text] = text_scores(parts, model, kind, **READ)
    assert (text.num_tokens, text.rank) == (3, 1 + 2 + 21)
    assert text.nll == pytest.approx(nll(0, 1, 20), rel=1e-5)


def test_batches_change_nothing(planted):
    model, kind, _ = planted
    many = [example(f"p{n}", [1 + n % 7] * (1 + n % 11)) for n in range(90)]
    together = text_scores(many, model, kind, **READ)
    for one, text in zip(many, together, strict=True):
        [alone] = text_scores([one], model, kind, **READ)
        assert (text.problem_id, text.num_tokens, text.rank) == (
            one.problem_id,
            alone.num_tokens,
            alone.rank,
        )
        assert text.nll == pytest.approx(alone.nll, rel=1e-5)


def score(problem: str, num_tokens: int, nll: float, rank: float) -> TextScore:
    return TextScore(problem_id=problem, num_tokens=num_tokens, nll=nll, rank=rank)


def test_a_row_is_the_mean_over_problems_joined_by_id():
    texts = [score("q", 4, 8.0, 4), score("p", 2, 1.0, 6), score("p", 4, 4.0, 20)]
    other = [score("p", 1, 0.5, 2), score("q", 1, 0.5, 1)]
    row = suitability(texts, ["p", "q"], first=other)
    assert row.num_texts == 3
    assert row.tokens.value == (3 + 4) / 2
    assert row.nll_per_text.value == (2.5 + 8) / 2
    assert row.nll_per_token.value == ((0.5 + 1) / 2 + 2) / 2
    assert row.rsr.value == ((3 + 5) / 2 + 1) / ((0.5 + 1) / 2 + 2)
    assert row.rsr_difference
    assert row.rsr_difference.value == row.rsr.value - (2 + 1) / (0.5 + 0.5)
    assert suitability(texts, ["p", "q"]).rsr_difference is None


def test_rows_are_paired_by_problem_and_not_by_position():
    texts = [score(f"p{n}", 2, 1.0 + n, 9.0 - n) for n in range(8)]
    names = [f"p{n}" for n in range(8)]
    same = suitability(texts, names, first=texts[::-1]).rsr_difference
    assert same and same.value == 0 and same.ci95 is None, "every pair is equal"


def test_one_problem_has_no_interval():
    assert suitability([score("p", 2, 1.0, 6)], ["p"]).rsr.ci95 is None


def drawn(number: int = 80):
    source = np.random.default_rng(1)
    return source.gamma(2.0, size=(4, number)) + 0.5


def test_a_ratio_by_one_is_a_mean():
    top = drawn()[0] / 20
    assert ratio_bca(top, np.ones(80), seed=3) == pytest.approx(bca(top, seed=3), abs=1e-12)


def test_ratios_and_their_difference_agree_with_scipy():
    a, b, c, d = drawn()
    for pairs, ours in (
        ((a, b), ratio_bca(a, b, seed=0)),
        ((a, b, c, d), ratio_bca(a, b, less=(c, d), seed=0)),
    ):

        def statistic(*rows, axis=-1):
            ratios = [
                t.mean(axis=axis) / u.mean(axis=axis)
                for t, u in zip(rows[::2], rows[1::2], strict=True)
            ]
            return ratios[0] - sum(ratios[1:])

        theirs = bootstrap(pairs, statistic, paired=True, method="BCa", rng=0)
        assert ours == pytest.approx(tuple(theirs.confidence_interval), abs=0.03)


def test_a_ratio_minus_itself_has_no_interval():
    a, b, _, _ = drawn()
    assert ratio_bca(a, b, less=(a, b), seed=0) is None
