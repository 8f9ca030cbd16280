"""The energy: pairs, the head that they teach, and the states that it reads."""

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mdexp.decoding.prefix_scores import PrefixScores, ends_of_steps
from mdexp.grading.ranking import auc, auc_by_group
from mdexp.grading.scorers.energy import matched_pairs
from mdexp.ports import ReadPrefix
from mdexp.records import LinearHead
from mdexp.students.prefix_states import Prefix, PrefixReader
from mdexp.students.prompts import Renderer
from tests.contract.conftest import plugin
from tests.tiny_run import SEED, tiny

SIZE = 6


def prefix(problem, right, *, length=10, step=None, thought="cot", states=None):
    found = np.zeros((2, SIZE), dtype=np.float32) if states is None else states
    return ReadPrefix(f"p{problem}", thought, step, length, right, found)


def test_auc_counts_pairs_and_halves_of_ties():
    assert auc([3, 1, 2], [True, False, False]) == 1
    assert auc([1, 1, 2, 0], [True, False, False, True]) == pytest.approx(0.5 / 4)
    assert auc([1, 2], [True, True]) is None
    assert auc_by_group("aabb", [1, 0, 0, 1], [True, False, True, True]) == {"a": 1.0}


@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=9))
def test_auc_is_what_is_left_of_it_when_scores_turn_round(drawn):
    scores, right = [s for s, _ in drawn], [r for _, r in drawn]
    found, turned = auc(scores, right), auc([-s for s in scores], right)
    assert (found is None and turned is None) or found == pytest.approx(1 - turned)
    assert auc([2 * s + 1 for s in scores], right) == found


def test_pairs_are_of_one_problem_and_step_near_in_length_and_whole_paths_of_two_thoughts():
    rows = [
        prefix(0, True, length=10),
        prefix(0, False, length=30),
        prefix(0, False, length=12),
        prefix(0, True, length=40),
        prefix(0, False, length=10, step=0),
        prefix(0, False, length=10, thought="pot"),
        prefix(0, False, length=10, step=0, thought="pot"),
        prefix(1, False, length=10),
    ]
    assert matched_pairs(rows) == [(0, 2), (3, 1), (0, 5), (3, 5)]


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.booleans(), st.integers(1, 9), st.sampled_from([None, 0])),
        max_size=14,
    )
)
def test_every_path_beside_one_of_the_other_kind_is_in_a_pair(drawn):
    rows = [prefix(n, right, length=length, step=step) for n, right, length, step in drawn]
    pairs = matched_pairs(rows)
    assert all(rows[a].is_right and not rows[b].is_right for a, b in pairs)
    assert len(set(pairs)) == len(pairs)
    kinds = {(r.problem_id, r.step): set() for r in rows}
    for row in rows:
        kinds[row.problem_id, row.step].add(row.is_right)
    paired = {n for pair in pairs for n in pair}
    for n, row in enumerate(rows):
        assert (n in paired) == (len(kinds[row.problem_id, row.step]) == 2)


def planted(problems, *, depth, seed):
    """Paths whose states hold their verdict in one direction of one depth, behind a far larger sign
    of how easy their problem is, and of their length."""
    dice = np.random.default_rng(seed)
    rows = []
    for number in problems:
        ease = dice.normal()
        for _ in range(6):
            right = bool(dice.random() < 1 / (1 + np.exp(-2 * ease)))
            length = int(dice.integers(5, 40))
            states = dice.normal(size=(2, SIZE)).astype(np.float32) * 0.3
            states[:, 0] += 8 * ease
            states[:, 1] += length / 5
            states[depth, 2] += right
            rows.append(prefix(number, right, length=length, states=states))
    return rows


@pytest.mark.parametrize(("contrast", "depth"), product(("ranking", "binary"), (0, 1)))
def test_the_head_finds_what_makes_a_path_right_and_validation_its_depth(contrast, depth):
    part = plugin("scorer", "energy", contrast=contrast, depths=(0.0, 1.0), priors=(1.0,))
    taught, held_out = (
        planted(n, depth=depth, seed=s) for n, s in ((range(60), 0), (range(60, 90), 1))
    )
    head, counts = part.fit(taught, held_out)
    assert (head.depth, counts["depth"]) == (depth, depth)
    tested = planted(range(100, 160), depth=depth, seed=2)
    scores = [float(p.states[depth] @ head.weights + head.bias) for p in tested]
    within = auc_by_group([p.problem_id for p in tested], scores, [p.is_right for p in tested])
    assert np.mean([*within.values()]) > 0.95
    weights = np.abs(head.weights)
    assert weights[2] > 5 * weights[[0, 1]].max(), "neither the problem nor the length"
    chances = 1 / (1 + np.exp(-np.array(scores)))
    assert chances.mean() == pytest.approx(np.mean([p.is_right for p in tested]), abs=0.12)


