"""The console script: `mdexp key=value ...` runs an experiment, `mdexp NAME ...` another command.

No key of a configuration stands alone, so a first word without a `=` can only be such a name. What
is not one is left to `mdexp.run`, which says what was meant.
"""

import importlib
import sys
from collections.abc import Sequence

COMMANDS = ("run", "plan", "ledger", "compare", "solve", "execute", "export", "inspect")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; give its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    name = words.pop(0) if words and words[0] in COMMANDS else "run"
    return importlib.import_module(f"mdexp.{name}").main(words)
