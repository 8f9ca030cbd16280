"""Which examples make a step, what each of their tokens weighs, and how they lie in tensors."""

from collections import Counter
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdexp.records import Example
from mdexp.students.likelihood import NO_TARGET
from mdexp.training.batches import plan_steps, trainable
from mdexp.training.layout import lay_out
from mdexp.training.micro_batch import UNCOUNTED
from mdexp.training.objective import example_weights
from mdexp.training.rows import LENGTH_BUCKET, ROW_BUCKET
from mdexp.training.schedule import learning_rate_factor
from mdexp.training.trees import trunk_length
from tests.tiny_run import trainer

EOS, PAD, WORD = 2, 0, 7
MIX = {"cot": 0.3, "pot": 0.7}


def example(problem, thought, sample=0, prompt=4, target=3):
    return Example(
        problem_id=problem,
        thought=thought,
        sample=sample,
        prompt_ids=[WORD] * prompt,
        target_ids=[WORD] * (target - 1) + [EOS],
        target="",
    )


def pairs(number):
    return [example(f"p{i}", thought) for i in range(number) for thought in ("cot", "pot")]


def planned(examples, shares, pairing="both", *, step_problems=2, epochs=1, max_steps=None, seed=0):
    return plan_steps(
        trainable(examples, shares, pairing),
        shares,
        step_problems=step_problems,
        epochs=epochs,
        max_steps=max_steps,
        seed=seed,
    )


def visited(steps):
    """Problems in the order in which they are trained on."""
    return [list(dict.fromkeys(e.problem_id for e in step)) for step in steps]


def test_an_epoch_visits_each_problem_once_with_all_its_paths():
    examples = [*pairs(7), example("p3", "cot", sample=1)]
    steps = planned(examples, MIX, epochs=2, step_problems=3)
    assert [len(step) for step in visited(steps)] == [3, 3, 1] * 2
    for epoch in (steps[:3], steps[3:]):
        trained = Counter((e.problem_id, e.thought, e.sample) for step in epoch for e in step)
        assert trained == Counter((e.problem_id, e.thought, e.sample) for e in examples)
    assert visited(steps[:3]) != visited(steps[3:])


def test_max_steps_overrides_epochs():
    assert len(planned(pairs(4), MIX, epochs=1, max_steps=5)) == 5
    assert len(planned(pairs(4), MIX, epochs=9, max_steps=1)) == 1
    assert planned(pairs(4), MIX, max_steps=3) == planned(pairs(4), MIX, max_steps=5)[:3]


def test_order_depends_on_the_seed_alone():
    assert planned(pairs(9), MIX) == planned(pairs(9), MIX)
    assert visited(planned(pairs(9), MIX)) == visited(planned(pairs(9)[::-1], MIX))
    assert visited(planned(pairs(9), MIX)) != visited(planned(pairs(9), MIX, seed=1))


def test_every_lambda_trains_on_the_same_problems_in_the_same_steps():
    incomplete = [example("only cot", "cot"), example("only pot", "pot")]
    mixes = [{"cot": lam, "pot": 1 - lam} for lam in (0.0, 0.5, 1.0)]
    plans = [planned(pairs(9) + incomplete, mix, epochs=2) for mix in mixes]
    assert visited(plans[0]) == visited(plans[1]) == visited(plans[2])
    assert not {"only cot", "only pot"} & {name for step in visited(plans[0]) for name in step}
    thoughts = [{e.thought for step in plan for e in step} for plan in plans]
    assert thoughts == [{"pot"}, {"cot", "pot"}, {"cot"}]


def test_pairing_any_trains_on_problems_that_lack_a_thought():
    halves = [example("a", "cot"), example("b", "pot")]
    assert set(trainable(halves, MIX, "any")) == {"a", "b"}
    assert trainable(halves, MIX, "both") == {}
    assert set(trainable(halves, {"cot": 0.0, "pot": 1.0}, "any")) == {"b"}
    assert set(trainable(halves, None, "both")) == {"a", "b"}  # a union weighs no thought


def test_pairing_any_draws_a_step_that_lacks_a_thought_again():
    lopsided = [example(f"cot {i}", "cot") for i in range(9)] + [example("pot", "pot")]
    steps = planned(lopsided, MIX, "any", step_problems=2)
    assert len(steps) == 5
    assert all({e.thought for e in step} == {"cot", "pot"} for step in steps)


@pytest.mark.parametrize(
    ("examples", "shares", "step_problems", "message"),
    [
        ([], None, 2, "nothing to train on: no problem has an example"),
        ([], MIX, 2, r"nothing to train on for \['cot', 'pot'\]"),
        ([example("a", "cot")], MIX, 2, r"nothing to train on for \['pot'\]"),
        ([example("a", "cot"), example("b", "pot")], MIX, 1, "trainer.step_problems: .*: raise it"),
    ],
    ids=["union", "dual", "one thought", "steps too small"],
)
def test_nothing_to_train_on(examples, shares, step_problems, message):
    with pytest.raises(ValueError, match=message):
        planned(examples, shares, "any", step_problems=step_problems)


