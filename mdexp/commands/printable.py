"""Makes untrusted text safe for a terminal: control sequences are shown, not obeyed."""

import logging
import sys

from mdexp.ports.progress import IN_BAR

KEPT = "\n\t"


def printable(text: str) -> str:
    """The text with non-printing characters (ESC, bidi marks, ...) written as Python escapes."""
    return "".join(c if c.isprintable() or c in KEPT else ascii(c)[1:-1] for c in text)


def print_error(error: object) -> None:
    """Print `error: ...` on standard error, made safe: many errors quote servers and models."""
    print(printable(f"error: {error}"), file=sys.stderr, flush=True)


class PrintableFormatter(logging.Formatter):
    """For the log lines of a run: conf/config.yaml names it."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


class ConsoleHandler(logging.StreamHandler):
    """Prints a run's log lines above its progress bars: conf/config.yaml names it."""

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, IN_BAR, False):
            return
        from tqdm import tqdm

        with tqdm.external_write_mode():
            super().emit(record)
