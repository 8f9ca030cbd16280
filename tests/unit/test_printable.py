"""A terminal is not taken over by what a model wrote."""

import logging
import logging.config

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mdexp.commands.printable import print_error, printable
from mdexp.config.config_path import config_folder


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;title\x07 \x1b[2J", "\\x1b]0;title\\x07 \\x1b[2J"),
        ("done\rfake", "done\\rfake"),
        ("\u202eevil\x9b1A", "\\u202eevil\\x9b1A"),
        ("a\n\tb · é 漢 \\ '", "a\n\tb · é 漢 \\ '"),
        ("half \ud83d", "half \\ud83d"),
    ],
)
def test_what_is_no_sign_is_spelt(text, shown):
    assert printable(text) == shown


@given(st.text())
def test_only_signs_line_breaks_and_tabs_are_left(text):
    assert all(c.isprintable() or c in "\n\t" for c in printable(text))


def test_an_error_is_spelt_out(capsys):
    print_error(ValueError("HTTP 400: \x1b[2J"))
    assert capsys.readouterr().err == "error: HTTP 400: \\x1b[2J\n"


def test_the_log_lines_of_a_run_are_spelt_out():
    """As conf/config.yaml sets up the log of a run, the server's part in a line included."""
    config = yaml.safe_load((config_folder() / "config.yaml").read_text(encoding="utf-8"))
    named = config["hydra"]["job_logging"]["formatters"]["simple"]
    formatter = logging.config.DictConfigurator({}).configure_formatter(dict(named))
    record = logging.LogRecord("m", logging.INFO, "f", 1, "teacher: %s", ("\x1b]0;t\x07",), None)
    assert formatter.format(record) == "teacher: \\x1b]0;t\\x07"
