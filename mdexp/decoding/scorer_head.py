"""The head that a run's scorer left: a file of the run folder."""

from pathlib import Path

from mdexp.records import LinearHead
from mdexp.store.files import read_json

HEAD = "scorer.json"


def read_head(file: Path) -> LinearHead:
    fields = read_json(file)
    return LinearHead(**fields | {"weights": tuple(fields["weights"])})
