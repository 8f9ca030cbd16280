"""The sandbox against what else a program can be run by: programs a second, latency, same answers.

    python -m bench.execute [--count 2000] [--rounds 1] [--workers 2] [--unprotected]

Plain programs are the teachers' in the folder MDEXP_DATA, or else generated. All ways of running
them take turns, the slow ones on every n-th program; figures are medians over the rounds. Where
bubblewrap is installed the peers run within it. Where it is not, they get generated programs
alone, unless --unprotected says that a model's text may run on this machine as it is.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.cpu_clock import cpu_seconds
from bench.peers import BUBBLEWRAP, Outcome
from bench.programs import PLAIN, mix, programs
from mdexp.records import Expected, ProgramResult
from mdexp.sandbox.executor import Sandbox
from mdexp.thoughts.pot import ProgramOfThought

TIMEOUT_S = 0.1  # as conf/sandbox/default.yaml has it
JUDGE_S = 10 * TIMEOUT_S
LATENCIES = 200  # programs that are run alone
SAMPLES = {"exec": 2000, "guarded": 200, "fresh": 40}  # programs of a round, at most
# Start what starts late: Monty, both kinds of CPython and the slow one, on each worker.
_BUSY = "try: ans = sum(range(10**6))\nexcept: pass"
_STARTING = [
    f"{head}# {number}\n{body}"
    for head, body in (("import numpy\nnumpy\n", _BUSY), ("", _BUSY), ("", "while True: pass"))
    for number in range(8)
]
STARTING = [*programs(PLAIN, 1024, seed=1), *_STARTING]


@dataclass(frozen=True, slots=True)
class Run:
    rate: float  # programs a second
    seconds: list[float]  # of each program
    outcomes: list[Outcome]
    cpu_seconds: float  # of all programs, in all processes


@dataclass(frozen=True, slots=True)
class Peers:
    """How the peers may be started here."""

    wrapped: bool
    workers: int

    def run(
        self, kind: str, chosen: Sequence[str], processes: int, timeout_s: float = TIMEOUT_S
    ) -> Run:
        """The programs dealt to some processes of a kind, which start together."""
        # A sandbox in a sandbox is slower than it has to be.
        prefix = BUBBLEWRAP if self.wrapped and kind != "fresh" else ()
        command = [*prefix, sys.executable, "-m", "bench.peers", kind, str(timeout_s)]
        pipe = subprocess.PIPE
        started = [
            subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe) for _ in range(processes)
        ]
        for number, process in enumerate(started):
            _tell(process, json.dumps(chosen[number::processes]))
        for process in started:
            if process.stdout is None or process.stdout.readline() != "ready\n":
                raise RuntimeError(f"{' '.join(command)} did not start")
        for process in started:
            _tell(process, "go")
        answers = [json.loads(process.communicate()[0]) for process in started]
        rate = len(chosen) / max(sum(answer["seconds"]) for answer in answers)
        seconds = [0.0] * len(chosen)
        outcomes: list[Outcome] = [[]] * len(chosen)
        for number, answer in enumerate(answers):
            seconds[number::processes] = answer["seconds"]
            outcomes[number::processes] = answer["outcomes"]
        return Run(rate, seconds, outcomes, sum(answer["cpu_seconds"] for answer in answers))


def _tell(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None, "its input is a pipe"
    process.stdin.write(line + "\n")
    process.stdin.flush()


def teachers_programs(folder: Path) -> list[str]:
    """All programs of the teachers' files, each once, as the thought `pot` reads them."""
    thought = ProgramOfThought(instruction="", cue="")
    rows = [
        json.loads(line)
        for file in sorted(folder.glob("teacher/*-pot.jsonl"))
        for line in file.open(encoding="utf-8")
    ]
    read = [thought.read(row["completion"], Expected()).program for row in rows]
    distinct = list(dict.fromkeys(filter(None, read)))
    print(f"{len(rows)} rows of teachers, {len(distinct)} different programs")
    random.Random(0).shuffle(distinct)
    return distinct


def ours(chosen: Sequence[str], workers: int) -> Run:
    with _sandbox(workers) as sandbox:
        sandbox.run(STARTING)
        started, before = time.perf_counter(), cpu_seconds()
        results = sandbox.run(chosen)
        rate = len(chosen) / (time.perf_counter() - started)
        spent = cpu_seconds() - before
    return Run(rate, [result.seconds for result in results], [outcome(r) for r in results], spent)


def alone(chosen: Sequence[str], workers: int) -> list[float]:
    """Seconds of each program when nothing else runs, from asking to having the result."""
    seconds = []
    with _sandbox(workers) as sandbox:
        sandbox.run(STARTING)
        for program in chosen:
            started = time.perf_counter()
            sandbox.run([program])
            seconds.append(time.perf_counter() - started)
    return seconds


def outcome(result: ProgramResult) -> Outcome:
    if result.status == "ok":
        return [type(result.answer).__name__, result.answer]
    return ["fails", result.error.partition(":")[0] or result.status]


