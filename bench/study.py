"""How often the page of the study claims what is not so, and how often it sees what is.

    python -m bench.study              500 simulated studies in which no claim is true
    python -m bench.study --power      one true difference, all other tests not run

The plan is study/study.yaml; how results are made up: tests/planted_study.py. A claim is a test
that is seen or opposite. In a null study each problem is as easy for every arm, row, path and seed,
so that it says nothing of students that differ by their seed alone.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from mdexp.grading.statistics import wilson
from mdexp.studies.evidence import describe_test, judged_tests, smallest_visible
from mdexp.studies.plan import PairedTest, Study, read_plan
from tests.planted_study import null_records, planted_pair

FOLDER = Path(__file__).parents[1] / "study"
TIMES = (0.5, 1.0, 1.5)  # the smallest visible difference


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--power", action="store_true")
    given = parser.parse_args()
    study = read_plan(FOLDER)
    (power if given.power else nulls)(study, given.studies, given.seed)


def nulls(study: Study, number: int, seed: int) -> None:
    claims: Counter[str] = Counter()
    wrong = 0
    for k in range(number):
        judged = judged_tests(study, null_records(study, np.random.default_rng([seed, k])))
        made = [t for t in judged if t.verdict in ("seen", "opposite")]
        claims.update(f"{describe_test(t.test)}: {t.verdict}" for t in made)
        wrong += bool(made)
        if (k + 1) % 50 == 0:
            print(f"{k + 1} studies: a false claim in {rate(wrong, k + 1)}", flush=True)
    print(f"{len(judged)} tests a study; a false claim in {rate(wrong, number)}")
    for claim, times in claims.most_common():
        print(f"  {times} {claim}")


def power(study: Study, number: int, seed: int) -> None:
    """Of each distinct paired test of two rows; one seed of each arm."""
    done = set()
    for _, test in study.tests():
        if not isinstance(test, PairedTest) or not (test.first.row and test.second.row):
            continue
        n = study.problems[study.dataset(test.first)]
        smallest = smallest_visible(study, test)
        if (n, test.discordant) in done or smallest is None:
            continue
        done.add((n, test.discordant))
        for times in TIMES:
            difference = min(times * smallest, test.discordant)
            seen = Counter(
                next(
                    t.verdict
                    for t in judged_tests(
                        study,
                        planted_pair(study, test, difference, np.random.default_rng([seed, k])),
                    )
                    if t.test is test
                )
                for k in range(number)
            )
            print(
                f"n = {n}, {test.discordant:.0%} alone solved by one, true difference "
                f"{100 * difference:.1f} points ({times:g} x smallest visible): "
                f"seen in {rate(seen['seen'], number)}, opposite in {seen['opposite']}",
                flush=True,
            )


def rate(number: int, of: int) -> str:
    low, high = wilson(number, of)
    return f"{number} of {of} ({100 * number / of:.1f} %, {100 * low:.1f} to {100 * high:.1f})"


if __name__ == "__main__":
    main()
