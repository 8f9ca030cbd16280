"""Several sets as one: shares, tests of their own, and what is refused."""

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdexp.datasets.prepare import prepare_problems
from mdexp.ports.parts import ComponentError
from tests.named_dataset import dataset

SETS = ("coin_flip", "last_letters")


def small(name, train, test=3):
    return {name: {"limit_train": train, "limit_test": test}}


def counted(mix):
    return Counter((p.dataset, p.split) for p in mix.problems())


def test_sets_are_trained_on_together_and_tested_apart():
    mix = dataset("mix", sets=[small("coin_flip", 6), small("last_letters", 4)])
    assert counted(mix) == {
        ("coin_flip", "train"): 6,
        ("last_letters", "train"): 4,
        ("coin_flip", "test"): 3,
        ("last_letters", "test"): 3,
    }
    assert not mix.dropped()
    problems, counts = prepare_problems(mix, [], seed=0)
    assert counts["train"] + counts["validation"] == 10 and counts["test"] == 6
    assert {p.dataset for p in problems if p.split == "test"} == set(SETS)
    assert mix.source.count("mdexp") == 2 and "coin_flip: Apache-2.0" in mix.licence


def test_a_set_of_the_mix_may_have_options_of_its_puzzle():
    longer = {"coin_flip": {"puzzle": {"people_test": [5]}, "limit_test": 3}}
    mix = dataset("mix", sets=[longer, "last_letters"])
    flips = [p.type for p in mix.problems() if p.dataset == "coin_flip" and p.split == "test"]
    assert flips == ["k=5"] * 3


@settings(max_examples=20, deadline=None)
@given(sizes=st.tuples(st.integers(2, 12), st.integers(2, 12)), tenths=st.integers(1, 9))
def test_shares_take_as_many_as_the_scarcest_set_allows(sizes, tenths):
    shares = dict(zip(SETS, (tenths / 10, (10 - tenths) / 10), strict=True))
    mix = dataset(
        "mix", sets=[small(n, size) for n, size in zip(SETS, sizes, strict=True)], shares=shares
    )
    found = counted(mix)
    taken = [found[name, "train"] for name in SETS]
    for number, size, share in zip(taken, sizes, shares.values(), strict=True):
        assert number <= size
        assert abs(number - sum(taken) * share) < 2
    assert any(  # one set is used up
        number >= int(size) - 1 for number, size in zip(taken, sizes, strict=True)
    )
    dropped = mix.dropped()
    assert [dropped[f"{name}/share"] for name in SETS] == [
        size - number for size, number in zip(sizes, taken, strict=True)
    ]


def test_limits_are_of_all_training_and_of_each_test():
    mix = dataset("mix", sets=list(SETS), limit_train=10, limit_test=2)
    assert counted(mix) == {
        **{(name, "train"): 5 for name in SETS},
        **{(name, "test"): 2 for name in SETS},
    }


@given(limit=st.integers(1, 8), sizes=st.tuples(*[st.integers(4, 8)] * 2))
@settings(max_examples=20, deadline=None)
def test_as_many_are_trained_on_as_the_limit_says(limit, sizes):
    sets = [small(name, size) for name, size in zip(SETS, sizes, strict=True)]
    mix = dataset("mix", sets=sets, limit_train=limit)
    assert sum(p.split == "train" for p in mix.problems()) == limit


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sets": ["coin_flip", "coin_flip"]}, "named twice"),
        ({"sets": ["coin_flip", "mix"]}, "must not name a mix"),
        ({"sets": list(SETS), "shares": {"coin_flip": 0.5}}, "shares names all of"),
        ({"sets": list(SETS), "shares": dict.fromkeys(SETS, 0.4)}, "must sum to 1"),
        ({"sets": ["coin_flip", "coin_flop"]}, "no dataset 'coin_flop'"),
    ],
)
def test_what_is_no_mix_is_refused(options, message):
    with pytest.raises((ValueError, ComponentError), match=message):
        dataset("mix", **options).problems()


def test_ids_and_names_of_sets_are_kept_apart(tmp_path):
    def own(folder, **row):
        (tmp_path / folder).mkdir()
        fields = {"id": "1", "question": f"How many in {folder}?", "answer": 3}
        (tmp_path / folder / "test.jsonl").write_text(json.dumps(fields | row) + "\n")
        target = {"_target_": "mdexp.datasets.jsonl.JsonLines", "split": "default", "ood": []}
        limits = {"limit_train": None, "limit_test": None}
        return {folder: target | limits | {"path": str(tmp_path / folder), "name": folder}}

    with pytest.raises(ValueError, match="1 ids are in two of a, b, such as '1'"):
        dataset("mix", sets=[own("a"), own("b")]).problems()
    same = own("d", id="2")
    same["d"]["name"] = "c"
    with pytest.raises(ValueError, match="two sets are named c"):
        dataset("mix", sets=[own("c"), same]).problems()
