"""No logger beside the CSV files that every run has."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from mdexp.ports import LoggedRun, RunIdentity


class CsvLogger(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def start(self, run: RunIdentity) -> LoggedRun | None:
        return None

    def log_sweep(self, folder: Path, page: Path, curves: Sequence[Sequence[Any]]) -> None:
        """The sweep's own results.csv has it all."""