def compare(title: str, chosen: Sequence[str], peers: Peers, rounds: int) -> None:
    """Print the table of one set of programs."""
    workers = peers.workers
    lanes: dict[str, Callable[[], Run]] = {"mdexp": lambda: ours(chosen, workers)}
    for kind, processes in (
        ("exec", 1),
        ("exec", workers),
        ("guarded", workers),
        ("fresh", workers),
    ):
        if kind == "fresh" and not shutil.which("bwrap"):
            print("bubblewrap is not installed: nothing is run in fresh interpreters")
            continue
        part = sample(chosen, SAMPLES[kind])
        lanes[f"{kind} x {processes}"] = partial(peers.run, kind, part, processes)
    runs: dict[str, list[Run]] = {name: [] for name in lanes}
    for _ in range(rounds):
        for name, lane in lanes.items():
            runs[name].append(lane())
    rates = {name: statistics.median(run.rate for run in done) for name, done in runs.items()}
    print(f"\n{title}: {len(chosen)} programs, median of {rounds} rounds")
    print(f"{'':14}{'programs/s':>12}{'mdexp is':>10}{'p50 ms':>9}{'p99 ms':>9}{'CPU ms':>9}")
    for name, rate in rates.items():
        seconds = [second for run in runs[name] for second in run.seconds]
        if name == "mdexp":
            seconds = alone(sample(chosen, LATENCIES), workers)
        p50, p99 = (1000 * cut for cut in percentiles(seconds))
        cpu = 1000 * statistics.median(run.cpu_seconds / len(run.outcomes) for run in runs[name])
        print(f"{name:14}{rate:12.0f}{rates['mdexp'] / rate:9.2f}x{p50:9.2f}{p99:9.1f}{cpu:9.3f}")
    limit(runs, workers)
    # Ample time: what a busy machine makes late would look like a difference.
    cpython = peers.run("forked", chosen, workers, timeout_s=JUDGE_S).outcomes
    agreement(runs["mdexp"][0].outcomes, cpython, chosen)


def limit(runs: dict[str, list[Run]], workers: int) -> None:
    """Print what so many cores allow where nothing else runs on them and none is ever idle."""
    for name, whose in (("exec x 1", "these programs' own CPU time (exec)"), ("mdexp", "mdexp's")):
        rate = statistics.median(len(run.outcomes) / run.cpu_seconds for run in runs[name])
        print(f"limit: {whose} on {workers} cores: {workers * rate:.0f}/s")


def agreement(own: Sequence[Outcome], cpython: Sequence[Outcome], chosen: Sequence[str]) -> None:
    answered = [n for n, found in enumerate(cpython) if found[0] != "fails"]
    differing = [n for n in answered if own[n] != cpython[n]]
    invented = [n for n in range(len(own)) if cpython[n][0] == "fails" != own[n][0]]
    share = 100 * (1 - len(differing) / max(1, len(answered)))
    print(
        f"CPython answers {len(answered)}; mdexp gives the same answer to {share:.2f} % of them, "
        f"and answers {len(invented)} that CPython does not"
    )
    for n in (differing + invented)[:5]:
        print(f"  {own[n]} for CPython's {cpython[n]}: ...{chosen[n].strip()[-60:]!r}")


def growth(title: str, chosen: Sequence[str], workers: int, rounds: int) -> None:
    counts = range(1, workers + 1)
    rates: dict[int, list[float]] = {count: [] for count in counts}
    for count in list(counts) * rounds:
        rates[count].append(ours(chosen, count).rate)
    medians = {count: statistics.median(rates[count]) for count in counts}
    line = ", ".join(f"{n}: {rate:.0f}/s ({rate / medians[1]:.2f}x)" for n, rate in medians.items())
    print(f"{title} by workers  {line}")


def sample(chosen: Sequence[str], count: int) -> list[str]:
    return list(chosen[:: max(1, len(chosen) // count)][:count])


def percentiles(seconds: Sequence[float]) -> tuple[float, float]:
    cuts = statistics.quantiles(seconds, n=100)
    return cuts[49], cuts[98]


def _sandbox(workers: int) -> Sandbox:
    return Sandbox(
        timeout_s=TIMEOUT_S, memory_mib=64, output_kib=64, workers=workers, cpython="confined"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=2000, help="programs of the generated sets")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--unprotected", action="store_true", help="a model's text, without a wall")
    options = parser.parse_args()
    peers = Peers(wrapped=shutil.which("bwrap") is not None, workers=options.workers)
    plain = programs(PLAIN, options.count)
    sets = {"generated plain": plain}
    if (data := os.environ.get("MDEXP_DATA")) and (peers.wrapped or options.unprotected):
        sets["teachers' plain"] = plain = teachers_programs(Path(data))
    sets["mix"] = mix(plain, options.count)
    for title, chosen in sets.items():
        compare(title, chosen, peers, options.rounds)
        growth(title, chosen, options.workers, options.rounds)


if __name__ == "__main__":
    main()
