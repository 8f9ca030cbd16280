"""What training leaves: adapters or a whole student, its history, a way to go on after a stop."""

import warnings
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch
from transformers import AutoModelForCausalLM

from mdexp.students.prompts import Renderer
from mdexp.students.weights import Weights
from mdexp.training import fit as training
from mdexp.training.fit import CHECKPOINTS, fit
from mdexp.training.layout_check import Finding, LayoutCheck
from mdexp.training.objectives.dual import DualObjective
from tests.tiny_run import SEED, examples, tiny, trainer

DUAL = DualObjective(lambda_thought="cot", normalize="token", pairing="both")
SHARES = {"cot": 0.5, "pot": 0.5}


def trained(student, folder, *, shares=SHARES, feeds=(), **options):
    loaded = student.load(SEED)
    made = examples(Renderer(loaded[1], student.kind, student.prompt))
    return fit(
        loaded,
        made,
        student=student,
        shares=shares,
        objective=DUAL,
        trainer=trainer(**options),
        seed=SEED,
        precision="32-true",
        folder=folder,
        feeds=feeds,
    )


def save(model, student, folder):
    """As the stage does; the weights as they are found again."""
    model.save_pretrained(folder / "student")
    student.load(SEED)[1].save_pretrained(folder / "student")
    return Weights(student=student, seed=SEED).after_training(folder / "student")


def logits(model):
    ids = torch.arange(3, 40)[None]
    if model.config.is_encoder_decoder:
        return model(input_ids=ids, decoder_input_ids=ids).logits
    return model(input_ids=ids).logits


@pytest.mark.parametrize("kind", ["causal", "seq2seq"])
@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_what_was_trained_is_what_is_loaded_again(kind, tuning, tmp_path):
    student = tiny(kind, tuning=tuning)
    model, history, counts = trained(student, tmp_path)
    again, _ = save(model, student, tmp_path).load()
    torch.testing.assert_close(logits(again), logits(model), rtol=1e-4, atol=1e-5)
    untrained, _ = student.load(SEED)
    assert (logits(again) - logits(untrained)).abs().max() > 1e-2
    assert [row["step"] for row in history] == [0, 1, 2]
    assert history[-1]["loss"] < history[0]["loss"]
    assert counts["problems"] == 4 and counts["steps"] == 3 and counts["examples"] == 8


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_the_tokenizer_of_a_trained_student_needs_no_weights(tuning, tmp_path, monkeypatch):
    student = tiny("causal", tuning=tuning)
    weights = save(trained(student, tmp_path)[0], student, tmp_path)
    monkeypatch.setattr(type(student), "load", None)
    monkeypatch.setattr("mdexp.students.weights.load_folder", None)
    assert weights.tokenizer().eos_token == "</s>"
    assert weights.config().vocab_size == len(weights.tokenizer())


def test_lora_trains_adapters_alone(tmp_path):
    student = tiny("causal", tuning="lora")
    model, _, _ = trained(student, tmp_path)
    before = dict(student.load(SEED)[0].named_parameters())
    adapters = 0
    for name, parameter in model.get_base_model().named_parameters():
        adapters += parameter.requires_grad
        if not parameter.requires_grad:
            torch.testing.assert_close(parameter, before[name.replace(".base_layer", "")])
        assert parameter.requires_grad == ("lora_" in name)
    assert adapters == 2 * 7 * student.layers
    saved = save(model, student, tmp_path).trained
    assert (saved / "adapter_model.safetensors").is_file()
    assert not (saved / "model.safetensors").exists()


def test_the_seed_alone_decides_where_adapters_begin(tmp_path):
    found = []
    for noise in (1, 2):
        torch.manual_seed(noise)
        found.append(trained(tiny("causal", tuning="lora"), tmp_path / str(noise))[1])
    assert found[0] == found[1]


def test_a_fully_tuned_student_loads_in_plain_transformers(tmp_path):
    student = tiny("causal")
    model, _, _ = trained(student, tmp_path)
    save(model, student, tmp_path)
    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "student").eval()
    torch.testing.assert_close(logits(plain), logits(model))


