"""A student whose weights the hub may change is named before anything is bought."""

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from mdexp.commands.memory_plan import memory_lines
from mdexp.config.config_path import config_folder
from mdexp.config.judging import judge
from mdexp.config.settings import Settings
from mdexp.students.revision import unpinned

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def composed(*words: str) -> Settings:
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        values = OmegaConf.to_container(compose("config", list(words)), resolve=True)
    return judge({str(key): value for key, value in values.items()})


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The hub's cache, which holds nothing yet."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return tmp_path / "models--Salesforce--codet5p-770m-py"


def test_a_branch_is_not_pinned(cache):
    student = composed("student=codet5p").student
    assert unpinned(student) == (
        "Salesforce/codet5p-770m-py@main is not pinned, so that its weights may change; pin it by "
        "student.revision=COMMIT, one of "
        "https://huggingface.co/Salesforce/codet5p-770m-py/commits/main"
    )
    (cache / "refs").mkdir(parents=True)
    (cache / "refs" / "main").write_text(COMMIT)
    (cache / "snapshots" / COMMIT).mkdir(parents=True)
    assert unpinned(student).endswith(f"may change; here it is student.revision={COMMIT}")


@pytest.mark.parametrize(
    "words",
    [
        ["student=codet5p", f"student.revision={COMMIT}"],
        ["student=codet5p", "student.path=weights"],
        ["student=codet5"],
        ["student=smollm2"],
        ["student=tiny_causal"],
    ],
    ids=" ".join,
)
def test_a_commit_a_folder_and_a_package_are(words, cache):
    assert unpinned(composed(*words).student) is None


def test_the_plan_says_it(cache):
    first, *_ = memory_lines(composed("student=codet5p"), devices=1, gigabytes=80)
    assert first.startswith("student: Salesforce/codet5p-770m-py@main is not pinned")
