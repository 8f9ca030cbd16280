"""What the paths of one run cost, whichever commands bought them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from mdexp.ports import Teacher, Thought
from mdexp.records import Problem
from mdexp.teacher.asking import wanted_samples
from mdexp.teacher.ledger import Ledger
from mdexp.teacher.openai import OpenAITeacher

# A reply that does not count its tokens is charged with the worst that its call can cost.
_PAID = """
    SELECT coalesce(sum(price_micro_usd), 0),
    coalesce(sum(price_micro_usd) FILTER (WHERE price_micro_usd = worst_micro_usd), 0),
    count(*) FILTER (WHERE price_micro_usd IS NULL)
    FROM calls WHERE id IN (
        SELECT call FROM samples JOIN requests ON requests.id = samples.request
        JOIN json_each(?) AS wanted ON wanted.key = identity
        WHERE text IS NOT NULL AND sample < wanted.value)
"""


def paid(
    teacher: Teacher, problems: Sequence[Problem], thoughts: Mapping[str, Thought], folder: Path
) -> dict[str, int] | None:
    """For the calls that gave the paths, in millionths of a dollar; of it `at_most`: worst cases.
    `unpriced` is the number of calls without a price. None for a teacher that buys nothing through
    the ledger."""
    if not isinstance(teacher, OpenAITeacher):
        return None
    requests = teacher.asking().requests(problems, thoughts)
    wanted = wanted_samples(requests.values(), teacher.num_paths)
    numbers = json.dumps({request.identity: number for request, number in wanted.items()})
    with Ledger(folder) as ledger:
        row = ledger.db.execute(_PAID, (numbers,)).fetchone()
    return dict(zip(("micro_usd", "at_most", "unpriced"), row, strict=True))
