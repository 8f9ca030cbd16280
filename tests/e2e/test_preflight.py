"""A run that cannot succeed ends before the teacher is asked, and says which key is to blame."""

import re
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from mdexp.store.json_lines import read_jsonl, write_jsonl
from mdexp.students.tiny import TinyStudent, byte_tokenizer
from mdexp.students.weights import Weights
from mdexp.training import disk_check
from mdexp.training.template_check import judge_template
from tests.e2e.conftest import states
from tests.tiny_run import SEED, tiny

Command = Callable[..., int]


@pytest.fixture
def student(tmp_path: Path) -> Callable[..., list[str]]:
    """A folder with a tiny student whose tokenizer or configuration was tampered with; overrides
    that name it."""

    def saved(kind: str = "causal", *, tokenizer: object = None, **config: object) -> list[str]:
        model, own = tiny(kind).load(SEED)  # type: ignore[arg-type]
        for name, value in config.items():
            setattr(model.config, name, value)
        model.save_pretrained(tmp_path / "weights")
        for name, value in (tokenizer or {}).items():  # type: ignore[attr-defined]
            setattr(own, name, value)
        own.save_pretrained(tmp_path / "weights")
        option = "qwen" if kind == "causal" else "t5_large"
        return [f"student={option}", f"student.path={tmp_path}/weights", "student.prompt=plain"]

    return saved


def refused(command: Command, capfd: pytest.CaptureFixture[str], *overrides: str) -> str:
    """What a run says that ends before the stage extract."""
    assert command(*overrides, "hydra.run.dir=run") == 2
    assert set(states(Path("run"))) <= {"prepare", "convert"}
    return capfd.readouterr().err


HOPELESS = {
    "trainer.accelerator=gpu": "trainer.accelerator=gpu: no GPU is usable here",
    "trainer.num_nodes=2": "trainer.num_nodes=2: start the command on each machine with torchrun",
    "trainer.accelerator=auto trainer.precision=16-mixed": "precision=16-mixed needs a GPU",
    "trainer.devices=-1": "trainer.devices=-1 means all GPUs, and none is used here",
    "student.tuning=lora student.lora_targets=[c_attn]": "has no linear layer 'c_attn'",
    "student.tuning=dora student.lora_targets=[]": "student.lora_targets names no layer",
    "student.tuning=lora student.base_dtype=bfloat16": "trainer.precision is 32-true here",
    "experiment=tir student=tiny_seq2seq": "thought=tir goes on within a text, and a seq2seq",
    "experiment=tir_steps student=tiny_seq2seq": "thought=tir goes on within a text",
    "trainer.max_tokens=20": "trainer.max_tokens=20: the shortest prompt of cot has",
    "trainer.max_tokens=5000": "trainer.max_tokens=5000: the student has 4096 positions; set",
    "decoding.max_new_tokens=4090": "decoding.max_new_tokens=4090: the student has 4096 positions",
}


@pytest.mark.skipif(torch.cuda.is_available(), reason="here is the GPU that some of them lack")
@pytest.mark.parametrize("overrides", HOPELESS)
def test_a_hopeless_configuration_asks_no_teacher(
    overrides: str, command: Command, capfd: pytest.CaptureFixture[str]
) -> None:
    assert HOPELESS[overrides] in refused(command, capfd, *overrides.split())


