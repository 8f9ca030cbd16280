"""Whether a teacher's server lists the model is said before anything is bought."""

import logging
from pathlib import Path

import pytest

from tests.buyer import buy, problems
from tests.loopback import LoopbackServer


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        (["large", "small"], "lists large"),
        (["small"], "does not list teacher.model=large; it lists small"),
        ([], "gives no list of models"),
    ],
    ids=["listed", "another one", "no list"],
)
def test_a_model_that_is_not_listed_is_said(
    listed: list[str], said: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with LoopbackServer() as server:
        server.models = listed
        assert len(buy(server.url, tmp_path, problems(1))) == 1
    lines = [r.getMessage() for r in caplog.records if "list" in r.getMessage()]
    assert len(lines) == 1 and said in lines[0]


def test_what_is_owned_asks_for_no_list(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with LoopbackServer() as server:
        buy(server.url, tmp_path, problems(1))
        server.models = ["small"]
        caplog.clear()
        buy(server.url, tmp_path, problems(1))
    assert "list" not in caplog.text
