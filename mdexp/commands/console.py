"""The console script: `mdexp key=value ...` runs an experiment, `mdexp NAME ...` another command.

Every setting is written with a `=`, so a first word without one can only be a command's name. An
unknown name that is like a command's is an error; any other is left to `mdexp run`, which suggests
what was meant.
"""

import importlib
import sys
from collections.abc import Sequence

from mdexp.commands.printable import print_error
from mdexp.config.hints import unknown_command
from mdexp.store.environment import VERSION

COMMANDS = {
    "run": "run an experiment, or a sweep with -m (the default: `mdexp lambda=0.5` runs one)",
    "plan": "what a run will ask of its teacher and cost; contacts no server",
    "solve": "answer questions with the student of a run",
    "harvest": "let a run's student answer its training problems, with verdicts",
    "compare": "compare runs on the same problems",
    "study": "render this repository's study, or run its missing jobs",
    "suit": "measure how likely teachers' texts are to the untrained student",
    "inspect": "show the training examples, token by token",
    "export": "write a run's student as a folder for transformers",
    "execute": "run programs and solve equations in the sandbox",
    "store": "check the files that stages wrote, and set changed ones aside",
    "ledger": "list teachers' answers and their cost; export and import them",
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
    is_bare = bool(words) and words[0].isalpha() and words[0] not in COMMANDS
    if is_bare and (fault := unknown_command(words[0], COMMANDS)):
        print_error(fault)
        return 2
    name = words.pop(0) if words and words[0] in COMMANDS else "run"
    return importlib.import_module(f"mdexp.commands.{name}").main(words)


def command_usage() -> str:
    """The help of `mdexp` itself: one line for each command."""
    commands = "\n".join(f"  {name:<9}{about}" for name, about in COMMANDS.items())
    return (
        f"mdexp {VERSION}: distil the reasoning of a large teacher into a small student\n"
        f"\nusage: mdexp COMMAND ...    or    python -m mdexp COMMAND ...\n\n{commands}\n"
        "\nmdexp COMMAND --help says more; mdexp run --help lists groups, options and keys"
    )
