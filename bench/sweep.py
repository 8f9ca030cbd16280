"""What a sweep costs beside its training: `python -m bench.sweep [OVERRIDE ...]`.

A sweep of nine values of λ with the tiny student, in one process. Prints how often each stage was
run, which must be once for all that λ does not change, and each job's seconds beyond train and
generate: composing, judging, keys, links, scoring, report.
"""

import os
import statistics
import sys
import tempfile
from collections import Counter
from pathlib import Path

from mdexp.commands.run import main
from mdexp.store.files import read_json

POINTS = 9
LIMIT_S = 5.0
ONCE = ("prepare", "extract", "verify", "examples", "before")
PAID = ("train", "after", "before")
TINY = [
    "student=tiny_causal",
    "dataset.limit_train=60",
    "dataset.limit_test=20",
    "trainer.max_steps=5",
    "trainer.accelerator=cpu",
    "decoding.max_new_tokens=16",
    "decoding.num_validation=10",
    "logger=csv",
]


def bench(folder: Path, overrides: list[str]) -> int:
    os.environ["MDEXP_STORE"] = str(folder / "store")
    values = ",".join(str(number / (POINTS - 1)) for number in range(POINTS))
    sweep = ["-m", f"lambda={values}", f"hydra.sweep.dir={folder / 'sweep'}"]
    if code := main([*sweep, *TINY, *overrides]):
        return code
    jobs = [folder / "sweep" / str(number) for number in range(POINTS)]
    stages = [read_json(job / "run.json")["stages"] for job in jobs]
    ran = Counter(s["name"] for job in stages for s in job if s["state"] == "run")
    overhead = [
        read_json(job / "result.json")["seconds"]
        - sum(s["seconds"] for s in done if s["state"] == "run" and s["name"] in PAID)
        for job, done in zip(jobs, stages, strict=True)
    ]
    print("stages run:", ", ".join(f"{name} {times}" for name, times in ran.items()))
    later = overhead[1:]
    print(f"overhead of the first job {overhead[0]:.1f} s, which imports and prepares for all")
    print(f"of the others: median {statistics.median(later):.2f} s, most {max(later):.2f} s")
    repeated = {name: ran[name] for name in ONCE if ran[name] != 1}
    if repeated:
        print(f"not once: {repeated}")
    return int(bool(repeated) or max(later) > LIMIT_S)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        sys.exit(bench(Path(place), sys.argv[1:]))
