"""Tell which texts suit an untrained student: `python -m mdexp.suit [RUN | key=value ...]`.

Takes the overrides of `python -m mdexp.run`, or the folder of a run, whose settings it takes. Runs
the stages up to the training examples, unless the store has them (teacher=openai is asked what the
ledger lacks), and lets the student read what it would be trained to write. Prints a row for each
thought and file of teacher=replay (each thought of another teacher), all over the same training
problems, those for which every row has a verified text: tokens, negative log-likelihood (NLL) a
token and a text, and rank-surprisal ratio (RSR, arXiv 2601.14249). Exit codes: 0, 1 (the sandbox is
broken), 2 (the command line or a file), 130 and 143 (signals).
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from mdexp.commands.exit_codes import as_exit_code
from mdexp.commands.suit_rows import Config, SuitTable, by_source, suited
from mdexp.config.composition import single_run
from mdexp.store.files import plain_data
from mdexp.store.run_folder import run_manifest

if TYPE_CHECKING:
    from mdexp.grading.suitability import RatioEstimate

HEADINGS = ("row", "texts", "tokens", "NLL/token", "NLL/text", "RSR", "RSR - row 1")
NOTE = (
    "{used} training problems{chosen}, the same in each row. Below a figure: BCa interval over "
    "problems, 95 %. NLL in nats, of the untrained student in float32. RSR: mean rank, at most "
    "100, divided by mean NLL; a lower one is claimed to suit better."
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m mdexp.suit",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", nargs="*", metavar="RUN | key=value")
    parser.add_argument(
        "--problems",
        type=int,
        default=200,
        metavar="N",
        help="read the texts of at most N problems, chosen by a hash of their ids (%(default)s)",
    )
    parser.add_argument("--config-dir", metavar="FOLDER", help="your own conf folder")
    parser.add_argument("--json", action="store_true", help="print one object per row")
    given = parser.parse_intermixed_args(argv)
    if given.problems < 1:
        parser.error(f"--problems must be at least 1, got {given.problems}")
    return as_exit_code(lambda: _suit(given), refused=(ValueError,))


def _suit(given: argparse.Namespace) -> None:
    found = suited(by_source(_config(given)), given.problems)
    if given.json:
        numbers = {"num_problems": found.num_problems, "num_shared": found.num_shared}
        for row in found.rows:
            print(json.dumps(plain_data(row) | numbers))
    else:
        _show(found)


def _config(given: argparse.Namespace) -> Config:
    words = given.words
    if len(words) == 1 and "=" not in words[0]:
        settings: Config = run_manifest(Path(words[0]))["settings"]
        return settings
    return single_run(words, given.config_dir)[0]


def _show(found: SuitTable) -> None:
    console = Console()
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for heading in HEADINGS:
        table.add_column(heading, justify="right")
    for number, row in enumerate(found.rows, start=1):
        console.print(f"row {number}: {row.thought} of {row.source}", soft_wrap=True)
        if row.left_out:
            reasons = ", ".join(f"{reason} {count}" for reason, count in row.left_out.items())
            console.print(f"       not trained on, of all its texts: {reasons}", soft_wrap=True)
        said = row.found
        figures = (
            _cell(said.tokens, ".1f"),
            _cell(said.nll_per_token, ".3f"),
            _cell(said.nll_per_text, ".1f"),
            _cell(said.rsr, ".3f"),
            _cell(said.rsr_difference, "+.3f", " to ") if said.rsr_difference else "",
        )
        table.add_row(str(number), str(said.num_texts), *figures)
    console.print()
    console.print(table)
    is_part = found.num_problems < found.num_shared
    chosen = f" of {found.num_shared}, chosen by a hash of their ids" if is_part else ""
    console.print(NOTE.format(used=found.num_problems, chosen=chosen))


def _cell(estimate: "RatioEstimate", digits: str, between: str = "-") -> str:
    ends = estimate.ci95
    below = between.join(f"{end:{digits}}" for end in ends) if ends else "no interval"
    return f"{estimate.value:{digits}}\n[dim]{below}[/]"
