"""Describes what a run cost (money, time, memory) and what its stages counted."""

from collections.abc import Iterator, Mapping
from typing import Any

from mdexp.ports.progress import duration
from mdexp.teacher.progress import dollars


def costs(run: Mapping[str, Any]) -> dict[str, list[str]]:
    """The counts of each stage, by the stage's name."""
    return {
        stage["name"]: list(_counted(stage.get("counts", {}))) for stage in run.get("stages", [])
    }


def spent(run: Mapping[str, Any]) -> dict[str, str]:
    """The teacher's price, time and memory; values that an older run.json lacks are left out."""
    parts = {}
    for stage in run.get("stages", []):
        if stage["name"] == "extract":
            parts["teacher's price"] = _price(stage.get("counts", {}))
    if stages := run.get("stages"):
        parts["time of all stages"] = duration(sum(stage["seconds"] for stage in stages))
    if "seconds" in run:
        parts["time of the last command"] = duration(run["seconds"])
    if "peak_memory_mib" in run:
        parts["its peak memory"] = f"{run['peak_memory_mib']:,} MiB"
    return parts


def _price(counts: Mapping[str, Any]) -> str:
    """The price of the calls that gave this run's paths, whichever run made them; "–" if the ledger
    has none."""
    if "paid" not in counts:
        return "not recorded"
    if counts["paid"] is None:
        return "–"
    paid = counts["paid"]
    parts = [dollars(paid["micro_usd"])]
    if paid["at_most"]:
        parts.append(
            f"of it {dollars(paid['at_most'])} at most: its replies did not count their tokens"
        )
    if paid["unpriced"]:
        parts.append(f"calls without a price: {paid['unpriced']:,}")
    return "; ".join(parts)


def _counted(counts: Mapping[str, Any], of: str = "") -> Iterator[str]:
    """Counts as text: `tokens 1,024`, `dropped (too_long: 2)`; for a thought's counts `cot shots
    3`."""
    for key, count in counts.items():
        name = key.replace("_", " ")
        match count:
            case bool() | str() | None:
                pass
            case int() | float():
                yield f"{of}{name} {count:,}"
            case list():
                yield f"{of}{name} {', '.join(map(str, count))}"
            case dict() if key == "paid":
                pass
            case dict() if all(isinstance(value, int | float) for value in count.values()):
                if count:
                    cases = ", ".join(f"{case}: {value:,}" for case, value in count.items())
                    yield f"{of}{name} ({cases})"
            case dict():
                yield from _counted(count, f"{of}{name} ")
