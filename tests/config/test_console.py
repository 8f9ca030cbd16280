"""What `mdexp` says of itself."""

import pytest

import mdexp
from mdexp.commands import run
from mdexp.commands.console import COMMANDS, main
from mdexp.config.config_path import config_folder
from mdexp.config.usage import WIDTH, default_options, group_options, usage


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_lists_the_commands(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([flag]) == 0
    said = capsys.readouterr().out
    assert all(f"  {name} " in said for name in COMMANDS)


def test_the_version_is_ours(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"mdexp {mdexp.__version__}\n"


def test_the_version_of_a_run_is_ours(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["--version"]) == 0
    assert capsys.readouterr().out == f"mdexp {mdexp.__version__}\n"


@pytest.mark.parametrize(("word", "meant"), [("compar", "compare"), ("harvst", "harvest")])
def test_a_mistyped_command_is_named(
    word: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([word, "a", "b"]) == 2
    assert capsys.readouterr().err == f"error: {word}: no such command; did you mean {meant}?\n"


@pytest.mark.parametrize("word", ["score", "report", "codellama"])
def test_a_word_that_is_no_command_is_an_argument(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([word]) == 2
    assert "an argument is written key=value" in capsys.readouterr().err


def test_the_help_of_a_run_has_lines_of_a_hundred_columns_and_every_option() -> None:
    options = group_options([config_folder()])
    shown = usage(options, default_options())
    assert max(map(len, shown.splitlines())) <= WIDTH
    words = shown.replace("*", "").split()
    assert set(words) >= {name for names in options.values() for name in names}
