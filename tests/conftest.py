"""What holds for all tests: the same examples every time, no failure because a machine is busy."""

import os
import signal
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("mdexp", deadline=None, derandomize=True)
settings.load_profile("mdexp")

# Ctrl-C is ignored in what a shell started in the background, and in all that this starts in turn.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="module")
def same_environment() -> Iterator[None]:
    """Tests run in any order: what a library writes into the environment is not for other files."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(autouse=True, scope="module")
def no_wandb_left(same_environment: None) -> Iterator[None]:
    """W&B keeps a helper process and its settings for all runs of a process: not of other tests."""
    yield
    if "wandb" in sys.modules:
        from mdexp.tracking.wandb_logger import stop_helper

        stop_helper()