TAMPERED = {
    "no end": ({"tokenizer": {"eos_token": None}}, "its tokenizer has no eos_token"),
    "another's tokenizer": ({"vocab_size": 2}, "its tokenizer's eos_token is token 2"),
    "no template": ({"tokenizer": {"chat_template": None}}, "this tokenizer has no chat template"),
    "no start": ({"kind": "seq2seq", "decoder_start_token_id": None}, "no decoder_start_token_id"),
    "no positions": ({"max_position_embeddings": 64}, "the student has 64 positions"),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_a_student_that_cannot_answer_asks_no_teacher(
    what: str,
    command: Command,
    student: Callable[..., list[str]],
    capfd: pytest.CaptureFixture[str],
) -> None:
    options, said = TAMPERED[what]
    chat = ["student.prompt=chat"] if what == "no template" else []
    assert said in refused(command, capfd, *student(**options), *chat)  # type: ignore[arg-type]


TEMPLATES = {
    "{{ messages[0].content }}<scratch>": "leaves <scratch> open at the end of each prompt",
    "{{ messages[0].content.nothing() }}": "its chat template does not render a question",
    "{{ bos_token }}": "its chat template leaves the question out",
}


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_chat_template_that_answers_cannot_follow_asks_no_teacher(
    template: str,
    command: Command,
    student: Callable[..., list[str]],
    capfd: pytest.CaptureFixture[str],
) -> None:
    own = student(tokenizer={"chat_template": template})
    assert TEMPLATES[template] in refused(command, capfd, *own, "student.prompt=chat")


DROPS_TURNS = (
    "{% for turn in messages if turn.role == 'user' %}{{ turn.content }}\n{% endfor %}Answer:\n"
)


@pytest.mark.parametrize("experiment", ["kpdd", "pad"])
def test_a_template_that_drops_earlier_turns_asks_no_teacher(
    experiment: str,
    command: Command,
    student: Callable[..., list[str]],
    capfd: pytest.CaptureFixture[str],
) -> None:
    own = student(tokenizer={"chat_template": DROPS_TURNS})
    chat = [*own, "student.prompt=chat", f"experiment={experiment}"]
    assert "drops or alters earlier turns" in refused(command, capfd, *chat)
    assert command(*own, "student.prompt=chat", "stages=[prepare]") == 0, "one text has no turns"


def test_a_template_that_opens_thinking_is_closed_by_every_target() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = "{{ messages[0].content }}\n<think>\n"
    found = judge_template(tokenizer, "chat")
    assert found == "renders; ends in <think>, which every target closes"


@pytest.mark.parametrize("tag", ["[THINK]", "<|begin_of_thought|>", "◁think▷", "<reasoning>"])
def test_an_opening_tag_of_any_form_is_closed_or_refused(tag: str) -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = f"{{{{ messages[0].content }}}}\n{tag}"
    if tag == "[THINK]":
        found = judge_template(tokenizer, "chat")
        assert found == "renders; ends in [THINK], which every target closes"
    else:
        with pytest.raises(ValueError, match=r"leaves .* open .*training answers never close it"):
            judge_template(tokenizer, "chat")


@pytest.mark.parametrize("end", ["[/INST]", "<|assistant|>", "[ASSISTANT]", "Answer:"])
def test_a_turn_is_no_opening_tag(end: str) -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = f"{{{{ messages[0].content }}}}\n{end}"
    assert judge_template(tokenizer, "chat") == "renders"


def test_the_disk_needs_room_for_the_checkpoints_that_lie_there_together(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A tiny student of N parameters: 12 N bytes a checkpoint, of which 2 are kept while the next
    one is written, and 4 N of trained weights beside those that are kept."""
    student = tiny("causal")
    weights = Weights(student=student, seed=0)
    n = sum(p.numel() for p in student.load(SEED)[0].parameters())

    def judged(free: int, max_steps: int | None) -> str:
        usage = namedtuple("usage", "total used free")(free, 0, free)
        monkeypatch.setattr(disk_check.shutil, "disk_usage", lambda folder: usage)
        trainer = SimpleNamespace(max_steps=max_steps, checkpoint_steps=10)
        return disk_check.judge_disk(student, weights.config(), trainer, Path.cwd())

    for steps, most in ((9, 4), (10, 12 + 4), (25, 24 + 4), (30, 36), (1000, 36)):
        needed = most * n
        judged(needed, steps)
        with pytest.raises(ValueError, match="choose another disk"):
            judged(needed - 1, steps)
    assert not caplog.records
    judged(16 * n, None)
    assert "up to 3 checkpoints lie there at a time" in caplog.text


def test_files_of_all_stages_are_looked_for_before_the_first(
    command: Command, capfd: pytest.CaptureFixture[str]
) -> None:
    replay = ["teacher=replay", "teacher.path=nowhere.jsonl"]
    assert "teacher.path: got 'nowhere.jsonl', which is no file" in refused(command, capfd, *replay)
    assert states(Path("run")) == {}


def test_a_text_with_a_colon_in_a_yaml_is_named_with_its_line(
    command: Command, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("conf/dataset").mkdir(parents=True)
    Path("conf/dataset/mine.yaml").write_text("defaults: [jsonl, _self_]\nname: a: b\n")
    assert command("--config-dir", "conf", "dataset=mine") == 2
    said = capfd.readouterr().err
    assert "mine.yaml:2: not YAML at column 8" in said and "needs quotes" in said
    assert "Traceback" not in said


def test_a_full_disk_asks_no_teacher(
    command: Command, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")(100, 90, 10)
    monkeypatch.setattr(disk_check.shutil, "disk_usage", lambda folder: usage)
    said = refused(command, capfd)
    assert re.search(r"store=.*: 0\.0 GiB free, training writes .* choose another disk", said)
    assert command("hydra.run.dir=adapters", "student.tuning=lora", "stages=[prepare,extract]") == 0


def test_questions_without_solutions_need_a_teacher(
    command: Command, capfd: pytest.CaptureFixture[str], problems: Path
) -> None:
    rows = [
        {k: v for k, v in row.items() if k != "rationale"}
        for row in read_jsonl(problems / "train.jsonl", dict)
    ]
    Path("bare").mkdir()
    write_jsonl(Path("bare/train.jsonl"), rows)
    said = refused(command, capfd, "dataset.path=bare")
    assert "teacher=worked writes cot, pot from solutions that the dataset brings" in said


def test_what_was_checked_is_one_table(command: Command, capfd: pytest.CaptureFixture[str]) -> None:
    assert command("hydra.run.dir=run", "stages=[prepare,extract,verify,examples]") == 0
    out = capfd.readouterr().out
    table = out.split("checked before anything is bought or trained:\n")[1].splitlines()
    names = [line.strip().split("  ")[0] for line in table[:9]]
    assert names[:6] == ["files", "processes", "precision", "student", "revision", "adapters"]
    assert {"chat template", "teacher", "tokenizer"} <= set(names)


def test_the_other_kind_of_student_asks_no_teacher(
    command: Command, student: Callable[..., list[str]], capfd: pytest.CaptureFixture[str]
) -> None:
    said = refused(command, capfd, *student("causal"), "student.kind=seq2seq")
    assert "student.kind=seq2seq: llama is decoder-only" in said


def test_a_folder_without_weights_asks_no_teacher(
    command: Command, student: Callable[..., list[str]], capfd: pytest.CaptureFixture[str]
) -> None:
    overrides = student("causal")
    Path("weights/model.safetensors").unlink()
    assert "no weights there" in refused(command, capfd, *overrides)


def test_every_reason_is_said_at_once(command: Command, capfd: pytest.CaptureFixture[str]) -> None:
    hopeless = ["student.tuning=lora", "student.lora_targets=[c_attn]", "trainer.devices=-1"]
    said = refused(command, capfd, *hopeless)
    assert "trainer.devices=-1" in said and "student.lora_targets" in said


def test_seeds_and_devices_are_judged_with_the_command_line(
    command: Command, capfd: pytest.CaptureFixture[str]
) -> None:
    for override in ("seed=4294967296", "trainer.devices=0", "trainer.precision=bf16-true"):
        assert command(override) == 2
        assert override.split("=")[0].rpartition(".")[2] in capfd.readouterr().err


def test_no_weights_are_read_before_the_training(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TinyStudent, "load", lambda self, seed: pytest.fail("weights were read"))
    made = "stages=[prepare,extract,verify,examples]"
    assert command(made, "student.tuning=lora", "hydra.run.dir=run") == 0
    assert list(states(Path("run"))) == ["prepare", "extract", "verify", "examples"]


@pytest.mark.parametrize("part", ["teacher", "decoding"])
def test_a_server_whose_program_is_not_here_is_missed(
    part: str, command: Command, capfd: pytest.CaptureFixture[str]
) -> None:
    named = [f"{part}=served", f"{part}.command='no-such-program {{model}} {{port}}'"]
    model = ["teacher.model=some-model"] if part == "teacher" else []
    said = refused(command, capfd, *named, *model)
    assert f"{part}.command='no-such-program {{model}} {{port}}': there is no program" in said