lengths = st.integers(1, 40)
steps = st.lists(
    st.builds(
        example,
        st.sampled_from("ab"),
        st.sampled_from(["cot", "pot"]),
        st.just(0),
        lengths,
        lengths,
    ),
    max_size=12,
).map(lambda more: [example("a", "cot", target=2), example("a", "pot", target=9), *more])
mixes = st.one_of(st.none(), st.floats(0.01, 0.99).map(lambda lam: {"cot": lam, "pot": 1 - lam}))
normalizations = st.sampled_from(["token", "example"])


@given(steps, mixes, normalizations)
def test_weights_of_a_step_sum_to_one_and_those_of_a_thought_to_its_share(step, shares, normalize):
    weights = example_weights(step, shares, normalize)
    sums = Counter()
    for e, weight in zip(step, weights, strict=True):
        sums[e.thought] += weight * len(e.target_ids)
    assert sums.total() == pytest.approx(1)
    if shares is not None:
        assert dict(sums) == pytest.approx(shares)


def test_a_mean_is_over_tokens_or_over_examples():
    step = [example("a", "cot", target=2), example("b", "cot", target=8)]
    assert example_weights(step, {"cot": 1.0}, "token") == pytest.approx([1 / 10, 1 / 10])
    assert example_weights(step, {"cot": 1.0}, "example") == pytest.approx([1 / 4, 1 / 16])


def test_a_thought_without_a_target_has_no_mean():
    with pytest.raises(ValueError, match=r"no target in this step for \['pot'\]"):
        example_weights([example("a", "cot")], MIX, "token")


def laid_out(step, shares=MIX, kind="causal", layout="tree", **options):
    by_token = partial(example_weights, normalize="token")
    defaults = {"weigh": by_token, "micro_batch_tokens": 1000, "pad_id": PAD}
    return lay_out(step, shares, kind=kind, layout=layout, **defaults | options)


def read_by(batch):
    """(thought, what its student reads for it, what is scored) of each sequence of a batch."""
    if batch.tree is not None:
        return list(read_in_tree(batch))
    found = []
    for row, labels in enumerate(batch.labels):
        scored = labels != NO_TARGET
        source = row if batch.prompt_rows is None else int(batch.prompt_rows[row])
        read = batch.input_ids[source][batch.attention_mask[source] == 1].tolist()
        if scored.any():
            thought = batch.names[int(batch.thoughts[row][scored][0])]
            found.append((thought, tuple(read), tuple(labels[scored].tolist())))
    return found


def read_in_tree(batch):
    """What the last token of each branch sees, in the order of positions."""
    ids, labels, positions = batch.input_ids[0], batch.labels[0], batch.tree.positions[0]
    keys = [run for block in batch.tree.blocks for run in block.keys for _ in block.queries[0]]
    seen = [query for block in batch.tree.blocks for run in block.seen for query in run]
    for token in (labels == EOS).nonzero()[:, 0]:
        place = batch.tree.place[token]
        tokens = keys[place][seen[place]]
        assert tokens[-1] == token
        assert positions[tokens].tolist() == list(range(len(tokens)))
        scored = tokens[labels[tokens] != NO_TARGET]
        [thought] = set(batch.thoughts[0][scored].tolist())
        yield batch.names[thought], tuple(ids[tokens].tolist()), tuple(labels[scored].tolist())


@settings(max_examples=60, deadline=None)
@given(
    steps,
    mixes,
    normalizations,
    st.sampled_from(["causal", "seq2seq"]),
    st.sampled_from(["tree", "separate"]),
    st.integers(1, 2000),
    st.sampled_from([PAD, EOS]),
)
def test_micro_batches_hold_a_step_whole(step, shares, normalize, kind, layout, budget, pad_id):
    batches = lay_out(
        step,
        shares,
        kind=kind,
        layout=layout,
        weigh=partial(example_weights, normalize=normalize),
        micro_batch_tokens=budget,
        pad_id=pad_id,
    )
    for batch in batches:
        scored = batch.labels != NO_TARGET
        assert (batch.weights[~scored] == 0).all() and (batch.weights[scored] > 0).all()
        assert (batch.thoughts[~scored] == UNCOUNTED).all()
        assert batch.padded_tokens <= budget or len(read_by(batch)) <= ROW_BUCKET
        assert batch.input_ids.shape[1] % LENGTH_BUCKET == 0
        assert 0 < batch.tokens <= batch.padded_tokens
    expected = Counter()
    for e in step:
        read = e.prompt_ids + e.target_ids[:-1] if kind == "causal" else e.prompt_ids
        expected[e.thought, tuple(read), tuple(e.target_ids)] += 1
    assert Counter(sequence for batch in batches for sequence in read_by(batch)) == expected
    assert sum(batch.weights.sum().item() for batch in batches) == pytest.approx(1, rel=1e-5)


