"""A run's student as a folder of its own, which needs neither mdexp nor peft."""

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from mdexp.artifacts import read_json
from mdexp.export import main
from mdexp.settings import judge
from mdexp.trained import trained_weights
from tests.tiny_run import SEED, tiny

TRAIN = ["stages=[prepare,extract,verify,examples,train]", "hydra.run.dir=run"]


@pytest.mark.parametrize("tuning", ["full", "lora", "dora"])
def test_an_exported_student_is_the_trained_one(tuning, command, tmp_path, capsys):
    learning = ["trainer.learning_rate=0.05", "trainer.warmup=0"]
    assert command(*TRAIN, *learning, f"student.tuning={tuning}") == 0
    assert main(["run", "exported"]) == 0
    assert capsys.readouterr().out.endswith("exported\n")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "exported").eval()
    assert len(AutoTokenizer.from_pretrained(tmp_path / "exported")) == model.config.vocab_size
    ids = torch.arange(3, 40)[None]
    settings = judge(read_json(tmp_path / "run" / "run.json")["settings"])
    expected = trained_weights(tmp_path / "run", settings).load()[0](ids).logits
    torch.testing.assert_close(model(ids).logits, expected)
    assert (expected - tiny("causal").load(SEED)[0](ids).logits).abs().max() > 1e-2
    assert main(["run", "exported"]) == 2
    assert "exported: is there already" in capsys.readouterr().err
    assert main(["run", "half", "--dtype", "bfloat16"]) == 0
    half = AutoModelForCausalLM.from_pretrained(tmp_path / "half")
    assert {parameter.dtype for parameter in half.parameters()} == {torch.bfloat16}


def test_a_run_without_a_student_is_refused(command, tmp_path, capsys):
    assert command("hydra.run.dir=run", "stages=[prepare,extract]") == 0
    assert main(["run", "exported"]) == 2
    assert "run has no stage train, so it trained no student" in capsys.readouterr().err
    assert main(["elsewhere", "exported"]) == 2
    assert "elsewhere: no readable run.json" in capsys.readouterr().err
    assert not (tmp_path / "exported").exists()
