"""What any scorer of prefixes must do: a new yaml in conf/scorer is tested without a line here."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from mdexp.ports import PrefixScorer, ReadPrefix
from mdexp.ports.parts import build_part, described
from mdexp.records import LinearHead
from tests.contract.conftest import names, plugin

NAMES = names("scorer")
SIZE = 5


def read(name: str, problem: int, right: bool, step: int | None = None) -> ReadPrefix:
    dice = np.random.default_rng(problem)
    states = dice.normal(size=(len(plugin("scorer", name).depths), SIZE)).astype(np.float32)
    states[:, 1] += right
    return ReadPrefix(f"p{problem}", "cot", step, 7, right, states)


def test_scorers_are_found() -> None:
    assert "energy" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_it_offers_what_a_scorer_has_to(name: str) -> None:
    part = plugin("scorer", name)
    assert isinstance(part, PrefixScorer)
    assert part.num_paths >= 2 and all(0 <= depth <= 1 for depth in part.depths)
    assert build_part(described(part)) == part


@pytest.mark.parametrize("name", NAMES)
def test_its_head_ranks_what_it_learned_from_and_is_the_same_again(name: str) -> None:
    rows = [
        read(name, n, right, step)
        for n in range(12)
        for right in (True, False)
        for step in (0, None)
    ]
    head, counts = plugin("scorer", name).fit(rows, rows)
    assert isinstance(head, LinearHead) and len(head.weights) == SIZE
    assert head.weights[1] > 0
    assert plugin("scorer", name).fit(rows, rows) == (head, counts)
    json.dumps([asdict(head), counts], allow_nan=False)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kinds", [(), (True,), (False,)])
def test_a_weak_student_is_no_error(name: str, kinds: tuple[bool, ...]) -> None:
    rows = [read(name, n, right) for n in range(3) for right in kinds]
    for validation in (rows, []):
        head, _ = plugin("scorer", name).fit(rows, validation)
        assert np.isfinite([*head.weights, head.bias]).all()
