"""Every file of conf/ composes and is judged; models have exactly the keys of their yaml."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from mdexp.commands.run import config_folder, main
from mdexp.config.judging import judge
from mdexp.config.settings import STAGES, Settings
from mdexp.ports.parts import TARGET, component_class
from tests.config.conftest import Experiments

CONF = config_folder()
FILES = sorted(file.relative_to(CONF) for file in CONF.rglob("*.yaml"))
OPTIONS = [file for file in FILES if file.parent != Path()]
# What an option needs beside it.
BESIDE = {
    "teacher/openai": ["teacher.model=some-model"],
    "teacher/served": ["teacher.model=some-model", "teacher.command='true {model} {port}'"],
    "teacher/replay": ["teacher.path=paths.jsonl"],
    "dataset/jsonl": ["dataset.path=problems"],
    "dataset/hf": [
        "dataset.repo=us/sums",
        "dataset.revision=main",
        "dataset.split_files={test: test.csv}",
    ],
    "decoding/openai": ["decoding.base_url=http://127.0.0.1:1/v1", "decoding.served=own"],
    "decoding/served": ["decoding.command='true {model} {port}'"],
    "objective/weighted": ["thought=[cot,pot]"],
    "thought/states": ["thought=[cot,states]", "objective=union"],
    "thought/restore": ["thought=[cot,restore]", "objective=union"],
    "lesson/faulty_programs": ["thought=[repair]", "objective=union"],
    "lesson/interleaved_steps": ["thought=[tir,cot]", "objective=union"],
    "lesson/distinct_chains": ["thought=[dcot]", "objective=union"],
    "experiment/granularity": ["teacher.path={cot_coarse: a.jsonl, cot_fine: b.jsonl}"],
}
LISTS = ("thought", "lesson")  # groups of which several are chosen

# Those of the extra `sweep`.
PLUGINS = {
    "grader/math_verify": "math_verify",
    "sweep/optuna": "hydra_plugins.hydra_optuna_sweeper",
}


def _is_whole_part(file: Path) -> bool:
    """Whether it names a class and all of its keys."""
    options = OmegaConf.load(CONF / file)
    return TARGET in options and "defaults" not in options


def test_options_are_found() -> None:
    groups = {file.parent.name for file in OPTIONS}
    assert len(OPTIONS) >= 40
    assert {file.parent.parent for file in OPTIONS} == {Path()}, "a group is one folder deep"
    assert groups >= {
        "teacher",
        "student",
        "dataset",
        "thought",
        "objective",
        "experiment",
        "sweep",
    }


@pytest.fixture
def hydra() -> Iterator[None]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield


@pytest.mark.usefixtures("hydra")
@pytest.mark.parametrize("file", OPTIONS, ids=str)
def test_option_is_judged(file: Path) -> None:
    group, option = file.parent.name, file.stem
    if f"{group}/{option}" in PLUGINS:
        pytest.importorskip(PLUGINS[f"{group}/{option}"])
    value = f"[{option}]" if group in LISTS else option
    alone = ["objective=union"] if group == "thought" else []  # objective=dual weighs two
    beside = BESIDE.get(f"{group}/{option}", alone)
    composed = compose("config", [f"{group}={value}", *beside])
    config = OmegaConf.to_container(composed, resolve=True)
    assert isinstance(config, dict)
    assert judge({str(key): value for key, value in config.items()}).stages == STAGES


@pytest.mark.parametrize(
    "file",
    [file for file in OPTIONS if _is_whole_part(file)],
    ids=str,
)
def test_component_has_the_keys_of_its_yaml(file: Path) -> None:
    options = OmegaConf.load(CONF / file)
    keys = {str(key) for key in options} - {TARGET}
    assert keys == set(component_class(options[TARGET]).model_fields)


@pytest.mark.usefixtures("hydra")
def test_settings_have_the_keys_of_the_composed_config() -> None:
    config = OmegaConf.to_container(compose("config"), resolve=True)
    assert isinstance(config, dict)
    fields = Settings.model_fields
    assert set(config) == {field.alias or name for name, field in fields.items()}
    for block in ("verify", "sandbox", "trainer"):
        model = fields[block].annotation
        assert model is not None
        assert set(config[block]) == set(model.model_fields), block
    assert tuple(config["stages"]) == STAGES


@pytest.mark.parametrize(
    "names",
    [("md", "cot", "pot", "label", "dss", "cot2", "pot2", "eotd", "etd"), ("demo", "demo_label")],
)
def test_experiments_take_equal_steps(names: tuple[str, ...], experiments: Experiments) -> None:
    assert main(["-m", f"experiment={','.join(names)}"]) == 0
    assert len(experiments.seen) == len(names)
    assert len({settings.trainer.max_steps for settings, _, _ in experiments.seen}) == 1
    assert experiments.seen[0][0].trainer.max_steps is not None


@pytest.mark.parametrize(
    ("name", "shares", "num_paths"),
    [
        ("md", {"cot": 0.5, "pot": 0.5}, 1),
        ("cot", {"cot": 1, "pot": 0}, 1),
        ("pot", {"cot": 0, "pot": 1}, 1),
        ("label", None, 1),
        ("dss", {"label": 0.5, "cot": 0.5}, 1),
        ("cot2", {"cot": 1, "pot": 0}, 2),
        ("pot2", {"cot": 0, "pot": 1}, 2),
    ],
)
def test_what_an_experiment_trains_on(
    name: str, shares: dict[str, float] | None, num_paths: int, experiments: Experiments
) -> None:
    """The controls have as many targets as the mix, on the same problems."""
    assert main([f"experiment={name}"]) == 0
    [(settings, _, _)] = experiments.seen
    assert settings.shares() == shares
    assert settings.teacher.num_paths == num_paths
    assert settings.objective.pairing == "both"
