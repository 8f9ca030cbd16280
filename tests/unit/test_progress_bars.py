"""How far work is: a bar on a terminal, lines in a log; what is loaded and saved shows neither."""

import io
import logging
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mdexp.commands.printable import ConsoleHandler
from mdexp.ports import progress
from mdexp.ports.progress import LINE_MAX_S, LINE_MIN_S, LINE_SHARE, ProgressBar, no_bars
from mdexp.students.load import load_folder, save_folder
from tests.tiny_run import SEED, tiny


def test_loading_and_saving_show_no_bar(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_folder(tiny("causal").load(SEED), tmp_path)
    model, tokenizer = load_folder(tmp_path, "causal")
    assert model.num_parameters() > 0 and len(tokenizer) > 0
    assert capsys.readouterr().err == ""


def test_bars_come_back(capsys: pytest.CaptureFixture[str]) -> None:
    from tqdm.auto import tqdm

    with no_bars():
        assert list(tqdm(range(3), desc="a GGUF file")) == [0, 1, 2]
    assert list(tqdm(range(3), desc="a download")) == [0, 1, 2]
    shown = capsys.readouterr().err
    assert "a GGUF file" not in shown and "a download: 100%" in shown


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets so many seconds pass for lines of progress."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])

    def passes(seconds: float) -> None:
        now[0] += seconds

    return passes


LOG = logging.getLogger("mdexp.test")
TITLE = "after, cot, gsm8k"


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_a_log_has_a_line_every_few_per_cent(
    clock: Callable[[float], None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with ProgressBar(90, TITLE, "answers", LOG, lambda: "$0.02 spent") as bar:
        for _ in range(30):
            clock(1.0)
            bar.advance()
        assert LINE_MIN_S == 5 and LINE_SHARE == 0.05, "5 answers of 90 in 5 seconds are a line"
        assert len(lines(caplog)) == 6
    assert lines(caplog)[-1] == (
        "after, cot, gsm8k: 30 of 90 answers (33 %); 1/s, 60 s to go; $0.02 spent"
    )


def test_fast_work_has_no_lines_and_slow_work_has_some(
    clock: Callable[[float], None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with ProgressBar(10, TITLE, "answers", LOG) as bar:
        bar.advance(9)
        clock(LINE_MAX_S - 1)
        bar.advance(0)
        assert len(lines(caplog)) == 1, "9 of 10 are more than a few per cent"
        clock(LINE_MAX_S - 1)
        bar.advance(0)
        assert len(lines(caplog)) == 1
        clock(1)
        bar.advance(0)
    assert lines(caplog)[1] == "after, cot, gsm8k: 9 of 10 answers (90 %)", "no speed, no forecast"


def test_a_terminal_has_a_bar_and_the_file_its_lines(
    clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    screen, file = Terminal(), tmp_path / "mdexp.log"
    monkeypatch.setattr(sys, "stderr", screen)
    handlers = [ConsoleHandler(screen), logging.FileHandler(file)]
    own = logging.Logger("own", logging.INFO)
    for handler in handlers:
        own.addHandler(handler)
    with ProgressBar(4, TITLE, "answers", own) as bar:
        clock(60)
        bar.advance(2)
        own.warning("a prompt is too long")
    handlers[1].close()
    assert file.read_text().splitlines() == [
        "after, cot, gsm8k: 2 of 4 answers (50 %); 0.033/s, 60 s to go",
        "a prompt is too long",
    ]
    shown = screen.getvalue()
    assert "after, cot, gsm8k:   0%|" in shown and "answers" in shown
    assert "to go" not in shown and "\ra prompt is too long\n" in shown.replace(" ", " ")


def test_the_terminal_of_a_run_has_lines_above_bars() -> None:
    """Under Hydra's logging, as conf/config.yaml has it."""
    import yaml

    from mdexp.config.config_path import config_folder

    config = yaml.safe_load((config_folder() / "config.yaml").read_text())
    console = config["hydra"]["job_logging"]["handlers"]["console"]["class"]
    assert console == f"{ConsoleHandler.__module__}.{ConsoleHandler.__qualname__}"
