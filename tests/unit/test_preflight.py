"""What is judged before the teacher is paid: the prompts that training and decoding will give."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from mdexp.config.config_path import config_folder
from mdexp.config.judging import judge
from mdexp.config.settings import Settings
from mdexp.records import Answer, Problem
from mdexp.students.weights import Weights
from mdexp.training.preflight import Hopeless, judge_teacher, preflight

LONGEST = 2000  # positions of the student


def composed(*overrides: str) -> Settings:
    common = ["student=tiny_causal", "trainer=cpu", "trainer.precision=32-true", "dataset=jsonl"]
    config: Any = OmegaConf.to_container(compose("config", [*common, *overrides]), resolve=True)
    return judge(config)


@pytest.fixture(autouse=True)
def hydra() -> Iterator[None]:
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        yield


def problems(answer: Answer, question: str = "Is it?") -> list[Problem]:
    return [
        Problem(
            id=split,
            dataset="toy",
            split=split,
            question=question,
            answer=answer,
            solutions={"cot": [f"The answer is {answer}."], "eot": [f"ans = {answer}"]},
        )
        for split in ("train", "validation", "test")
    ]


def judged(
    settings: Settings,
    asked: list[Problem],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> list[str]:
    """What is said of the shots, where the student has few positions."""
    weights = Weights(student=settings.student, seed=0)
    config = weights.config()
    config.max_position_embeddings = LONGEST
    monkeypatch.setattr(Weights, "config", lambda self: config)
    with caplog.at_level(logging.WARNING):
        preflight(settings, weights, asked, asked[1:], Path.cwd(), asks_teacher=True)
    return [record.getMessage() for record in caplog.records if "shots" in record.getMessage()]


SHOTS = ("decoding.num_shots=4", "decoding.max_new_tokens=1200", "trainer.max_tokens=1000")
EOT = ("thought=[eot]", "objective=union")


def test_the_shots_that_are_judged_are_those_that_are_shown(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    [said] = judged(composed(*SHOTS, *EOT), problems(12), caplog, monkeypatch)
    assert said.startswith("eot: with 4 shots the shortest prompt has")
    caplog.clear()
    settings = composed(*SHOTS, *EOT)
    assert not judged(settings, problems(True), caplog, monkeypatch), "equations show no yes or no"


def test_a_thought_that_is_only_trained_on_is_not_asked(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = composed(*SHOTS, "thought=[states,cot]", "objective=union")
    [said] = judged(settings, problems(12), caplog, monkeypatch)
    assert said.startswith("cot: ")
    long = "Is it? " * 100
    with pytest.raises(Hopeless) as caught:
        judged(
            settings.model_copy(update={"stages": ("generate",)}),
            problems(12, long * 3),
            caplog,
            monkeypatch,
        )
    assert "cot" in str(caught.value) and "states" not in str(caught.value)


def test_prompts_that_fill_max_tokens_are_named_with_what_would_fit(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = composed("trainer.max_tokens=20", "thought=[cot]", "objective=union")
    with pytest.raises(Hopeless) as caught:
        judged(settings, problems(12), caplog, monkeypatch)
    needed = int(str(caught.value).rsplit("at least ", 1)[1])
    assert str(caught.value).startswith("trainer.max_tokens=20: the shortest prompt of cot has ")
    enough = settings.trainer.model_copy(update={"max_tokens": needed})
    judged(settings.model_copy(update={"trainer": enough}), problems(12), caplog, monkeypatch)
    short = settings.trainer.model_copy(update={"max_tokens": needed - 1})
    with pytest.raises(Hopeless):
        judged(settings.model_copy(update={"trainer": short}), problems(12), caplog, monkeypatch)


PAPERS = [f.stem for f in config_folder().glob("experiment/*.yaml") if f.stem.startswith("md_")]


@pytest.mark.parametrize("experiment", PAPERS)
def test_a_papers_experiment_needs_a_teacher(experiment: str) -> None:
    """Its set brings no solutions, which is all that the default teacher has."""
    words = [f"experiment={experiment}", "dataset.path=.", "student=tiny_causal"]
    composed = compose("config", [*words, "trainer=cpu", "trainer.precision=32-true"])
    settings = judge(OmegaConf.to_container(composed, resolve=True))  # type: ignore[arg-type]
    bare = Problem(id="a", dataset="toy", split="train", question="How many?", answer=12)
    with pytest.raises(
        ValueError, match=r"teacher=worked writes .*: name a teacher, as in teacher"
    ):
        judge_teacher(settings, [bare])
