"""What a run says while it happens, and what its folder needs to know of the working directory."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mdexp.commands import solve
from mdexp.store.files import read_json


def test_each_stage_says_what_it_came_to(
    kept_run: Callable[..., Path],
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = kept_run()
    shown = capfd.readouterr().out
    lines = (run / "mdexp.log").read_text().splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ", line) for line in lines)
    assert not re.search(r"^\d{4}-\d\d-\d\d ", shown, re.MULTILINE), "stamps are in the file alone"
    for said in (
        "extract, cot, pot: 12 of jsonl/train",
        r"train: 2 steps over \d+ examples of \d+ problems, \d+ tokens",
        "extract: kept 24 of 24 paths that were asked for",
        r"verify: done in [\d.]+ s \([0-9a-f]{16}\)",
        r"verify: kept \d+ of 24 paths",
        r"examples: kept \d+ of \d+ lessons",
        r"5 % or more of the targets of cot are longer than decoding\.max_new_tokens=6 ",
        "before, cot: 3 of jsonl/validation, 4 of jsonl",
        "before, pot: 3 of jsonl/validation, 4 of jsonl",
        r"before: \d+ answers of \d+ tokens",
        "after, cot, pot: 3 of jsonl/validation, 4 of jsonl",
        r"score: \d+ answers graded, \d+ votes",
    ):
        assert re.search(said, shown), said
    assert Path(read_json(run / "run.json")["settings"]["store"]).is_absolute()
    monkeypatch.delenv("MDEXP_STORE")
    monkeypatch.chdir(tmp_path)
    assert solve.main([str(run), "How many?", "--json"]) == 0
