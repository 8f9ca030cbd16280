"""What decoding computed, how much of that was of use, and what could not share a prefix."""

import logging
from dataclasses import dataclass, field

log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Work:
    """A row-step is one token computed for one row of a batch; useful, if the row was open."""

    row_steps: int = 0
    useful: int = 0
    sharing: int = 0  # rows whose prompts were read and are held once a prefix
    unshared: dict[str, int] = field(default_factory=dict)  # rows, by why each has its own cache

    def count_unshared(self, rows: int, why: str) -> None:
        if why not in self.unshared:
            log.warning("prompts are read and held once a row: %s", why)
        self.unshared[why] = self.unshared.get(why, 0) + rows

    def counts(self) -> dict[str, float]:
        """For a stage's counts; the utilisation is None of nothing where a server did the work."""
        if not self.row_steps:
            return {}
        return {
            "row_steps": self.row_steps,
            "row_step_utilisation": round(self.useful / self.row_steps, 3),
            "rows_sharing_prefixes": self.sharing,
        } | {f"rows_with_their_own_cache ({why})": n for why, n in self.unshared.items()}
