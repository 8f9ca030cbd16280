"""The command that a process works for. The jobs of a sweep share one, whatever processes they are.

Its name is handed down in the environment, which launchers pass on to what they start.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

VARIABLE = "MDEXP_COMMAND"


@contextmanager
def new_command() -> Iterator[str]:
    """Within the block, and in what it starts, work is done for one new command; yield its name."""
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
    """The command's name; a process that no command started counts as a command."""
    return os.environ.setdefault(VARIABLE, _new_name())


def _new_name() -> str:
    """The time, for people; something random, so that no two are the same."""
    return f"{datetime.now():%Y-%m-%d_%H-%M-%S}_{secrets.token_hex(3)}"