def test_history_holds_each_step(tmp_path):
    student = tiny("causal")
    _, history, counts = trained(student, tmp_path, learning_rate=0.01)
    for row in history:
        weighed = sum(SHARES[t] * row[f"nll_{t}"] for t in SHARES)
        assert row["loss"] == pytest.approx(weighed, rel=1e-5)
        assert row["learning_rate"] == 0.01
    scored = sum(row["tokens_cot"] + row["tokens_pot"] for row in history)
    assert scored == counts["target_tokens"]


class Interrupted(Exception):
    pass


def interrupt_after(monkeypatch, num_steps):
    """Training ends with an exception when it lays out the step after `num_steps`."""
    laid_out = []

    def lay_out(step, **options):
        laid_out.append(step)
        if len(laid_out) > num_steps:
            raise Interrupted
        return training_lay_out(step, **options)

    training_lay_out = training.lay_out
    monkeypatch.setattr(training, "lay_out", lay_out)
    return laid_out


@pytest.mark.parametrize("tuning", ["full", "lora"])
@pytest.mark.parametrize("done", [1, 2, 3, 4, 5])
def test_interrupted_training_goes_on_where_it_was(done, tuning, tmp_path, monkeypatch):
    student = tiny("causal", tuning=tuning, lora_dropout=0.2)
    options = {"max_steps": 5, "checkpoint_steps": 1, "schedule": "linear", "warmup": 0.4}
    whole, expected, counts = trained(student, tmp_path / "whole", **options)
    folder = tmp_path / "interrupted"
    with monkeypatch.context() as patched:
        interrupt_after(patched, done)
        with pytest.raises(Interrupted) if done < 5 else nullcontext():
            trained(student, folder, **options)
    kept = {f"step={step}.ckpt" for step in (done - 1, done) if step}
    assert {file.name for file in (folder / CHECKPOINTS).iterdir()} == kept
    with monkeypatch.context() as patched:
        rest = interrupt_after(patched, 5 - done)
        resumed, history, again = trained(student, folder, **options)
    assert len(rest) == 5 - done
    assert history == expected
    assert again == counts
    assert torch.equal(logits(resumed), logits(whole))


def test_history_tells_what_thoughts_weigh_and_how_much_is_padding(tmp_path):
    _, history, counts = trained(tiny("causal"), tmp_path, shares={"cot": 0.25, "pot": 0.75})
    for row in history:
        assert (row["weight_cot"], row["weight_pot"]) == pytest.approx((0.25, 0.75))
    read = sum(row["tokens"] for row in history)
    computed = sum(row["padded_tokens"] for row in history)
    assert counts["tokens"] == read < computed
    assert counts["fill"] == round(read / computed, 4)


def test_a_training_warns_of_nothing_that_a_user_cannot_change(tmp_path):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        trained(tiny("causal"), tmp_path)
    assert [warning for warning in seen if "treespec" in str(warning.message)] == []


def found_to_differ(monkeypatch, by):
    monkeypatch.setattr("mdexp.training.layout_check.disagreement", lambda *_: (by, torch.float32))


def test_a_student_that_computes_otherwise_over_trees_trains_on_separate_sequences(
    tmp_path, monkeypatch, caplog
):
    found_to_differ(monkeypatch, 0.5)
    _, history, counts = trained(tiny("causal"), tmp_path / "doubted")
    assert "trainer.layout=separate is used, not tree: over trees, log-probabilities" in caplog.text
    assert "by 0.5 nats" in caplog.text
    assert (counts["layout"], counts["layout_difference_nats"]) == ("separate", 0.5)
    _, separate, plain = trained(tiny("causal"), tmp_path / "separate", layout="separate")
    assert history == separate
    assert plain["layout"] == "separate" and "layout_difference_nats" not in plain


@pytest.mark.parametrize("first", [0.5, 0.0])
def test_a_training_that_goes_on_keeps_its_layout(first, tmp_path, monkeypatch):
    student = tiny("causal", tuning="lora", lora_dropout=0.2)
    options = {"max_steps": 4, "checkpoint_steps": 1}
    found_to_differ(monkeypatch, first)
    whole, expected, counts = trained(student, tmp_path / "whole", **options)
    with monkeypatch.context() as patched:
        interrupt_after(patched, 2)
        with pytest.raises(Interrupted):
            trained(student, tmp_path / "interrupted", **options)
    found_to_differ(monkeypatch, 0.5 - first)
    resumed, history, again = trained(student, tmp_path / "interrupted", **options)
    assert (history, again) == (expected, counts)
    assert torch.equal(logits(resumed), logits(whole))


