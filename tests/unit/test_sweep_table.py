"""The table of a sweep in a terminal: what was swept is read whole, however narrow it is."""

import pytest

from mdexp.sweeps.jobs import JobResult, print_table

LONG = "student.path=a/rather/long/folder/with-the-name-of-a-student-of-seven-billion"
ROW = {"accuracy": 0.5, "ci95": [0.4, 0.6], "num_paths": 2, "rule": "majority"}


@pytest.mark.parametrize("columns", [20, 60, 100, 200])
def test_a_terminal_cuts_no_swept_value(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes standard output for a terminal
    monkeypatch.setenv("COLUMNS", str(columns))
    metrics = {"svamp": {"after": {"cot": ROW, "pot": ROW, "vote": ROW}}}
    results = [
        JobResult(job=n, state="ok", overrides=[LONG, f"lambda=0.{n}"], folder=".", metrics=metrics)
        for n in range(2)
    ]
    results += [JobResult(job=2, state="failed", overrides=["lambda=0.123456789"], folder=".")]
    print_table(results)
    shown = capsys.readouterr().out
    assert "…" not in shown
    assert shown.count(LONG) == 2
    assert "lambda=0.123456789" in shown
