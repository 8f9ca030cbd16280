"""The console script: `mdexp key=value ...` runs an experiment, `mdexp NAME ...` another command.

No key of a configuration stands alone, so a first word without a `=` can only be such a name. What
is not one is left to `mdexp run`, which says what was meant.
"""

import importlib
import sys
from collections.abc import Sequence

from mdexp.store.environment import VERSION

COMMANDS = {
    "run": "run an experiment, or a sweep with -m (the default: `mdexp lambda=0.5` runs one)",
    "plan": "what a run's teacher will be asked and paid; calls nobody",
    "solve": "answer questions with the student of a run",
    "harvest": "what a run's student writes about its training problems, with verdicts",
    "compare": "compare runs on the same problems",
    "study": "render the study of this repository, or run what is missing of it",
    "inspect": "what a student would be trained on, token by token",
    "export": "write a run's student as a folder for transformers",
    "execute": "run programs and solve equations in the sandbox",
    "store": "check what stages wrote, and put aside what was changed",
    "ledger": "what teachers were asked and paid; export and import of answers",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] in (["-h"], ["--help"]):
        print(command_usage())
        return 0
    if words == ["--version"]:
        print(f"mdexp {VERSION}")
        return 0
    name = words.pop(0) if words and words[0] in COMMANDS else "run"
    return importlib.import_module(f"mdexp.commands.{name}").main(words)


def command_usage() -> str:
    """The help of `mdexp` itself: its commands, a line each."""
    commands = "\n".join(f"  {name:<9}{about}" for name, about in COMMANDS.items())
    return (
        f"mdexp {VERSION}: distil the reasoning of a large teacher into a small student\n"
        f"\nusage: mdexp COMMAND ...    or    python -m mdexp COMMAND ...\n\n{commands}\n"
        "\nmdexp COMMAND --help says more; mdexp run --help lists groups, options and keys"
    )
