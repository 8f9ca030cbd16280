"""The package is laid out as it should be. Imports themselves are held by `lint-imports`."""

from pathlib import Path

import pytest

from tests import house


def test_the_house_has_no_fault():
    assert house.faults() == []


def test_a_name_that_is_public_twice_and_too_many_arrows_are_faults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(house, "MOST_ARROWS", 0)
    (tmp_path / "mdexp").mkdir()
    (tmp_path / "mdexp" / "one.py").write_text("import mdexp.two\n\ndef found(): ...\n")
    (tmp_path / "mdexp" / "two.py").write_text("class found: ...\n\ndef _own(): ...\n")
    assert house.faults(tmp_path) == [
        "found is public in mdexp.one, mdexp.two",
        "1 arrows, at most 0",
    ]
