"""Names the sets of problems that the analysis counts; the page links each count to its set."""

from collections.abc import Iterator

from mdexp.grading.analysis import Analyses


def solved_set(dataset: str, phase: str, solvers: str, by: str) -> str:
    """The name of the set that exactly these thoughts solve, `by` greedy path or own vote."""
    return f"{dataset}, {phase}: {solvers}, by {by}"


def disputed_set(dataset: str, phase: str, thought: str, grader: str) -> str:
    """The name of the set on whose greedy paths a grader and the run's grader differ."""
    return f"{dataset}, {phase}: {thought} in dispute under {grader}"


def problem_sets(analysis: Analyses) -> dict[str, list[str]]:
    """The ids of the problems of each non-empty set."""
    return {name: ids for name, ids in _all(analysis) if ids}


def _all(analysis: Analyses) -> Iterator[tuple[str, list[str]]]:
    for dataset, phases in analysis.items():
        for phase, found in phases.items():
            for solvers, cell in found["solved_by"].items():
                yield solved_set(dataset, phase, solvers, "greedy path"), cell["ids"]
            for solvers, cell in found["solved_by_votes"].items():
                yield solved_set(dataset, phase, solvers, "own vote"), cell["ids"]
            for thought, graders in found["graders"].items():
                for grader, disputed in graders.items():
                    yield disputed_set(dataset, phase, thought, grader), disputed["ids"]
