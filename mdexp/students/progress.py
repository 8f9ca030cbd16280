"""Bars of progress for what lies on the disk and takes seconds: in a log they are noise."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partialmethod


@contextmanager
def no_bars() -> Iterator[None]:
    """Loading and saving within it show no bar. Never put a download within: its bar is wanted."""
    # transformers' own switch turns off the hub's bars as well, and not that of GGUF files.
    from tqdm.auto import tqdm

    shown = tqdm.__init__
    tqdm.__init__ = partialmethod(shown, disable=True)
    try:
        yield
    finally:
        tqdm.__init__ = shown
