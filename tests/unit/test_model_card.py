"""A card says where weights are from and on what terms, and what was measured on test problems."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from mdexp.commands.model_card import model_card
from mdexp.config.config_path import config_folder
from mdexp.config.judging import judge
from mdexp.students.prompts import Renderer
from mdexp.students.tiny import byte_tokenizer
from tests.contract.conftest import names

ROW = {"n": 4, "ties": 0, "num_paths": 1, "rule": "greedy", "grader": "strict 1", "correct": 1}
LOW = {"accuracy": 0.25, "ci95": [0.046, 0.699]}
HIGH = {"accuracy": 0.75, "ci95": [0.301, 0.954]}
METRICS = {
    "toy": {"before": {"cot": ROW | LOW}, "after": {"cot": ROW | HIGH, "pot": ROW | LOW}},
    "toy/validation": {"after": {"cot": ROW | HIGH}},
}
AFTER = {"name": "after", "counts": {"dtype": "bfloat16"}}

Card = Callable[..., str]


@pytest.fixture(scope="module")
def card() -> Iterator[Card]:
    def written(*overrides: str, stages: Any = (AFTER,), metrics: Any = METRICS) -> str:
        config: Any = OmegaConf.to_container(compose("config", list(overrides)), resolve=True)
        manifest = {"settings": config, "stages": stages, "versions": {}, "commit": None}
        settings = judge(config)
        renderer = Renderer(byte_tokenizer(), settings.student.kind, settings.student.prompt)
        return model_card(settings, manifest, metrics, renderer, "float32")

    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        yield written


def front(card: str) -> dict[str, Any]:
    found = yaml.safe_load(card.split("---\n")[1])
    assert isinstance(found, dict)
    return found


def test_a_student_of_the_hub_names_its_base_and_licence(card: Card) -> None:
    text = card("student=qwen", "dataset=svamp")
    assert front(text) == {
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "license": "apache-2.0",
        "base_model": "Qwen/Qwen2.5-0.5B-Instruct",
        "datasets": ["ChilleD/SVAMP"],
        "tags": ["mdexp", "distillation", "reasoning"],
    }
    assert "# Qwen2.5-0.5B-Instruct, distilled to reason by cot, pot\n" in text
    assert "started from Qwen/Qwen2.5-0.5B-Instruct@7ae557604adf" in text
    assert "; their licence goes on to apply: apache-2.0\n" in text


def test_a_folder_is_called_by_its_name_and_has_no_licence_of_ours(card: Card) -> None:
    text = card("student=qwen", "student.path=/home/ann/my-llama/")
    assert not {"license", "base_model", "datasets"} & front(text).keys()
    assert "# my-llama, distilled" in text
    assert "started from the folder my-llama; configured as apache-2.0, which only you" in text
    assert "/home/ann" not in text


def test_packed_weights_have_a_licence_and_no_base_on_the_hub(card: Card) -> None:
    told = front(card("student=smollm2"))
    assert told["license"] == "apache-2.0" and "base_model" not in told
    assert front(card("student=t5_large"))["pipeline_tag"] == "text2text-generation"


def test_a_student_of_an_earlier_version_has_no_licence(card: Card) -> None:
    text = card("student=tiny_causal", "student.licence=''")
    assert "license" not in front(text)
    assert "goes on to apply: not known to mdexp: check it" in text


def test_test_problems_after_training_with_before_beside_them(card: Card) -> None:
    rows = [line for line in card("student=tiny_causal").splitlines() if line.startswith("| toy")]
    assert rows == [
        "| toy | cot | greedy | 4 | 25.0 % | 75.0 % | 30.1 to 95.4 |",
        "| toy | pot | greedy | 4 |  | 25.0 % | 4.6 to 69.9 |",
    ]
    assert "Nothing: the run was not scored." in card("student=tiny_causal", metrics={})


def test_the_types_measured_and_exported_are_named(card: Card) -> None:
    said = "The run answered with weights in {}; here they are in float32.\n"
    assert said.format("bfloat16") in card("student=tiny_causal")
    for stages in ((), ({"name": "after", "counts": {}},)):
        unknown = card("student=tiny_causal", stages=stages)
        assert said.format("a type that it did not record") in unknown


def test_a_student_of_several_rounds_says_that_it_learned_from_its_own_paths(card: Card) -> None:
    text = card("student=tiny_causal", "rounds=3", "round=rft")
    assert "own paths: 2 earlier rounds" in text and "chosen by rejection_sampling" in text
    assert "own paths" not in card("student=tiny_causal")


@pytest.mark.parametrize("teacher", names("teacher"))
def test_every_teacher_says_who_wrote_its_paths(card: Card, teacher: str) -> None:
    more = {
        "openai": ["teacher.model=large"],
        "served": ["teacher.model=large", "teacher.command='serve {model} {port}'"],
    }.get(teacher, [])
    [said] = [
        line
        for line in card("student=tiny_causal", f"teacher={teacher}", *more).splitlines()
        if line.startswith("- reasoning paths: ")
    ]
    assert f"teacher={teacher}" in said and "not known to mdexp" not in said
    assert not said.endswith("; ")
