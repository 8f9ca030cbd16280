"""A run's student as a folder of its own, which needs neither mdexp nor peft."""

import math
import re
import resource
import signal

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

from mdexp.commands import export as exporting
from mdexp.commands.export import main
from mdexp.config.judging import judge
from mdexp.decoding.run_student import trained_weights
from mdexp.records import Example, Lesson, Output, Problem
from mdexp.store.files import read_json
from mdexp.store.json_lines import read_jsonl
from mdexp.training.module import MixedDistillation
from tests.tiny_run import SEED, tiny

TRAIN = ["stages=[prepare,extract,verify,examples,train]"]
LEARNING = ["trainer.learning_rate=0.05", "trainer.warmup=0"]
PROMPT = re.compile(r"^(\w+):\n\n```text\n(.*?)```$", re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def run(kept_run):
    return kept_run()


@pytest.mark.parametrize("tuning", ["full", "lora", "dora"])
def test_an_exported_student_is_the_trained_one(tuning, command, tmp_path, capsys):
    assert command(*TRAIN, "hydra.run.dir=run", *LEARNING, f"student.tuning={tuning}") == 0
    assert main(["run", "exported"]) == 0
    assert capsys.readouterr().out.endswith("exported\n")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "exported").eval()
    assert len(AutoTokenizer.from_pretrained(tmp_path / "exported")) == model.config.vocab_size
    ids = torch.arange(3, 40)[None]
    settings = judge(read_json(tmp_path / "run" / "run.json")["settings"])
    expected = trained_weights(tmp_path / "run", settings).load()[0](ids).logits
    torch.testing.assert_close(model(ids).logits, expected)
    assert (expected - tiny("causal").load(SEED)[0](ids).logits).abs().max() > 1e-2
    assert main(["run", "half", "--dtype", "bfloat16"]) == 0
    half = AutoModelForCausalLM.from_pretrained(tmp_path / "half")
    assert {parameter.dtype for parameter in half.parameters()} == {torch.bfloat16}
    assert "here they are in bfloat16." in (tmp_path / "half" / "README.md").read_text()


def test_separate_roles_are_exported_as_a_model_each(command, tmp_path):
    roles = ("rationale", "answer")
    keys = ["experiment=sci_cot", "student=tiny_causal", "trainer.max_steps=2", *LEARNING]
    keys += ["student.tuning=lora", "student.roles=separate", "decoding.max_new_tokens=6"]
    assert command(*keys, "hydra.run.dir=run") == 0
    [first, *_] = read_jsonl(tmp_path / "run" / "lessons.jsonl", Lesson)
    assert tuple(s.role for s in first.segments if s.scored) == roles
    assert main(["run", "exported"]) == 0
    settings = judge(read_json(tmp_path / "run" / "run.json")["settings"])
    ids = torch.arange(3, 40)[None]
    found = {}
    for role in roles:
        model = AutoModelForCausalLM.from_pretrained(tmp_path / "exported" / role).eval()
        expected = trained_weights(tmp_path / "run", settings).load(role)[0](ids).logits
        found[role] = model(ids).logits
        torch.testing.assert_close(found[role], expected)
    assert (found["rationale"] - found["answer"]).abs().max() > 1e-3
    card = (tmp_path / "exported" / "README.md").read_text()
    assert "sci_cot, to `rationale/`:" in card and "sci_cot, prompt 2, to `answer/`:" in card
    assert not (tmp_path / "exported" / "lm_eval").exists()


def test_a_training_that_stopped_is_exported_from_its_last_checkpoint(
    command, tmp_path, monkeypatch, capsys
):
    """A loss that is not finite fails the run; run.json has no stage train."""
    backward = MixedDistillation._backward

    def poisoned(module, micro):
        sums = backward(module, micro)
        sums[0] = math.nan if module.global_step == 1 else sums[0]
        return sums

    monkeypatch.setattr(MixedDistillation, "_backward", poisoned)
    assert command(*TRAIN, "hydra.run.dir=run", "trainer.checkpoint_steps=1") == 1
    assert "failed: NotFinite: step 1: loss not finite (loss nan" in capsys.readouterr().err
    assert main(["run", "exported"]) == 2
    assert "name one with --checkpoint" in capsys.readouterr().err
    [file] = tmp_path.glob("store/stages/train/*.partial/checkpoints/step=1.ckpt")
    assert main(["run", "exported", "--checkpoint", str(file)]) == 0
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "exported")
    trained = torch.load(file, weights_only=True)["state_dict"]
    for name, weight in model.named_parameters():
        assert torch.equal(weight, trained[f"student.{name}"])
    card = (tmp_path / "exported" / "README.md").read_text()
    assert "a checkpoint after 1 optimiser steps of a training that did not end" in card


@pytest.mark.parametrize(
    ("student", "style"),
    [("tiny_causal", "plain"), ("tiny_causal", "chat"), ("tiny_seq2seq", "plain")],
)
def test_asked_as_the_card_says_plain_transformers_answers_as_the_run_did(
    student, style, kept_run, tmp_path
):
    run = kept_run(f"student={student}", f"student.prompt={style}", *LEARNING)
    folder = tmp_path / "exported"
    assert main([str(run), str(folder)]) == 0
    seq2seq = student == "tiny_seq2seq"
    auto = AutoModelForSeq2SeqLM if seq2seq else AutoModelForCausalLM
    model, tokenizer = auto.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    card = (folder / "README.md").read_text(encoding="utf-8")
    prompts = dict(PROMPT.findall(card))
    assert prompts.keys() == {"cot", "pot"}
    assert ("(`add_special_tokens=False`)" in card) == (style == "chat")
    no_break = "without a line break" in card
    questions = {p.id: p.question for p in read_jsonl(run / "problems.jsonl", Problem)}
    outputs = read_jsonl(run / "outputs_after.jsonl", Output)
    assert len(outputs) > 4
    for output in outputs:
        prompt = prompts[output.thought].replace("<question>", questions[output.problem_id])
        given = tokenizer(
            prompt.removesuffix("\n") if no_break else prompt,
            return_tensors="pt",
            add_special_tokens=style != "chat",
        )
        written = model.generate(**given, max_new_tokens=6, do_sample=False)[0]
        new = written[1:] if seq2seq else written[given["input_ids"].shape[1] :]
        ends = (tokenizer.eos_token_id, tokenizer.pad_token_id)
        assert tokenizer.decode([i for i in new if i not in ends]) == output.text


