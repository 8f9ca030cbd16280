"""Faults of a purchase: how many were tried, survived, and what was lost.

    python -m bench.faults [number of cases]

Disk, network and process fail at a place that the case's number draws (tests/faults). Survived is
a case after whose repair a rerun has the answers of an undisturbed run, with none bought twice that
could be had, and with no charge that the ledger does not count. Lost are answers that were paid for
and came to a process that died, or on a line that was cut.
"""

import logging
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.faults.teacher_faults import NUM_ANSWERS, case_of, content, flaws, survive
from tests.loopback import LoopbackServer

NUM_CASES = 360


def main(number: int) -> None:
    """Print counts by mode and fault, and each case that was not survived."""
    logging.disable(logging.CRITICAL)
    counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for seed in range(number):
        case = case_of(seed)
        with LoopbackServer(answer=content) as server, tempfile.TemporaryDirectory() as folder:
            outcome = survive(case, server, Path(folder))
        found = flaws(case, outcome)
        if found:
            print(f"{case}: {', '.join(found)}")
        count = counts[case.mode, case.fault]
        for place, more in enumerate((1, not found, outcome.bought - NUM_ANSWERS)):
            count[place] += more
    print(f"{'mode':<7} {'fault':<16} {'tried':>6} {'survived':>9} {'answers lost':>13}")
    for (mode, fault), (tried, survived, lost) in sorted(counts.items()):
        print(f"{mode:<7} {fault:<16} {tried:>6} {survived:>9} {lost:>13}")
    tried, survived, lost = (sum(column) for column in zip(*counts.values(), strict=True))
    print(f"{'in all':<24} {tried:>6} {survived:>9} {lost:>13}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else NUM_CASES)
