"""What teachers answered and what it cost.

python -m mdexp.ledger list                 every answer: problem, thought, sample, model, command
python -m mdexp.ledger spend                calls and money by model and command
python -m mdexp.ledger export FILE          answers as JSON Lines, which teacher=replay plays
python -m mdexp.ledger import FILE          such a file into this ledger; what is there stays
"""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from mdexp.commands.exit_codes import as_exit_code
from mdexp.commands.printable import printable
from mdexp.store.json_lines import write_jsonl
from mdexp.store.stage_store import Store
from mdexp.teacher import ledger_io
from mdexp.teacher.ledger import Ledger
from mdexp.teacher.progress import dollars
from mdexp.teacher.schema import FILE


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; give its exit code."""
    options = _arguments(argv)
    return as_exit_code(lambda: _do(options), refused=(ValueError, OSError))


def _do(options: argparse.Namespace) -> None:
    folder = Store(Path(options.store)).ledger
    if options.what != "import" and not (folder / FILE).is_file():
        raise ValueError(f"{folder}: there is no ledger here yet; --store names another store")
    with Ledger(folder) as ledger:
        match options.what:
            case "list":
                _list(ledger)
            case "spend":
                _spend(ledger)
            case "export":
                _export(ledger, Path(options.file))
            case "import":
                _import(ledger, Path(options.file))


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m mdexp.ledger",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    store = os.environ.get("MDEXP_STORE", ".mdexp")
    parser.add_argument("--store", default=store, help="the store that holds it (%(default)s)")
    commands = parser.add_subparsers(dest="what", required=True)
    for name in ("list", "spend"):
        commands.add_parser(name)
    for name in ("export", "import"):
        commands.add_parser(name).add_argument("file")
    return parser.parse_args(argv)


def _list(ledger: Ledger) -> None:
    for sample in ledger_io.samples(ledger):
        names = (sample.id or "?", sample.thought or "?", str(sample.sample), sample.model)
        print(printable("\t".join((*names, sample.finish_reason, sample.command))))


def _export(ledger: Ledger, file: Path) -> None:
    """Answers whose problem is not known are left out and counted."""
    found = list(ledger_io.samples(ledger))
    known = [sample for sample in found if sample.id is not None]
    write_jsonl(file, (asdict(sample) for sample in known))
    print(f"{len(known)} answers written to {file}")
    if unknown := len(found) - len(known):
        print(
            f"{unknown} answers left out: an earlier version did not record their problem; a run "
            "that needs them records it, and buys nothing",
            file=sys.stderr,
        )


def _import(ledger: Ledger, file: Path) -> None:
    """Import an export and print what happened to its rows; existing answers are not changed."""
    taken = ledger_io.take_in(ledger, file)
    print(f"{taken['new']} answers imported, {taken['old']} were there")
    if other := taken["other"]:
        print(f"{other} exist with another text, which is kept", file=sys.stderr)


def _spend(ledger: Ledger) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("model", "endpoint", "command", "answers", "calls", "failed", "unknown", "USD")
    rows = ledger_io.spending(ledger)
    for row in rows:
        counts = (row.answers, row.calls, row.failed, row.unknown)
        names = (escape(printable(name)) for name in (row.model, row.endpoint, row.command))
        table.add_row(*names, *map(str, counts), _money(row))
    console = Console()
    Console(width=None if console.is_terminal else 200).print(table)
    print(f"in all {dollars(sum(row.micro_usd or 0 for row in rows))}")


def _money(row: ledger_io.Spending) -> str:
    """The sum as text; calls without a price are named, not counted as free."""
    known = "" if row.micro_usd is None else dollars(row.micro_usd)
    unpriced = f"{row.unpriced} without a price" if row.unpriced else ""
    return ", ".join(part for part in (known, unpriced) if part)
