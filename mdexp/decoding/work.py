"""What decoding computed, and how much of that was of use."""

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class Work:
    """A row-step is one token computed for one row of a batch; useful, if the row was open."""

    row_steps: int = 0
    useful: int = 0

    def counts(self) -> dict[str, float]:
        """For a stage's counts; the utilisation is None of nothing where a server did the work."""
        if not self.row_steps:
            return {}
        return {
            "row_steps": self.row_steps,
            "row_step_utilisation": round(self.useful / self.row_steps, 3),
        }
