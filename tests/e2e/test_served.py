"""A run whose student a server answers for, and whether that is the student that was trained."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mdexp.commands import compare
from mdexp.store.files import read_json
from tests.loopback import LoopbackServer

MARK = "\N{DAGGER}"


def test_rows_of_a_server_that_cannot_be_checked_are_marked_everywhere(
    command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    with LoopbackServer(answer=lambda prompt, number: " The answer is 9.\n") as server:
        server.logprobs = None
        served = [f"decoding.base_url={server.url}", "decoding.served=student"]
        assert command("decoding=openai", *served, "hydra.run.dir=run", "thought=[cot,pot]") == 0
    metrics = read_json(Path("run/metrics.json"))
    reason = "the server gives no log-probabilities"
    for rows in metrics["jsonl"]["after"].values():
        assert rows["unverified"].startswith(reason)
    assert not any("unverified" in row for row in metrics["jsonl"]["before"].values())
    shown = " ".join(capsys.readouterr().out.split())
    assert f"cot {MARK}" in shown and f"{MARK}: {reason}" in shown
    for page in ("report.md", "report.html"):
        assert f"{MARK}: {reason}" in Path(f"run/{page}").read_text()
    assert compare.main(["run"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"run {MARK}: {reason}" in shown
