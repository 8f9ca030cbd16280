"""Curves against brute force: every subset of the paths, voted by `elect`."""

from dataclasses import replace
from itertools import combinations, product
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdexp.grading import curves as module
from mdexp.grading.curves import pass_at, path_curves, subsets, won
from mdexp.grading.election import booth
from mdexp.grading.statistics import bca, wilson
from mdexp.grading.vote import elect
from tests.unit.test_vote import path as one_path

ORDER = ["pot", "cot"]
answers = st.sampled_from([18, 18, 18.0000001, 7, 3, None])  # the third, for dss, is wrong


def paths_of(thought, given, id="p1"):
    return [
        replace(one_path(thought, a, k, "ok" if a is not None else "timeout"), problem_id=id)
        for k, a in enumerate(given, start=1)
    ]


def all_draws(paths, draws):
    """Every way to draw so many paths of each thought, by itertools alone."""
    per_thought = [
        list(combinations([p for p in paths if p.thought == thought], number))
        for thought, number in draws.items()
    ]
    return [[p for part in parts for p in part] for parts in product(*per_thought)]


def problem(pot, cot):
    return [*paths_of("pot", pot), *paths_of("cot", cot)]


@settings(max_examples=60)
@given(st.lists(answers, min_size=4, max_size=4), st.lists(answers, min_size=3, max_size=3))
def test_every_point_is_the_mean_over_all_subsets(pot, cot):
    paths = problem(pot, cot)
    for draws in ({"pot": 2}, {"cot": 3}, {"pot": 1, "cot": 1}, {"pot": 3, "cot": 2}):
        heard = [p for p in paths if p.thought in draws]
        sizes = {t: sum(p.thought == t for p in heard) for t in draws}
        drawn = all_draws(paths, draws)
        votes = [elect(subset, ORDER).correct for subset in drawn]
        chosen = subsets(sizes, draws)
        assert len(chosen.chosen) == len(drawn) and chosen.kind == "all"
        assert won(booth(heard), chosen.chosen).mean() == pytest.approx(sum(votes) / len(votes))
        passed = [any(p.correct for p in subset) for subset in drawn]
        assert pass_at(heard, draws) == pytest.approx(sum(passed) / len(passed))


@settings(max_examples=20)
@given(st.lists(st.lists(answers, min_size=8, max_size=8), min_size=1, max_size=4))
def test_whole_curves_agree_with_brute_force(drawn):
    problems = [
        [replace(p, problem_id=f"p{k}") for p in problem(given[:4], given[4:])]
        for k, given in enumerate(drawn)
    ]
    found = path_curves(problems, ORDER)
    assert [p["paths"] for p in found["points"]["cot"]] == [1, 2, 3, 4]
    assert [p["paths"] for p in found["points"]["mix"]] == [2, 4, 6, 8]
    for name, draw in (
        ("pot", lambda k: {"pot": k}),
        ("cot", lambda k: {"cot": k}),
        ("mix", lambda k: {"pot": k // 2, "cot": k // 2}),
    ):
        for point in found["points"][name]:
            voted = [
                elect(subset, ORDER).correct
                for paths in problems
                for subset in all_draws(paths, draw(point["paths"]))
            ]
            assert point["accuracy"] == pytest.approx(sum(voted) / len(voted))
            assert point["subsets"] == "all" and point["pass_at"] >= point["accuracy"] - 1e-12


def test_drawn_subsets_come_near_to_all_of_them(monkeypatch):
    paths = problem([18, 7, 7, 18, 3, None], [7, 18, 18, None, 5, 7])
    sizes, draws = {"pot": 6, "cot": 6}, {"pot": 3, "cot": 3}
    exact = won(booth(paths), subsets(sizes, draws).chosen).mean()
    assert subsets(sizes, draws).kind == "all"
    monkeypatch.setattr(module, "MAX_SUBSETS", comb(6, 3) ** 2 - 1)
    drawn = subsets(sizes, draws)
    assert drawn.kind == "399 drawn" and len(drawn.chosen) == 399
    assert (drawn.chosen[:, :6].sum(1) == 3).all() and (drawn.chosen[:, 6:].sum(1) == 3).all()
    # Three standard errors of a share of 399 draws.
    assert won(booth(paths), drawn.chosen).mean() == pytest.approx(exact, abs=3 * 0.5 / 399**0.5)
    assert np.array_equal(drawn.chosen, subsets(sizes, draws).chosen), "seeded"


def test_the_gain_compares_equal_budgets_and_has_the_sign_of_mix_minus_thought():
    problems = [
        [replace(p, problem_id=f"p{k}") for p in problem([18, 18], [7, 7])] for k in range(5)
    ]
    gains = {gain["thought"]: gain for gain in path_curves(problems, ORDER)["gains"]}
    assert {gain["paths"] for gain in gains.values()} == {2}
    assert gains["pot"]["mean"] == 0 and gains["cot"]["mean"] == 1, "a tie goes to pot"
    assert gains["cot"]["ci95"] == pytest.approx(wilson(5, 5)), "all problems alike"
    assert gains["pot"]["ci95"] == pytest.approx([-wilson(0, 5).high, wilson(0, 5).high])


def test_pass_at_k_has_its_interval_over_problems():
    problems = [
        [replace(p, problem_id=f"p{k}") for p in paths_of("cot", [7, 18 if k < 6 else 7])]
        for k in range(10)
    ]
    once, twice = path_curves(problems, ["cot"])["points"]["cot"]
    passed = np.array([1.0] * 6 + [0.0] * 4)
    assert twice["pass_at"] == 0.6
    assert twice["pass_ci95"] == pytest.approx(bca(passed, seed=3), abs=0.1001), "one problem"
    assert once["pass_ci95"] == pytest.approx([end / 2 for end in twice["pass_ci95"]])


def test_one_thought_has_a_curve_and_no_mix():
    found = path_curves([paths_of("cot", [18, 7, 18])], ["cot"])
    assert list(found["points"]) == ["cot"] and found["gains"] == []
    assert found["points"]["cot"][0]["accuracy"] == pytest.approx(2 / 3)


def test_one_path_makes_no_curve():
    assert path_curves([paths_of("cot", [18])], ["cot"]) is None


def test_thoughts_with_unlike_numbers_of_paths_mix_up_to_the_fewer():
    found = path_curves([problem([18, 7, 7], [18, 18])], ORDER)
    assert [p["paths"] for p in found["points"]["pot"]] == [1, 2, 3]
    assert [p["paths"] for p in found["points"]["mix"]] == [2, 4], "two of each"
    assert [gain["paths"] for gain in found["gains"]] == [2, 2], "cot has no four"


def test_long_curves_are_thinned_and_end_at_all_paths():
    found = path_curves([paths_of("cot", [18, 7] * 10)], ["cot"])
    assert [p["paths"] for p in found["points"]["cot"]] == [*range(1, 9), 12, 16, 20]


def test_a_thought_that_the_vote_leaves_out_has_its_curve_and_no_share_in_the_mix():
    three = [*problem([18, 7], [7, 18]), *paths_of("eot", [18, 18])]
    found = path_curves([three], ORDER)
    assert list(found["points"]) == ["pot", "cot", "eot", "mix"]
    assert [p["paths"] for p in found["points"]["mix"]] == [2, 4]
    assert [p["accuracy"] for p in found["points"]["eot"]] == [1, 1]
    assert [gain["thought"] for gain in found["gains"]] == ORDER
    alone = path_curves([three], ["pot"])
    assert list(alone["points"]) == ["pot", "cot", "eot"] and alone["gains"] == []
