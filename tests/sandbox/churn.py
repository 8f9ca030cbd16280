"""Many programs through one sandbox, and what that leaves behind.

python -m tests.sandbox.churn 100000

prints one JSON object: programs, seconds, and open descriptors, zombies and MiB of our process and
of all processes below it, after half of the programs and at the end, both at rest.
"""

import itertools
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from mdexp.sandbox.executor import Sandbox
from tests.sandbox.processes import descendants, resident_mib

# Of a hundred: what Monty answers, what only CPython does, and what neither does.
MIX = (
    *["x = {n}\nans = x * 2 + 1"] * 60,
    *["def solution():\n    return sum(range({n} % 50))"] * 20,
    *["import statistics\nans = statistics.mean([1, 2, {n}])"] * 6,
    *["import sympy\nans = sympy.Integer({n}) + 1"] * 4,
    *["ans = 1 / (0 * {n})"] * 3,
    *["print('x' * {n} * 10)"] * 2,
    *["import os\nos.fork()  # {n}", "open('/etc/passwd')  # {n}", "x = [{n}] * 10**10"],
    *["import os\nos._exit({n} % 7)", "import os\nos.close(3)  # {n}"],
)
ENDLESS_EVERY = 500


def churn(num_programs: int) -> dict[str, object]:
    """Run so many programs; give what was seen of the machine."""
    programs = _programs(num_programs)
    start = time.perf_counter()
    with Sandbox(timeout_s=0.2, memory_mib=64, output_kib=4, workers=2) as sandbox:
        # Pools, caches and workers have filled by then; amid the work other processes are there.
        half = itertools.islice(programs, num_programs // 2)
        statuses = [result.status for result in sandbox.stream(half)]
        early = _footprint()
        statuses += [result.status for result in sandbox.stream(programs)]
        late = _footprint()
    return {
        "programs": len(statuses),
        "ok": statuses.count("ok"),
        "seconds": round(time.perf_counter() - start, 1),
        "early": early,
        "late": late,
        "left": len(descendants()),
    }


def _programs(number: int) -> Iterator[str]:
    for n in range(number):
        text = MIX[n % len(MIX)].replace("{n}", str(n))
        yield f"while {n} >= 0: pass" if n % ENDLESS_EVERY == ENDLESS_EVERY - 1 else text


def _footprint() -> dict[str, float]:
    below = descendants()
    return {
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "zombies": _num_lasting_zombies(),
        "our_mib": round(resident_mib(os.getpid()), 1),
        "their_mib": round(sum(_resident_or_none(pid) for pid in below), 1),
        "processes": len(below),
    }


def _num_lasting_zombies() -> int:
    """Processes that nobody reaps: what has just ended is no zombie yet."""
    lasting = set(descendants())
    for _ in range(10):
        lasting &= {pid for pid, state in descendants().items() if state == "Z"}
        time.sleep(0.02)
    return len(lasting)


def _resident_or_none(pid: int) -> float:
    try:
        return resident_mib(pid)
    except (OSError, ValueError):  # it has ended meanwhile
        return 0.0


if __name__ == "__main__":
    print(json.dumps(churn(int(sys.argv[1]))))
