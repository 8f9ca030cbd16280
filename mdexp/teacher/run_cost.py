"""The cost of one run's paths, whichever commands bought them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from mdexp.ports import Executor, Teacher, Thought
from mdexp.records import Problem
from mdexp.teacher.asking import wanted_samples
from mdexp.teacher.ledger import Ledger
from mdexp.teacher.openai import OpenAITeacher
from mdexp.teacher.request import Answer
from mdexp.teacher.steps import Ask, ask_in_steps, owned, samples_wanted

# A reply without a count of its tokens is charged with the most that its call can cost.
_PAID = """
    SELECT coalesce(sum(price_micro_usd), 0),
    coalesce(sum(price_micro_usd) FILTER (WHERE price_micro_usd = worst_micro_usd), 0),
    count(*) FILTER (WHERE price_micro_usd IS NULL)
    FROM calls WHERE id IN (
        SELECT call FROM samples JOIN requests ON requests.id = samples.request
        JOIN json_each(?) AS wanted ON json_extract(wanted.value, '$[0]') = identity
        AND json_extract(wanted.value, '$[1]') = sample
        WHERE text IS NOT NULL)
"""


def paid(
    teacher: Teacher,
    problems: Sequence[Problem],
    thoughts: Mapping[str, Thought],
    folder: Path,
    executor: Executor,
) -> dict[str, int] | None:
    """The cost of the calls that gave the paths, in millionths of a dollar; `at_most` is the part
    that counts worst cases. `unpriced` is the number of calls without a price. None for a teacher
    that buys nothing through the ledger."""
    if not isinstance(teacher, OpenAITeacher):
        return None
    asking = teacher.asking()
    requests = asking.requests(problems, thoughts)
    first = wanted_samples(requests.values(), teacher.num_paths)
    with Ledger(folder) as ledger:
        later: list[Ask] = []

        def supply(asks: Sequence[Ask]) -> list[Answer | None]:
            later.extend(ask for ask in asks if ask.part)
            return owned(ledger, asks)

        ask_in_steps(asking, problems, thoughts, teacher.num_paths, supply, executor)
        wanted = {**first, **samples_wanted(later)}
        pairs = [(r.identity, sample) for r, samples in wanted.items() for sample in samples]
        row = ledger.db.execute(_PAID, (json.dumps(pairs),)).fetchone()
    return dict(zip(("micro_usd", "at_most", "unpriced"), row, strict=True))
