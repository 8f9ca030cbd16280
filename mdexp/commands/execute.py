"""Run untrusted programs in the sandbox: `python -m mdexp.execute [FILE] [sandbox.timeout_s=5
...]`.

FILE (standard input if `-` or none) has one JSON object per line: an `id`, and a Python `program`
to run or `equations` to solve. Each gets one line of output, in the same order and as soon as it is
known: id, status, answer, error, stdout, seconds, tier. Exit codes: 0, 1 (the sandbox is broken), 2
(the command line or a line of input), 130, 141 and 143 (signals).
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing

from hydra._internal.utils import get_args_parser

from mdexp.commands.exit_codes import as_exit_code
from mdexp.commands.request_lines import Kind, ProgramRequest, RequestError, batches, opened_lines
from mdexp.config.composition import (
    CommandError,
    composed_config,
    open_config,
    parsed_overrides,
    plain_config,
)
from mdexp.config.config_path import config_folder
from mdexp.config.hints import bare_word
from mdexp.config.judging import judge
from mdexp.config.settings import SettingsError
from mdexp.config.usage import group_options
from mdexp.records import ProgramResult
from mdexp.sandbox.executor import Sandbox
from mdexp.sandbox.settings import SandboxSettings

EXAMPLE = """\
example:
  echo '{"id": 1, "program": "ans = 6 * 7"}' | python -m mdexp.execute sandbox.timeout_s=5
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; return its exit code."""
    file, overrides = _arguments(argv)
    return as_exit_code(
        lambda: _execute(file, sandbox_settings(overrides)),
        refused=(CommandError, SettingsError, RequestError),
    )


def _arguments(argv: Sequence[str] | None) -> tuple[str, list[str]]:
    """The file, and the overrides: words with a `=`."""
    keys = ", ".join(f"sandbox.{key}" for key in SandboxSettings.model_fields)
    parser = argparse.ArgumentParser(
        prog="python -m mdexp.execute",
        usage="%(prog)s [-h] [FILE] [KEY=VALUE ...]",
        description=__doc__,
        epilog=f"groups: sandbox={'|'.join(_options()['sandbox'])}\nkeys: {keys}\n\n{EXAMPLE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", nargs="*", metavar="FILE, KEY=VALUE", help=argparse.SUPPRESS)
    words: list[str] = parser.parse_args(argv).words
    files = [word for word in words if "=" not in word]
    if len(files) > 1:
        parser.error(f"one FILE is read, got {' and '.join(files)}")
    return (files or ["-"])[0], [word for word in words if "=" in word]


def _options() -> dict[str, list[str]]:
    return group_options([config_folder()])


def sandbox_settings(overrides: Sequence[str]) -> SandboxSettings:
    """The sandbox settings of arguments such as `sandbox.timeout_s=5`; CommandError or
    SettingsError."""
    options = get_args_parser().parse_args([])
    with open_config(options):
        given = parsed_overrides(options, overrides)
        for override in given:
            if override.is_sweep_override():
                raise CommandError(f"{override.input_line}: give one value")
        composed = composed_config(options, overrides)
        for override in given:
            if override.key_or_group.partition(".")[0] != "sandbox":
                raise CommandError(
                    f"{override.input_line}: only sandbox=... and sandbox.KEY=... are read here"
                )
        return judge(plain_config(composed, overrides, own=None)).sandbox


def run_programs(
    programs: Sequence[str], kind: Kind, overrides: Sequence[str]
) -> list[ProgramResult]:
    """The result of each program or system of equations, in order."""
    with Sandbox(**sandbox_settings(overrides).model_dump()) as sandbox:
        return sandbox.solve(programs) if kind == "equations" else sandbox.run(programs)


def _execute(file: str, settings: SandboxSettings) -> None:
    """Write a line for each request of the file, up to the first invalid one."""
    try:
        source = opened_lines(file)
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}; {bare_word(file, _options())}") from error
    with Sandbox(**settings.model_dump()) as sandbox:
        if sandbox.lacks:
            print(f"warning: {sandbox.lacks}", file=sys.stderr)
        for batch in batches(source, "standard input" if file == "-" else file):
            for request, result in zip(batch, _results(batch, sandbox), strict=True):
                print(_line(request, result), flush=True)


def _results(batch: Sequence[ProgramRequest], sandbox: Sandbox) -> Iterator[ProgramResult]:
    programs = [request.text for request in batch if request.kind == "program"]
    systems = [request.text for request in batch if request.kind == "equations"]
    solved = iter(sandbox.solve(systems) if systems else ())
    # Closed here: a signal that arrives while the garbage collector closes it would be lost.
    with closing(sandbox.stream(programs)) as ran:
        for request in batch:
            yield next(ran if request.kind == "program" else solved)


def _line(request: ProgramRequest, result: ProgramResult) -> str:
    return json.dumps(
        {
            "id": request.id,
            "status": result.status,
            "answer": result.answer,
            "error": result.error,
            "stdout": result.stdout,
            "seconds": round(result.seconds, 6),
            "tier": result.tier,
        },
        allow_nan=False,
    )