def probe_at_start(layout, broadcast):
    """The probe, after a training in bfloat16 has begun."""
    probe = LayoutCheck([], layout)
    trainer = SimpleNamespace(
        strategy=SimpleNamespace(broadcast=broadcast),
        precision_plugin=SimpleNamespace(
            forward_context=lambda: torch.autocast("cpu", torch.bfloat16)
        ),
    )
    probe.on_train_start(trainer, SimpleNamespace(student=torch.nn.Linear(1, 1)))
    return probe


def test_every_rank_has_the_layout_of_the_first(monkeypatch):
    found_to_differ(monkeypatch, 0.0)
    layout = {"kind": "causal", "layout": "tree"}
    probe = probe_at_start(layout, lambda _: Finding(difference=0.5, doubt="they differ"))
    assert layout["layout"] == "separate"
    assert probe.counts() == {"layout": "separate", "layout_difference_nats": 0.5}


@pytest.mark.parametrize(
    ("in_float32", "in_bfloat16", "used"),
    [(1e-5, 0.05, "tree"), (0.03, 0.05, "separate"), (1e-5, 0.4, "separate")],
)
def test_rounding_in_bfloat16_hides_no_fault(in_float32, in_bfloat16, used, monkeypatch):
    def disagreement(*_):
        rounded = torch.is_autocast_enabled("cpu")
        return (in_bfloat16, torch.bfloat16) if rounded else (in_float32, torch.float32)

    monkeypatch.setattr("mdexp.training.layout_check.disagreement", disagreement)
    layout = {"kind": "causal", "layout": "tree"}
    probe_at_start(layout, lambda finding: finding)
    assert layout["layout"] == used


def test_held_out_examples_are_looked_at_and_not_trained_on(tmp_path):
    options = {"validate_every": 2, "validate_problems": 1, "max_steps": 5}
    student = tiny("causal")
    _, history, counts = trained(student, tmp_path, **options)
    looked = [row["step"] for row in history if "validation_nll_cot" in row]
    assert looked == [1, 3, 4], "every second step, and the last"
    assert history[-1]["validation_nll_cot"] < history[1]["validation_nll_cot"]
    assert (counts["problems"], counts["held_out_problems"]) == (3, 1)


@pytest.mark.parametrize("kind", ["causal", "seq2seq"])
def test_the_nll_of_held_out_examples_is_the_students(kind, tmp_path):
    """Measured again after the last step, by itself; the loss of `separate` is pinned elsewhere."""
    student = tiny(kind)
    options = {"validate_every": 3, "validate_problems": 2, "max_steps": 3}
    model, history, _ = trained(student, tmp_path, **options)
    made = examples(Renderer(student.tokenizer(), kind, student.prompt))
    _, _, held = training.planned_steps(made, SHARES, DUAL, trainer(**options), SEED)
    assert len(held) == 4
    for thought in SHARES:
        [*of_thought] = [example for example in held if example.thought == thought]
        sums = tokens = 0
        for example in of_thought:
            ids, target = torch.tensor([example.prompt_ids]), torch.tensor([example.target_ids])
            if kind == "seq2seq":
                loss = model(input_ids=ids, labels=target).loss
            else:
                labels = torch.cat([torch.full_like(ids, -100), target], 1)
                loss = model(input_ids=torch.cat([ids, target], 1), labels=labels).loss
            sums, tokens = sums + loss.item() * target.numel(), tokens + target.numel()
        assert history[-1][f"validation_nll_{thought}"] == pytest.approx(sums / tokens, rel=1e-4)


def test_a_look_changes_no_weight(tmp_path):
    """The problems that are held out decide what is trained on, looking at them does not."""
    student = tiny("causal", tuning="lora", lora_dropout=0.3)
    often, seldom = (
        trained(student, tmp_path / str(every), validate_every=every, validate_problems=1)[0]
        for every in (1, 100)
    )
    assert torch.equal(logits(often), logits(seldom))


def test_all_problems_cannot_be_held_out(tmp_path):
    with pytest.raises(ValueError, match=r"trainer\.validate_problems: 4 holds out all of 4"):
        trained(tiny("causal"), tmp_path, validate_every=1, validate_problems=4)
