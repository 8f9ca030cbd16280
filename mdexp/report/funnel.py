"""How many teacher paths became lessons and examples, and where the others went."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TypedDict

from mdexp.records import IN_NO_LESSON, Example, Lesson, Path, Rejection, VerifiedPath


class FunnelRow(TypedDict):
    """Counts of one thought; returned = verified + rejected, lessons = used ones + unused."""

    thought: str
    teachers: list[str]  # the models that wrote the paths
    asked: int
    returned: int
    verified: int
    lessons: int
    examples: int
    rejected: dict[str, int]  # by reason
    unused: dict[str, int]  # lessons that do not fit, by reason
    left_over: dict[str, int]  # verified paths of which there is no lesson, by reason


def funnel(
    asked: int,
    sources: Mapping[str, Collection[str]],
    paths: Sequence[Path],
    verified: Sequence[VerifiedPath],
    rejected: Sequence[Rejection],
    lessons: Sequence[Lesson],
    examples: Sequence[Example],
    unused: Sequence[Rejection],
) -> list[FunnelRow]:
    """One row per thought; nothing may be lost between two columns. `asked` is the number of paths
    of one thought; `sources` names, for each thought of the student, those of the teacher that its
    lessons are made of."""
    left_over = [one for one in unused if one.reason == IN_NO_LESSON]
    unfit = [one for one in unused if one.reason != IN_NO_LESSON]
    rows = []
    for thought, made_of in sources.items():
        returned = [path for path in paths if path.thought in made_of]
        ours = [example for example in examples if example.thought == thought]
        row = FunnelRow(
            thought=thought,
            teachers=list(dict.fromkeys(path.model for path in returned)),
            asked=asked * len(made_of),
            returned=len(returned),
            verified=sum(path.thought in made_of for path in verified),
            lessons=sum(lesson.thought == thought for lesson in lessons),
            examples=len(ours),
            rejected=_reasons(rejected, made_of),
            unused=_reasons(unfit, [thought]),
            left_over=_reasons(left_over, made_of),
        )
        used = len({(example.problem_id, example.sample) for example in ours})
        assert row["returned"] == row["verified"] + sum(row["rejected"].values()), row
        assert row["lessons"] == used + sum(row["unused"].values()), row
        rows.append(row)
    return rows


def _reasons(dropped: Sequence[Rejection], thoughts: Collection[str]) -> dict[str, int]:
    return dict(Counter(drop.reason for drop in dropped if drop.thought in thoughts).most_common())
