"""How many teacher paths became training examples, and where the others went."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypedDict

from mdexp.records import Example, Path, Rejection, VerifiedPath


class FunnelRow(TypedDict):
    """Counts of one thought; returned = verified + rejected, verified = examples + unused."""

    thought: str
    teachers: list[str]  # the models that wrote the paths
    asked: int
    returned: int
    verified: int
    examples: int
    rejected: dict[str, int]  # by reason
    unused: dict[str, int]  # by reason


def funnel(
    asked: Mapping[str, int],
    paths: Sequence[Path],
    verified: Sequence[VerifiedPath],
    rejected: Sequence[Rejection],
    examples: Sequence[Example],
    unused: Sequence[Rejection],
) -> list[FunnelRow]:
    """One row per thought, in the order of `asked`; nothing may be lost between two columns."""
    rows = []
    for thought, number in asked.items():
        returned = [path for path in paths if path.thought == thought]
        row = FunnelRow(
            thought=thought,
            teachers=list(dict.fromkeys(path.model for path in returned)),
            asked=number,
            returned=len(returned),
            verified=sum(path.thought == thought for path in verified),
            examples=sum(example.thought == thought for example in examples),
            rejected=_reasons(rejected, thought),
            unused=_reasons(unused, thought),
        )
        assert row["returned"] == row["verified"] + sum(row["rejected"].values()), row
        assert row["verified"] == row["examples"] + sum(row["unused"].values()), row
        rows.append(row)
    return rows


def _reasons(dropped: Sequence[Rejection], thought: str) -> dict[str, int]:
    return dict(Counter(drop.reason for drop in dropped if drop.thought == thought).most_common())
