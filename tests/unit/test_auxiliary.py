"""Auxiliary lessons: their share of the loss, and the steps that have none of them."""

from collections import Counter

import pytest
from pydantic import ValidationError

from mdexp.training.batches import Auxiliary, plan_steps, trainable
from mdexp.training.layout import lay_out
from mdexp.training.objectives.auxiliary import AuxiliaryObjective
from mdexp.training.objectives.dual import DualObjective
from mdexp.training.objectives.union import UnionObjective
from mdexp.training.objectives.weighted import WeightedObjective
from tests.unit.test_batches import example, pairs

MAINS = {
    "weighted": (WeightedObjective(weights=None, normalize="token", pairing="any"), None),
    "dual": (DualObjective(lambda_thought="cot", normalize="token", pairing="any"), 0.3),
    "union": (UnionObjective(normalize="token", pairing="any"), None),
}
THOUGHTS = ("cot", "pot", "repair")


def objective(main="weighted", auxiliary=None, **options):
    chosen = {"repair": 0.2} if auxiliary is None else auxiliary
    defaults = {"per_problem": None, "normalize": "token"}
    return AuxiliaryObjective(main=MAINS[main][0], auxiliary=chosen, **defaults | options)


def planned(examples, part, lam=None, **options):
    shares = part.shares(THOUGHTS, lam)
    return plan_steps(
        trainable(examples, shares, part.pairing),
        shares,
        auxiliary=Auxiliary.of(part),
        **{"step_problems": 2, "epochs": 1, "max_steps": None, "seed": 0} | options,
    )


def weight_of(part, step, lam=None, thoughts=THOUGHTS):
    """What the tokens of each thought weigh together."""
    found = Counter()
    weights = part.token_weights(step, part.shares(thoughts, lam))
    for one, weight in zip(step, weights, strict=True):
        found[one.thought] += weight * one.num_scored
    return dict(found)


@pytest.mark.parametrize("main", MAINS)
def test_a_step_without_an_auxiliary_lesson_loses_its_share_and_no_other_changes(main):
    part, lam = objective(main), MAINS[main][1]
    repairs = [example("p0", "repair", sample=i, target=5 + i) for i in range(2)]
    alone = weight_of(MAINS[main][0], pairs(2), lam, THOUGHTS[:2])
    for step in (pairs(2), [*repairs[:1], *pairs(2), *repairs[1:]]):
        expected = {thought: pytest.approx(0.8 * share) for thought, share in alone.items()}
        expected |= {"repair": pytest.approx(0.2)} if len(step) > 4 else {}
        assert weight_of(part, step, lam) == expected


def test_a_mean_of_auxiliary_lessons_is_over_tokens_or_examples():
    step = [example("a", "repair", target=2), example("b", "repair", target=8)]
    assert objective().token_weights(step, None) == pytest.approx([0.2 / 10] * 2)
    by_example = objective(normalize="example").token_weights(step, None)
    assert by_example == pytest.approx([0.2 / 2 / 2, 0.2 / 2 / 8])


def test_steps_are_those_of_a_training_without_auxiliary_lessons():
    """None is drawn again for lack of a repair, and those that have none are counted."""
    plain, part = pairs(9), objective()
    steps = planned([*plain, example("p3", "repair")], part)
    assert [[e for e in s if e.thought != "repair"] for s in steps] == planned(plain, part)
    assert len(steps) == 5
    assert Auxiliary.of(part).steps_without(steps) == {"repair": 4}
    assert Auxiliary.of(part.main).steps_without(steps) == {}


@pytest.mark.parametrize("main", MAINS)
def test_no_step_has_auxiliary_lessons_alone(main):
    examples = [*pairs(2), *(example(f"q{n}", "repair") for n in range(20))]
    steps = planned(examples, objective(main), MAINS[main][1], step_problems=1, epochs=2)
    assert len(steps) == 44
    assert all({"cot", "pot"} <= {e.thought for e in step} for step in steps)


def test_at_most_so_many_lessons_of_a_problem_are_drawn_for_a_step():
    examples = [*pairs(4), *(example("p0", "repair", sample=i) for i in range(6))]
    part = objective(per_problem=2)
    options = {"step_problems": 4, "epochs": 20}
    steps = planned(examples, part, **options)
    drawn = [tuple(e.sample for e in step if e.thought == "repair") for step in steps]
    assert {len(samples) for samples in drawn} == {2}
    assert {sample for samples in drawn for sample in samples} == set(range(6))
    assert planned(examples, part, **options) == steps
    assert planned(examples, part, **options, seed=1) != steps


def test_nothing_but_auxiliary_lessons_is_nothing_to_train_on():
    with pytest.raises(ValueError, match="all examples are auxiliary lessons"):
        planned([example("a", "repair")], objective("union"))


@pytest.mark.parametrize(
    ("part", "thoughts", "lam", "message"),
    [
        (objective(), ["cot", "pot"], None, "names repair, which is none of the chosen thoughts"),
        (objective(), ["repair"], None, "names all of repair: leave one to objective.main"),
        (objective("dual"), ["cot", "repair"], 0.3, "weighs exactly two thoughts, got cot"),
        (objective("dual", {}), ["pot", "eot"], 0.3, "objective.main.lambda_thought must be one"),
        (objective(), THOUGHTS, 0.3, "reads no lambda"),
    ],
)
def test_what_does_not_fit_the_thoughts_is_said(part, thoughts, lam, message):
    assert message in part.why_not(thoughts, lam)
    assert objective().why_not(THOUGHTS, None) is None


@pytest.mark.parametrize(
    ("auxiliary", "message"),
    [
        ({"repair": 0.0}, "greater than 0"),
        ({"repair": 0.6, "states": 0.4}, "must sum to less than 1, .* got 1"),
    ],
)
def test_shares_leave_some_of_the_loss_to_main(auxiliary, message):
    with pytest.raises(ValidationError, match=message):
        objective(auxiliary=auxiliary)


def test_the_formula_has_all_shares():
    formula = objective("dual").formula(THOUGHTS, 0.3)
    assert formula.startswith("L = 0.8 L_main + 0.2 L_repair, L_main: L = λ L_cot + (1−λ) L_pot")
    assert objective("dual", {}).formula(["cot", "pot"], 0.3) == MAINS["dual"][0].formula(
        ["cot", "pot"], 0.3
    )


def test_prompts_that_alter_the_question_have_a_tree_of_their_own():
    asked = [example("a", "cot", sample=i, prompt=40) for i in range(3)]
    other = [example("a", "repair", sample=i) for i in range(3)]
    for one in other:
        one.prompt_ids[:] = [9] * 30
    [batch] = lay_out(
        [*asked, *other],
        {"cot": 1.0},
        kind="causal",
        layout="tree",
        weigh=objective().token_weights,
        micro_batch_tokens=1000,
        pad_id=0,
    )
    assert batch.tokens == (39 + 3 * 3) + (29 + 3 * 3)