@pytest.mark.parametrize("contrast", ["ranking", "binary"])
def test_scores_of_two_thoughts_have_a_common_level(contrast):
    """The better thought's paths rank higher, though within a thought nothing tells them apart."""
    dice = np.random.default_rng(0)
    rows = []
    for number, thought in product(range(80), ["cot", "pot"] * 4):
        states = dice.normal(size=(2, SIZE)).astype(np.float32) * 0.3
        states[:, 3] += 4 * (thought == "pot")
        right = bool(dice.random() < (0.8 if thought == "pot" else 0.3))
        rows.append(prefix(number, right, thought=thought, states=states))
    head, _ = plugin("scorer", "energy", contrast=contrast, depths=(1.0,)).fit(rows, rows)
    scores = [float(row.states[0] @ head.weights) for row in rows]
    within = auc_by_group([row.problem_id for row in rows], scores, [r.is_right for r in rows])
    assert np.mean([*within.values()]) > 0.7


@pytest.mark.parametrize("contrast", ["ranking", "binary"])
def test_states_that_say_nothing_make_all_paths_alike(contrast, caplog):
    part = plugin("scorer", "energy", contrast=contrast)
    alike = [prefix(n, right) for n in range(4) for right in (True, False)]
    head, _ = part.fit(alike, alike)
    assert set(head.weights) == {0.0} and head.bias == pytest.approx(0, abs=1e-6)
    head, counts = part.fit([prefix(0, True), prefix(1, False)], [])
    assert not any(head.weights) and counts["pairs of a right and a wrong prefix"] == 0
    assert "all paths score alike" in caplog.text


@pytest.fixture(scope="module")
def student():
    model, tokenizer = tiny("causal").load(SEED)
    return model, Renderer(tokenizer, "causal", "plain")


def straight(model, ids):
    with torch.inference_mode():
        read = model(input_ids=torch.tensor([ids]), output_hidden_states=True)
    return torch.stack([read.hidden_states[0][0], read.hidden_states[-1][0]], dim=1).numpy()


def test_states_are_those_of_the_whole_text_read_by_itself(student):
    model, _ = student
    prompts = [(5, 6, 7, 8), (9, 10)]
    texts = [(11, 12, 13), (11,), (), (14, 15, 16, 17, 18)]
    prefixes = [Prefix(p, t) for p in prompts for t in texts]
    reader = PrefixReader(model=model, depths=[0.0, 1.0], batch_size=2)
    places = [range(len(p.token_ids) + 1) for p in prefixes]
    for one, states in zip(prefixes, reader.read(prefixes, places), strict=True):
        alone = straight(model, [*one.prompt_ids, *one.token_ids])
        np.testing.assert_allclose(states, alone[len(one.prompt_ids) - 1 :], atol=1e-5)
    assert (reader.prompt_tokens, reader.text_tokens) == (6, 18), "a prompt is read once"
    reader.read(prefixes * 2, [[0]] * 2 * len(prefixes))
    assert (reader.prompt_tokens, reader.text_tokens) == (12, 36), "and an equal prefix, too"


def test_a_score_is_the_heads_and_needs_no_end_of_sequence(student):
    model, renderer = student
    end = renderer.tokenizer.eos_token_id
    size = model.config.hidden_size
    head = LinearHead(depth=1.0, weights=tuple(np.linspace(-1, 1, size).tolist()), bias=0.5)
    scores = PrefixScores(model, head, end)
    ids = (5, 6, 7, 11, 12)
    expected = float(straight(model, ids)[-1, 1] @ np.array(head.weights) + 0.5)
    found = scores([Prefix(ids[:3], ids[3:]), Prefix(ids[:3], (*ids[3:], end)), Prefix(ids, ())])
    assert found == pytest.approx([expected] * 3, abs=1e-5)
    assert scores([]) == []
    assert PrefixScores(model, LinearHead(depth=1.0, weights=(), bias=0.25), end)(
        [Prefix(ids, ())]
    ) == [0.25]


@pytest.mark.parametrize(("thought", "number"), [("pot", 2), ("cot", 2)])
def test_steps_are_lines_or_sentences(student, thought, number):
    _, renderer = student
    text = {"pot": "a = 1\nb = a + 2\nans = b", "cot": "It is 3. And 4 more. So 7."}[thought]
    ids = renderer.tokenizer(text, add_special_tokens=False)["input_ids"]
    ends = ends_of_steps(ids, plugin("thought", thought), renderer)
    assert len(ends) == number and ends == sorted(ends) and ends[-1] < len(ids)
    if thought == "pot":
        assert [renderer.text(ids[:end]).count("\n") for end in ends] == [1, 2]