def test_a_trunk_is_read_once_and_no_branch_sees_another():
    step = [example("a", thought, sample=i, prompt=40) for thought in MIX for i in range(2)]
    [batch] = laid_out(step)
    assert batch.tokens == 39 + 4 * 3  # the last token of a prompt belongs to the path
    assert batch.input_ids.shape == (1, 64)
    positions = batch.tree.positions[0, :51].tolist()
    assert positions == [*range(39), *[39, 40, 41] * 4]
    trunk, branches = batch.tree.blocks
    assert trunk.seen[0].sum(-1)[:39].tolist() == list(range(1, 40))
    assert branches.seen[:, :3].sum(-1).tolist() == [[40, 41, 42]] * 4


def test_a_trunk_is_the_common_prefix_of_prompts_less_one_token():
    assert trunk_length([[1, 2, 3, 4], [1, 2, 3, 5, 6]]) == 2
    assert trunk_length([[1, 2, 3], [1, 2, 3]]) == 2
    assert trunk_length([[1], [2]]) == trunk_length([[1], [1, 2]]) == 0


def test_a_problem_above_the_budget_is_several_trees():
    step = [example("a", "cot", sample=i, prompt=60, target=30) for i in range(4)]
    batches = laid_out(step, {"cot": 1.0}, micro_batch_tokens=128)
    assert [batch.tokens for batch in batches] == [59 + 2 * 30] * 2


def test_seq2seq_paths_of_one_prompt_share_an_encoder_pass():
    step = [example("a", "cot", sample=i, prompt=9) for i in range(3)]
    shared, alone = (
        laid_out(step, {"cot": 1.0}, "seq2seq", layout)[0] for layout in ("tree", "separate")
    )
    assert (shared.tokens, alone.tokens) == (9 + 3 * 3, 3 * (9 + 3))
    assert shared.prompt_rows[:3].tolist() == [0, 0, 0]
    assert alone.prompt_rows[:3].tolist() == [0, 1, 2]


@pytest.mark.parametrize("pad_id", [PAD, EOS])
def test_prompt_and_padding_are_never_scored_and_the_end_always_is(pad_id):
    step = [example("a", "cot", prompt=3, target=2)]
    [rows] = laid_out(step, {"cot": 1.0}, layout="separate", pad_id=pad_id)
    assert rows.input_ids[0].tolist() == [WORD, WORD, WORD, WORD] + [pad_id] * 12
    assert rows.labels[0].tolist() == [NO_TARGET, NO_TARGET, WORD, EOS] + [NO_TARGET] * 12
    assert rows.weights[0].tolist() == [0, 0, 0.5, 0.5] + [0] * 12
    assert set(rows.labels[1].tolist()) == {NO_TARGET}
    [tree] = laid_out(step, {"cot": 1.0}, pad_id=pad_id)
    assert tree.input_ids[0].tolist() == [WORD, WORD, WORD, WORD] + [pad_id] * 60
    assert tree.labels[0].tolist() == [NO_TARGET, NO_TARGET, WORD, EOS] + [NO_TARGET] * 60


@pytest.mark.parametrize("kind", ["causal", "seq2seq"])
def test_an_unscored_micro_batch_keeps_its_shape_and_counts_for_nothing(kind):
    [batch] = laid_out(pairs(1), kind=kind)
    filler = batch.unscored()
    assert filler.weights.abs().sum() == 0 < batch.weights.sum()
    assert (filler.labels == batch.labels).all()
    assert (filler.tokens, filler.padded_tokens) == (0, batch.padded_tokens)
    assert set(filler.thoughts.flatten().tolist()) == {UNCOUNTED}


@pytest.mark.parametrize(
    ("schedule", "middle", "last"),
    [("constant", 1, 1), ("linear", 0.5, 0.1), ("cosine", 0.5, 0.0245)],
)
def test_learning_rate_warms_up_from_above_zero_and_decays(schedule, middle, last):
    factor = learning_rate_factor(trainer(schedule=schedule, warmup=1 / 3), 15)
    assert [factor(step) for step in range(6)] == pytest.approx(
        [1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1]
    )
    assert [factor(10), factor(14)] == pytest.approx([middle, last], abs=1e-4)
    assert all(factor(step) > 0 for step in range(15))


def test_without_warm_up_the_first_step_has_the_peak_rate():
    assert learning_rate_factor(trainer(schedule="linear", warmup=0.0), 3)(0) == 1


def test_an_example_for_one_epoch_is_in_no_other():
    """Draws for single epochs take turns; what is for every epoch is always there."""
    names = ("a", "b", "c", "d")
    drawn = [
        replace(example(name, "cot", sample), epoch=sample) for name in names for sample in range(3)
    ]
    always = [example(name, "cot", sample=9) for name in names]
    steps = planned([*drawn, *always], None, step_problems=4, epochs=4)
    assert [sorted({e.sample for e in step}) for step in steps] == [[0, 9], [1, 9], [2, 9], [0, 9]]
    assert all(len(step) == 8 for step in steps)


def test_a_step_is_never_empty():
    late = replace(example("a", "cot"), epoch=1)
    steps = planned([late, example("b", "cot")], None, step_problems=1, epochs=2)
    assert [len(step) for step in steps] == [1, 1, 1, 1]
    assert {e.problem_id for step in steps[:2] for e in step} == {"b"}
