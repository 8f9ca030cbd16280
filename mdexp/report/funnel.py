"""Counts how many teacher paths became lessons and examples, and why the others did not."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from itertools import groupby
from typing import TypedDict

from mdexp.records import IN_NO_LESSON, Example, Lesson, Path, Rejection, VerifiedPath

Pair = tuple[str, str]  # (thought, model or reason)


class FunnelRow(TypedDict):
    """The counts of one thought: returned = verified + rejected, lessons = used + unused."""

    thought: str
    teachers: list[str]  # the models that wrote the paths
    asked: int
    returned: int
    verified: int
    lessons: int
    examples: int
    rejected: dict[str, int]  # by reason
    unused: dict[str, int]  # lessons that do not fit, by reason
    left_over: dict[str, int]  # verified paths without a lesson, by reason


def funnel(
    asked: int,
    sources: Mapping[str, Collection[str]],
    paths: Iterable[Path],
    verified: Iterable[VerifiedPath],
    rejected: Iterable[Rejection],
    lessons: Iterable[Lesson],
    examples: Iterable[Example],
    unused: Iterable[Rejection],
) -> list[FunnelRow]:
    """One row per thought; the counts of neighbouring columns must add up. `asked` is the number of
    paths asked for per thought; `sources` maps each thought of the student to the teacher's
    thoughts that its lessons are made of. Each file is read once; the examples of a lesson are
    adjacent."""
    returned: Counter[Pair] = Counter((path.thought, path.model) for path in paths)
    kept = Counter(path.thought for path in verified)
    why_rejected = _reasons(rejected)
    taught = Counter(lesson.thought for lesson in lessons)
    num_examples, used = _by_lesson(examples)
    why_unused = _reasons(unused)
    left_over = {pair: n for pair, n in why_unused.items() if pair[1] == IN_NO_LESSON}
    unfit = {pair: n for pair, n in why_unused.items() if pair[1] != IN_NO_LESSON}
    rows = []
    for thought, made_of in sources.items():
        models = _of(returned, made_of)
        row = FunnelRow(
            thought=thought,
            teachers=list(models),
            asked=asked * len(made_of),
            returned=models.total(),
            verified=sum(kept[name] for name in set(made_of)),
            lessons=taught[thought],
            examples=num_examples[thought],
            rejected=dict(_of(why_rejected, made_of).most_common()),
            unused=dict(_of(unfit, [thought]).most_common()),
            left_over=dict(_of(left_over, made_of).most_common()),
        )
        assert row["returned"] == row["verified"] + sum(row["rejected"].values()), row
        assert row["lessons"] == used[thought] + sum(row["unused"].values()), row
        rows.append(row)
    return rows


def _reasons(dropped: Iterable[Rejection]) -> Counter[Pair]:
    return Counter((drop.thought, drop.reason) for drop in dropped)


def _by_lesson(examples: Iterable[Example]) -> tuple[Counter[str], Counter[str]]:
    """The number of examples of each thought, and of the lessons they belong to."""
    number, lessons = Counter[str](), Counter[str]()
    for (_, thought, _), rows in groupby(examples, lambda e: (e.problem_id, e.thought, e.sample)):
        number[thought] += sum(1 for _ in rows)
        lessons[thought] += 1
    return number, lessons


def _of(pairs: Mapping[Pair, int], thoughts: Collection[str]) -> Counter[str]:
    """The summed counts of some thoughts, in order of first occurrence."""
    found = Counter[str]()
    for (thought, name), number in pairs.items():
        if thought in thoughts:
            found[name] += number
    return found
