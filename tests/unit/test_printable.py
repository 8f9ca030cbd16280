"""A terminal is not taken over by what a model wrote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdexp.commands.printable import printable


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
