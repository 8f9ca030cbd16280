"""What later rounds need is judged before anything runs."""

import pytest

from mdexp.config.settings import SettingsError
from tests.config.test_trained_only import judged


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rounds=2"], "rounds=2 needs a method, as in round=rft"),
        (["rounds=0", "round=rft"], "rounds: "),
        (["rounds=2", "round=star", "verify.mode=none"], "needs verify.mode=gold"),
        (
            [
                "rounds=2",
                "round=rft",
                "decoding=openai",
                "decoding.base_url=u",
                "decoding.served=s",
            ],
            "decoding.engine=openai",
        ),
        (["rounds=2", "round=rft", "stages=[prepare,extract,verify]"], "without train"),
        (["rounds=2", "round=rft", "thought=[kpdd]", "objective=union"], "are made of other"),
        (["rounds=2", "round=star", "round.hint=well"], "{answer}"),
    ],
)
def test_it_is_refused(words: list[str], said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        judged(*words)
    assert said in str(refused.value)


def test_one_round_needs_no_method() -> None:
    assert judged().round is None and judged().rounds == 1
    assert judged("rounds=1", "round=rft").learned_from_own().keys() == {"cot", "pot"}
