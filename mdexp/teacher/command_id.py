"""The command that a process works for. All jobs of a sweep share one.

Its name is passed on in the environment, which launchers give to the processes they start.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

VARIABLE = "MDEXP_COMMAND"


@contextmanager
def new_command() -> Iterator[str]:
    """Within the block, and in processes started there, work belongs to one new command; yields its
    name."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = name = _new_name()
    try:
        yield name
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before


def current_command() -> str:
    """The command's name; a process that no command started is a command itself."""
    return os.environ.setdefault(VARIABLE, _new_name())


def _new_name() -> str:
    """A name of the time, for people, and random letters, so that no two are equal."""
    return f"{datetime.now():%Y-%m-%d_%H-%M-%S}_{secrets.token_hex(3)}"
