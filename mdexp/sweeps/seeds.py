"""`seeds=N`: the same run with N seeds, as a sweep over `seed`, and the tables that pool them."""

from collections.abc import Sequence
from dataclasses import dataclass

from mdexp.sweeps.sweep_plan import SweepError

SEEDS = "seeds="
SEED = "seed="
MULTIRUN = ("-m", "--multirun")
NO_GRID = ("sweep=optuna", "hydra/sweeper=", "hydra.sweeper.")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedMean:
    """The accuracy of one way to answer, as the mean of several seeds. `ci95` is from the bootstrap
    over problems and seeds (grading/clusters.py)."""

    overrides: str  # of the jobs that differ only in their seed
    dataset: str
    way: str
    n: int  # problems
    seeds: tuple[int, ...]
    accuracies: tuple[float, ...]  # of each seed
    mean: float
    ci95: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedDifference:
    """The accuracy of B minus that of A, each the mean of its seeds. `p` is from the exact
    sign-flip test with problems as clusters; `holm` is corrected for all differences of the
    table."""

    dataset: str
    a: str
    b: str
    difference: float
    ci95: tuple[float, float]
    p: float
    holm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedTables:
    """The tables of jobs that differ only in their seed; `note` says what could not be compared."""

    means: tuple[SeedMean, ...] = ()
    differences: tuple[SeedDifference, ...] = ()
    note: str = ""


def seeded(arguments: Sequence[str]) -> list[str]:
    """Rewrite a command line with `seeds=N` as a sweep over N seeds from `seed=` (0) on; others are
    unchanged."""
    words = [word for word in arguments if word.startswith(SEEDS)]
    if not words:
        return list(arguments)
    number = words[-1].removeprefix(SEEDS)
    if not number.isdecimal() or int(number) < 1:
        raise SweepError(f"{words[-1]}: expected a whole number of seeds, from 1")
    firsts = [word.removeprefix(SEED) for word in arguments if word.startswith(SEED)]
    first = firsts[-1] if firsts else "0"
    if not first.isdecimal():
        raise SweepError(
            f"seed={first}: beside {words[-1]} it is the first of the seeds, one whole number"
        )
    if searches := [word for word in arguments if word.startswith(NO_GRID)]:
        raise SweepError(
            f"{words[-1]}: {searches[0]} would search among the seeds; give a grid, as in "
            "-m lambda=0,0.5 seeds=3"
        )
    rest = [word for word in arguments if not word.startswith((SEEDS, SEED))]
    flag = [] if set(MULTIRUN) & set(rest) else [MULTIRUN[0]]
    last = int(first) + int(number)
    return [*flag, *rest, SEED + ",".join(map(str, range(int(first), last)))]


def print_seeds(seeds: SeedTables) -> None:
    """Print a line for each mean, with its 95 % interval over problems and seeds."""
    for row in seeds.means:
        each = ", ".join(f"{100 * value:.1f}" for value in row.accuracies)
        name = " ".join(part for part in (row.dataset, row.way, row.overrides) if part)
        low, high = row.ci95
        print(
            f"{name}: {100 * row.mean:.1f} % [{100 * low:.1f}, {100 * high:.1f}] "
            f"over {len(row.seeds)} seeds ({each})"
        )
    if seeds.note:
        print(f"seeds: {seeds.note}")
