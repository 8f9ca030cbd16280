"""Each precision, tuning and layout that the settings offer: trained, saved, loaded, answering."""

import math
from typing import get_args

import pytest
import torch

from mdexp.config.blocks import TrainerSettings
from mdexp.decoding.generate import generate_answers
from mdexp.decoding.request import DecodingLimits, DecodingRequest
from mdexp.students.load import Student, save_folder
from mdexp.students.numerics import Precision, numerics
from mdexp.students.prompts import Renderer
from mdexp.students.weights import Weights
from mdexp.training.fit import fit
from tests.tiny_run import SEED, examples, tiny, trainer
from tests.unit.test_fit import DUAL, SHARES

PRECISIONS = get_args(Precision)
TUNINGS = get_args(Student.model_fields["tuning"].annotation)
LAYOUTS = get_args(TrainerSettings.model_fields["layout"].annotation)


def test_the_settings_offer_these_and_no_other():
    offered = set(get_args(TrainerSettings.model_fields["precision"].annotation))
    assert offered == {"auto", *PRECISIONS}
    assert (len(TUNINGS), len(LAYOUTS)) == (4, 2)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("tuning", TUNINGS)
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("kind", ["causal", "seq2seq"])
def test_from_examples_to_an_answer(kind, precision, tuning, layout, tmp_path):
    on_gpu = precision == "16-mixed"
    if on_gpu and (kind == "seq2seq" or not torch.cuda.is_available()):
        pytest.skip("16-mixed needs a GPU, and a student that is no T5")
    if tuning == "qlora":
        pytest.importorskip("bitsandbytes", reason="qlora needs the extra `qlora`")
    student = tiny(kind, tuning=tuning)
    loaded = student.load(SEED)
    renderer = Renderer(loaded[1], kind, student.prompt)
    settings = trainer(layout=layout, accelerator="gpu" if on_gpu else "cpu", max_steps=3)
    model, history, counts = fit(
        loaded,
        examples(renderer),
        student=student,
        shares=SHARES,
        objective=DUAL,
        trainer=settings,
        seed=SEED,
        precision=precision,
        folder=tmp_path,
    )
    assert history[-1]["loss"] < history[0]["loss"]
    assert counts["layout"] == layout
    held = {parameter.dtype for parameter in model.parameters()}
    assert held == ({torch.float32, torch.uint8} if tuning == "qlora" else {torch.float32})
    save_folder((model, loaded[1]), tmp_path / "student")
    machine = numerics(precision, settings.accelerator)
    weights = Weights(student=student, seed=SEED).after_training(tmp_path / "student")
    again, _ = weights.load(dtype=machine.dtype, device=machine.device)
    request = DecodingRequest(
        prompt_ids=renderer.prompt_ids("Q: How many?\n"),
        problem="p",
        stop=lambda text: None,
        sample=0,
        stream="0",
    )
    limits = DecodingLimits(max_new_tokens=4, temperature=1.0, batch_size=1)
    [(_, answered)] = generate_answers(again, renderer, [request], limits)
    assert answered.num_tokens and all(map(math.isfinite, answered.logprobs))
