"""What is loaded from the disk and saved there leaves no bars in a log; other bars stay."""

from pathlib import Path

import pytest

from mdexp.students.load import load_folder, save_folder
from mdexp.students.progress import no_bars
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
