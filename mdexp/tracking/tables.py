"""The tables that a tracker shows of a run and of a sweep."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

FILE = "generations.jsonl"
COLUMNS = (
    *("dataset", "split", "phase", "thought", "sample"),
    *("problem_id", "text", "answer", "status", "correct"),
)
CURVE_COLUMNS = ("dataset", "key", "value", "line", "accuracy", "low", "high")


def generation_rows(folder: Path, most: int, tracker: str) -> list[list[Any]]:
    """The first `most` generations of a run's folder, by COLUMNS; more than that is a warning."""
    file = folder / FILE
    if not file.is_file():
        return []
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]
    if len(rows) > most:
        log.warning("%s gets %d of %d generations; all are in %s", tracker, most, len(rows), file)
    # A column has one type in W&B, and answers may be numbers or words.
    return [
        [str(row[name]) if name == "answer" else row[name] for name in COLUMNS]
        for row in rows[:most]
    ]


def markdown(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table in Markdown, a row a line; texts are code, so that none is taken for markup."""
    lines = [columns, ["---"] * len(columns), *([_cell(one) for one in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Any) -> str:
    text = "" if value is None else f"{value:.10g}" if isinstance(value, float) else str(value)
    shown = " ⏎ ".join(text.splitlines()).replace("|", "\N{BROKEN BAR}").replace("`", "'")
    return f"`{shown}`" if shown.strip() else ""