@pytest.mark.parametrize(
    ("student", "tuning"),
    [("tiny_causal", "full"), ("tiny_causal", "lora"), ("tiny_seq2seq", "lora")],
)
def test_new_tokens_of_a_vocabulary_are_in_the_exported_student(
    student, tuning, kept_run, tmp_path
):
    """Trained, merged and exported, plain transformers writes what the run wrote."""
    run = kept_run(
        "experiment=planning_tokens",
        f"student={student}",
        f"student.tuning={tuning}",
        "trainer.max_tokens=2048",
        "trainer.max_steps=30",
        "decoding.max_new_tokens=12",
        "trainer.learning_rate=0.01",
        "trainer.warmup=0",
    )
    folder = tmp_path / "exported"
    assert main([str(run), str(folder)]) == 0
    auto = AutoModelForSeq2SeqLM if "seq2seq" in student else AutoModelForCausalLM
    model, tokenizer = auto.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    old = len(tiny("causal").tokenizer())
    kinds = 6
    assert len(tokenizer) == model.config.vocab_size == old + 3 * kinds
    examples = read_jsonl(run / "examples.jsonl", Example)
    assert all(max(example.target_ids) >= old for example in examples), "marks are new tokens"
    assert all(max(example.prompt_ids) < old for example in examples)
    questions = {p.id: p.question for p in read_jsonl(run / "problems.jsonl", Problem)}
    [prompt] = [text for _, text in PROMPT.findall((folder / "README.md").read_text())]
    outputs = read_jsonl(run / "outputs_after.jsonl", Output)
    for output in outputs:
        asked = prompt.replace("<question>", questions[output.problem_id])
        given = tokenizer(
            asked.removesuffix("\n") if "seq2seq" in student else asked, return_tensors="pt"
        )
        written = model.generate(**given, max_new_tokens=12, do_sample=False)[0]
        new = written[1:] if "seq2seq" in student else written[given["input_ids"].shape[1] :]
        ends = (tokenizer.eos_token_id, tokenizer.pad_token_id)
        assert tokenizer.decode([i for i in new if i not in ends]) == output.text
    if student == "tiny_causal":  # a tiny T5 learns too little in these steps
        assert any(re.search(r"\[\w+ 1\]", output.text) for output in outputs), "it writes marks"
    before = read_jsonl(run / "outputs_before.jsonl", Output)
    assert not any("[assignment" in output.text for output in before)


def test_the_card_tells_what_was_measured(run, tmp_path):
    assert main([str(run), str(tmp_path / "exported")]) == 0
    card = (tmp_path / "exported" / "README.md").read_text(encoding="utf-8")
    after = read_json(run / "metrics.json")["jsonl"]["after"]["vote"]
    low, high = (f"{100 * end:.1f}" for end in after["ci95"])
    assert re.search(rf"^\| jsonl \| tie-break \| .* {low} to {high} \|$", card, re.MULTILINE)
    assert "/validation" not in card
    assert "The run answered with weights in float32; here they are in float32." in card
    assert "- problems: files of your own (your own matter)\n" in card
    assert "no language model wrote them" in card


def test_a_run_without_a_student_is_refused(command, tmp_path, capsys):
    assert command("hydra.run.dir=run", "stages=[prepare,extract]") == 0
    assert main(["run", "exported"]) == 2
    assert "run has no stage train, so it trained no student" in capsys.readouterr().err
    assert main(["elsewhere", "exported"]) == 2
    assert "elsewhere: no readable run.json" in capsys.readouterr().err
    assert not (tmp_path / "exported").exists()


def test_only_a_folder_that_is_new_or_empty_is_written(run, tmp_path, capsys):
    taken, empty = tmp_path / "taken", tmp_path / "empty"
    for folder in (taken, empty):
        folder.mkdir()
    (taken / "mine").touch()
    assert main([str(run), str(taken)]) == 2
    assert f"error: {taken}: is there already" in capsys.readouterr().err
    assert [file.name for file in taken.iterdir()] == ["mine"]
    assert main([str(run), str(empty)]) == 0
    assert (empty / "model.safetensors").is_file()


def test_a_full_disk_is_an_error_and_leaves_nothing(run, tmp_path, capsys):
    _, hard = before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # bytes; the weights take more
    try:
        assert main([str(run), str(tmp_path / "a" / "exported")]) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith(f"error: {tmp_path / 'a' / 'exported'} is not written: weights: ")
    assert "File too large" in told
    assert list((tmp_path / "a").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_an_error(run, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main([str(run), str(tmp_path / "file" / "exported")]) == 2
    assert "is not written: [Errno" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_an_exit_code_and_leaves_nothing(number, run, tmp_path, monkeypatch):
    def interrupted(student, folder):
        (folder / "half.safetensors").touch()
        signal.raise_signal(number)

    monkeypatch.setattr(exporting, "save_folder", interrupted)
    assert main([str(run), str(tmp_path / "a" / "exported")]) == 128 + number
    assert list((tmp_path / "a").iterdir()) == []
