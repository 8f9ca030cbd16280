"""A student loaded in a type: its weights are of that type, and what computes positions is not."""

import pytest
import torch

from mdexp.students.adapters import adapted
from mdexp.students.frozen import Frozen
from mdexp.students.load import save_folder
from mdexp.students.weights import Weights
from tests.tiny_run import SEED, tiny

FROZEN = {
    "full": Frozen(),
    "lora": Frozen(dtype="bfloat16"),
    "dora": Frozen(dtype="bfloat16"),
    "qlora": Frozen(nf4=True, dtype="bfloat16"),
}


def trained(tuning, frozen, folder):
    """Where a student lies whose training changed every weight that it trains."""
    if tuning == "qlora":
        pytest.importorskip("bitsandbytes", reason="qlora needs the extra `qlora`")
    save_folder(tiny("causal").load(SEED), folder / "base")
    student = tiny("causal", tuning=tuning)
    weights = Weights(student=student, seed=SEED).unpacked(folder / "base")
    model = adapted(weights.load_base()[0], student, frozen=frozen)
    torch.manual_seed(SEED)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.05 * torch.randn_like(parameter)
    save_folder((model, student.tokenizer()), folder / "student")
    frozen.record(folder / "student")
    return weights.after_training(folder / "student")


@pytest.mark.parametrize("held", ["as training held it", "in float32"])
@pytest.mark.parametrize("tuning", FROZEN)
def test_weights_in_bfloat16_are_those_of_float32_rounded_once(tuning, held, tmp_path):
    frozen = FROZEN[tuning] if held == "as training held it" else Frozen()
    weights = trained(tuning, frozen, tmp_path)
    exact, found = weights.load()[0], weights.load(dtype="bfloat16")[0]
    assert {p.dtype for p in exact.parameters()} == {torch.float32}
    assert {p.dtype for p in found.parameters()} == {torch.bfloat16}
    for name, parameter in found.named_parameters():
        assert torch.equal(parameter, exact.get_parameter(name).bfloat16()), name
    for name, buffer in exact.named_buffers():
        assert torch.equal(found.get_buffer(name), buffer), name
        assert found.get_buffer(name).dtype == torch.float32


def test_an_untrained_student_is_read_in_the_type_that_is_asked_for(tmp_path):
    save_folder(tiny("causal").load(SEED), tmp_path)
    weights = Weights(student=tiny("causal"), seed=SEED).unpacked(tmp_path)
    exact, found = weights.load()[0], weights.load(dtype="bfloat16")[0]
    for name, parameter in found.named_parameters():
        assert torch.equal(parameter, exact.get_parameter(name).bfloat16()), name
    assert {buffer.dtype for buffer in found.buffers()} == {torch.float32}
