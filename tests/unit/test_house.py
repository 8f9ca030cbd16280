"""The package is laid out as it should be. Imports themselves are held by `lint-imports`."""

from tests.house import defined_twice


def test_no_public_name_is_defined_twice():
    assert defined_twice() == {}
