"""Takes a part of a dataset that does not depend on the order of its files.

Items are ranked by a hash of seed and id. The first n of them are among the first n+1, so that a
larger limit only adds items.
"""

import hashlib
from collections.abc import Sequence

from mdexp.records import Problem


def first_by_hash(problems: Sequence[Problem], limit: int | None, seed: int = 0) -> list[Problem]:
    """The `limit` problems with the lowest hashes, in the given order; all of them if there is no
    limit."""
    if limit is None or limit >= len(problems):
        return list(problems)
    ranked = sorted(range(len(problems)), key=lambda index: _rank(seed, problems[index].id))
    return [problems[index] for index in sorted(ranked[:limit])]


def _rank(seed: int, identifier: str) -> bytes:
    return hashlib.sha256(f"{seed}:{identifier}".encode()).digest()
