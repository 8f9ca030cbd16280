"""What any objective has to do: a new yaml in conf/objective is tested without a line here.

One of a user's own is one file and one yaml outside of the tree; training names none.
"""

import sys

import pytest
import yaml

from mdexp.commands.run import config_folder
from mdexp.config.earlier_parts import OBJECTIVES
from mdexp.config.judging import judge
from mdexp.ports import Objective
from mdexp.ports.parts import PARTS, build_part, described
from mdexp.students.prompts import Renderer
from mdexp.training.fit import fit
from tests.contract.conftest import names
from tests.contract.test_decoders import composed
from tests.tiny_run import SEED, examples, tiny, trainer

THOUGHTS, LAM = ("cot", "pot"), 0.3
NAMES = names("objective")
OWN = '''
"""A sum over tokens, those of CoT by a factor."""

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict


class Factor(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str] = "factor"
    pairing: Literal["both", "any"]
    factor: float

    def why_not(self, thoughts, lam):
        return None if lam is None else f"lambda={lam} would be ignored"

    def shares(self, thoughts, lam):
        return None

    def token_weights(self, step, shares):
        return [self.factor if example.thought == "cot" else 1.0 for example in step]

    def formula(self, thoughts, lam):
        return f"L = {self.factor:g} L_cot + L_pot, each a sum"
'''


def objective(name):
    options = yaml.safe_load((config_folder() / "objective" / f"{name}.yaml").read_text())
    return build_part(options.get("objective", options))


def lam_of(part):
    return next(lam for lam in (None, LAM) if part.why_not(THOUGHTS, lam) is None)


@pytest.mark.parametrize("name", NAMES)
def test_it_offers_what_an_objective_has_to(name):
    part = objective(name)
    assert isinstance(part, Objective) and part.name == name
    assert part.formula(THOUGHTS, lam_of(part)).startswith("L = ")


@pytest.mark.parametrize("name", NAMES)
def test_weights_of_a_step_are_positive_and_sum_to_one(name):
    part, step = objective(name), examples(Renderer(tiny("causal").tokenizer(), "causal", "plain"))
    weights = part.token_weights(step, part.shares(THOUGHTS, lam_of(part)))
    assert all(weight > 0 for weight in weights)
    total = sum(w * e.num_scored for w, e in zip(weights, step, strict=True))
    assert total == pytest.approx(1)


@pytest.mark.parametrize("name", sorted(OBJECTIVES))
def test_a_run_from_before_objectives_were_parts_keeps_its_objective(name):
    config = composed(f"objective={name}", *([] if name == "dual" else ["lambda=null"]))
    now = dict(config["objective"])
    earlier = {"name": name, "lambda_thought": None, "weights": {}} | now
    alone = {key: value for key, value in earlier.items() if key != "_target_"}
    completed = alone | {"_target_": OBJECTIVES["dual"]}  # with today's defaults
    for options in (alone, completed):
        kept = described(judge(config | {"objective": options}).objective)
        assert kept == now


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "own_objectives").mkdir()
    (tmp_path / "own_objectives" / "__init__.py").touch()
    (tmp_path / "own_objectives" / "factor.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv(PARTS, "own_objectives")
    yield {"_target_": "own_objectives.factor.Factor", "pairing": "both", "factor": 3.0}
    for name in ("own_objectives.factor", "own_objectives"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("layout", ["tree", "separate"])
def test_an_objective_from_outside_weighs_every_token(own, layout, tmp_path):
    student = tiny("causal")
    loaded = student.load(SEED)
    made = examples(Renderer(loaded[1], "causal", "plain"))
    _, (row, *_), _ = fit(
        loaded,
        made,
        student=student,
        shares=None,
        objective=judge(composed("lambda=null") | {"objective": own}).objective,
        trainer=trainer(max_steps=1, layout=layout),
        seed=SEED,
        precision="32-true",
        folder=tmp_path,
    )
    expected = 3 * row["nll_cot"] * row["tokens_cot"] + row["nll_pot"] * row["tokens_pot"]
    assert row["loss"] == pytest.approx(expected, rel=1e-5)
    assert row["weight_cot"] == pytest.approx(3 * row["tokens_cot"])
