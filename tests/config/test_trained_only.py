"""Thoughts that are only trained on, and lesson makers that do not fit the thoughts of a run."""

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from mdexp.commands.run import config_folder
from mdexp.config.judging import judge
from mdexp.config.settings import Settings, SettingsError
from mdexp.thoughts.cot import ChainOfThought
from mdexp.thoughts.pot import ProgramOfThought


def judged(*overrides: str) -> Settings:
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        config = OmegaConf.to_container(compose("config", list(overrides)), resolve=True)
    assert isinstance(config, dict)
    return judge({str(key): value for key, value in config.items()})


def test_the_student_is_asked_for_thoughts_that_write() -> None:
    settings = judged("experiment=dual_instruction")
    assert list(settings.thoughts) == ["cot", "states", "restore"]
    assert list(settings.answering()) == ["cot"]
    assert list(settings.asked_thoughts()) == ["cot"], "the teacher writes whole chains"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["thought=[states]", "objective=union"], "states are only trained on; add one"),
        (
            ["experiment=dual_instruction", "vote=cascade", "vote.order=[states]"],
            r"vote.order may name each of the thoughts that vote \(cot\)",
        ),
        (
            ["answer_with=[eot]"],
            r"student can write \(cot, pot\), each once, got eot; null takes all",
        ),
        (["answer_with=[cot,cot]"], "each once, got cot, cot"),
        (["answer_with=[]"], "got none"),
        (
            ["experiment=dual_instruction", "answer_with=[states]"],
            r"write \(cot\), each once, got states",
        ),
        (["answer_with=[pot]", "vote.order=[cot]"], r"thoughts that vote \(pot\) once"),
        (["lesson=[distinct_chains]"], "lessons.distinct_chains: .* to be one of dcot"),
        (["lesson=[faulty_programs]"], "lessons.faulty_programs: .* to be one of repair"),
        (
            ["thought=[pot,repair]", "objective=weighted", "lessons.paths.thoughts=[pot]"],
            r"lesson=\[paths\] makes no lessons of repair, which have a share of the loss",
        ),
        (["lesson=[]"], r"lesson=\[\] makes no lessons of cot, pot, which"),
        (["lessons.paths.thoughts=[eot]"], "lessons.paths: thoughts: got eot, .* are cot, pot"),
    ],
)
def test_faults(overrides: list[str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        judged(*overrides)


def test_a_beam_writes_beside_thoughts_that_are_only_trained_on() -> None:
    assert judged("experiment=dual_instruction", "decoding=stepwise").decoding.beam is not None


def test_a_beam_writes_no_thought_that_reads_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ChainOfThought, "reads", ("pot",))
    with pytest.raises(SettingsError, match=r"decoding\.beam grows .* thought=cot reads pot;"):
        judged("decoding=stepwise")


def test_a_thought_that_does_not_vote_is_asked_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ProgramOfThought, "votes", False)
    settings = judged()
    assert (list(settings.answering()), settings.voting()) == (["cot", "pot"], ["cot"])
    assert judged("vote.order=[cot]").vote.order == ("cot",)
    with pytest.raises(SettingsError, match=r"each of the thoughts that vote \(cot\) once"):
        judged("vote.order=[cot,pot]")
    with pytest.raises(SettingsError, match="pot take no part in votes; add one that does"):
        judged("thought=[pot]", "objective=union", "lambda=null")


def test_a_student_of_two_thoughts_answers_with_one() -> None:
    settings = judged("answer_with=[pot]", "lambda=0.5")
    assert (list(settings.answering()), settings.voting()) == (["pot"], ["pot"])
    assert settings.shares() == {"cot": 0.5, "pot": 0.5}, "it is trained on both all the same"
    assert list(settings.asked_thoughts()) == ["cot", "pot"]


def test_a_thought_answers_beside_those_that_it_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ChainOfThought, "reads", ("pot",))
    with pytest.raises(SettingsError, match="answer_with: thought=cot reads pot; name that too"):
        judged("answer_with=[cot]")
