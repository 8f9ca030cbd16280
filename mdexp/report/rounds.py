"""Shows how a student changed from round to round: its own paths, its targets, its scores."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from mdexp.records import VALIDATION
from mdexp.report.charts import Point, line_chart
from mdexp.store.files import read_json
from mdexp.store.run_folder import MANIFEST, run_file

FILE = "rounds.json"


class Scores(TypedDict):
    """The scores of one thought, or of the mix, on one test set after a round, as shares."""

    dataset: str
    way: str
    greedy: float | None  # None for the mix
    greedy_ci95: list[float] | None  # Wilson
    paths: int  # k of the next two fields; 0 if too few paths were sampled
    majority: float | None
    majority_ci95: list[float] | None  # BCa over problems
    passed: float | None  # pass@k


class RoundRow(TypedDict):
    """One round. Its own paths about training problems were written by the student of the round
    before."""

    round: int
    own_paths: int
    own_right: int
    own_distinct: int  # distinct right paths, by their equations
    own_tokens: int
    own_solved: int  # training problems with an own right path
    chosen_own: int
    targets: int  # targets trained on
    test_tokens: int  # tokens written about validation and test problems
    scores: list[Scores]


def round_rows(folders: Sequence[Path]) -> list[RoundRow]:
    """A row for each round's run folder, in order."""
    return [_row(number, folder) for number, folder in enumerate(folders, start=1)]


def round_chart(rows: Sequence[RoundRow], dataset: str, classes: Mapping[str, str]) -> str:
    """A chart of greedy accuracy, majority and pass@k of each thought over the rounds, in
    percent."""
    lines: dict[str, list[Point]] = {}
    kinds: dict[str, str] = {}
    for row in rows:
        for scores in row["scores"]:
            if scores["dataset"] != dataset:
                continue
            k, way = scores["paths"], scores["way"]
            values = {
                f"{way} greedy": scores["greedy"],
                f"{way} maj@{k}": scores["majority"],
                f"{way} pass@{k}": scores["passed"],
            }
            for name, value in values.items():
                if value is not None:
                    lines.setdefault(name, []).append((float(row["round"]), 100 * value))
                    kinds[name] = classes.get(way, "series-0")
    return line_chart(lines, kinds, x_label="round", y_label="% right")


def _row(number: int, folder: Path) -> RoundRow:
    stages = {stage["name"]: stage["counts"] for stage in read_json(folder / MANIFEST)["stages"]}
    own, chosen = stages.get("own", {}), stages.get("choose", {})
    return RoundRow(
        round=number,
        own_paths=chosen.get("own paths", 0),
        own_right=chosen.get("own right", 0),
        own_distinct=chosen.get("own right, distinct by equations", 0),
        own_tokens=own.get("tokens", 0),
        own_solved=chosen.get("problems with an own right path", 0),
        chosen_own=chosen.get("chosen own", 0),
        targets=stages.get("examples", {}).get("examples", 0),
        test_tokens=stages.get("after", {}).get("tokens", 0),
        scores=_scores(folder),
    )


def _scores(folder: Path) -> list[Scores]:
    metrics = read_json(run_file(folder, "metrics.json"))
    analysis = read_json(run_file(folder, "analysis.json"))
    found = []
    for dataset, phases in metrics.items():
        if dataset.endswith(VALIDATION) or "after" not in phases:
            continue
        curves = (analysis[dataset]["after"]["curves"] or {"points": {}})["points"]
        greedy = {way: row for way, row in phases["after"].items() if row["rule"] == "greedy"}
        for way in dict.fromkeys([*greedy, *curves]):
            found.append(_of_way(dataset, way, greedy.get(way), curves.get(way, [])))
    return found


def _of_way(
    dataset: str, way: str, greedy: Mapping[str, Any] | None, points: Sequence[Mapping[str, Any]]
) -> Scores:
    last = points[-1] if points else None
    return Scores(
        dataset=dataset,
        way=way,
        greedy=greedy["accuracy"] if greedy else None,
        greedy_ci95=greedy["ci95"] if greedy else None,
        paths=last["paths"] if last else 0,
        majority=last["accuracy"] if last else None,
        majority_ci95=last["ci95"] if last else None,
        passed=last["pass_at"] if last else None,
    )
