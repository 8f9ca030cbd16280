"""What the plan says of memory, beside what is measured; and a table for a 7 B student.

    python -m bench.memory --threads 1        SmolLM2's shape: planned, measured, and their ratio
    python -m bench.memory --table            CodeLlama-7B's shape on 1 x 24, 1 x 80, 8 x 80 GB

Measured is forward and backward of a micro-batch, with gradients of an earlier one, each case in a
separate process, on a CPU in float32: what torch's allocator had given away at most, and by how
much the process's resident memory grew (VmHWM), which holds the C library's gaps and
the profiler as well. The weights are random: they change no size.
"""

import argparse
import ctypes
import subprocess
import sys
import warnings
from itertools import accumulate, product
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile
from transformers import AutoModelForCausalLM, LlamaConfig

from mdexp.config.blocks import TrainerSettings
from mdexp.ports import Tuning
from mdexp.students.adapters import adapted
from mdexp.students.frozen import frozen_base
from mdexp.students.load import Student
from mdexp.training.checkpointing import checkpoint_activations
from mdexp.training.memory import (
    largest_micro_batch,
    micro_batch_peak,
    num_scored,
    shared_out,
    training_memory,
)

MIB, GB = 2**20, 1e9
TUNINGS: tuple[Tuning, ...] = ("full", "lora", "qlora")
SMOLLM2 = LlamaConfig(
    vocab_size=49152,
    hidden_size=576,
    intermediate_size=1536,
    num_hidden_layers=30,
    num_attention_heads=9,
    num_key_value_heads=3,
    tie_word_embeddings=True,
)
CODELLAMA_7B = LlamaConfig(
    vocab_size=32016,
    hidden_size=4096,
    intermediate_size=11008,
    num_hidden_layers=32,
    num_attention_heads=32,
    tie_word_embeddings=False,
)
PARTS = ("weights", "gradients", "optimizer", "activations")
# What the table calls it; devices, trainer.strategy, and the sizes that it may have to fit.
LAYOUTS: tuple[tuple[str, int, str, tuple[int, ...]], ...] = (
    ("peak on one", 1, "auto", (24, 80)),
    ("on each of 8, ddp", 8, "ddp", (80,)),
    ("on each of 8, fsdp", 8, "fsdp", (80,)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--case", nargs=3, metavar=("TUNING", "CHECKPOINTING", "LENGTH"))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(options.threads)
    if options.table:
        print_table()
    elif options.case:
        tuning, checkpointing, length = options.case
        print(*measured(tuning, checkpointing == "True", int(length)))
    else:
        print_ratios(options.threads)


def student(tuning: Tuning) -> Student:
    shared: dict[str, Any] = {"kind": "causal", "prompt": "plain", "path": None, "package": None}
    lora: dict[str, Any] = {
        "lora_rank": 16,
        "lora_alpha": 32,
        "lora_dropout": 0.0,
        "lora_targets": "all-linear",
    }
    return Student(**shared, **lora, repo="-", revision=None, tuning=tuning)


def trainer(length: int, **options: object) -> TrainerSettings:
    settings: dict[str, Any] = {
        "accelerator": "auto",
        "devices": 1,
        "strategy": "auto",
        "precision": "auto",
        "learning_rate": 1e-4,
        "weight_decay": 0.01,
        "step_problems": 8,
        "epochs": 3,
        "max_steps": None,
        "warmup": 0.0,
        "schedule": "linear",
        "clip_norm": 1.0,
        "max_tokens": length,
        "on_overlong": "drop",
        "micro_batch_tokens": 2 * length,
        "checkpoint_steps": 100,
        "layout": "tree",
    }
    return TrainerSettings(**settings | options)


def print_ratios(threads: int) -> None:
    print("tuning  checkpointing  length  planned MiB  allocated MiB  ratio  resident MiB  ratio")
    for tuning, again, length in product(TUNINGS, (False, True), (256, 512)):
        settings = trainer(length, activation_checkpointing=again)
        planned = training_memory(
            student(tuning), SMOLLM2, settings, precision="32-true", base_dtype="float32"
        ).activations
        case = ["--threads", str(threads), "--case", tuning, str(again), str(length)]
        ran = subprocess.run(
            [sys.executable, __file__, *case], check=True, capture_output=True, text=True
        )
        allocated, resided = map(int, ran.stdout.split()[-2:])
        print(
            f"{tuning:7} {again!s:14} {length:6} {planned / MIB:12.1f} "
            f"{allocated / MIB:14.1f} {planned / allocated:6.2f} "
            f"{resided / MIB:13.1f} {planned / resided:6.2f}",
            flush=True,
        )


def measured(tuning: Tuning, again: bool, length: int) -> tuple[int, int]:
    """Bytes that a micro-batch takes at its peak: of torch's allocator, and of the process."""
    one = student(tuning)
    model = AutoModelForCausalLM.from_config(SMOLLM2)
    tuned = adapted(model, one, frozen=frozen_base(one, "float32"))
    plain = (tuned if tuning == "full" else tuned.get_base_model()).train()
    if again:
        checkpoint_activations(plain)
    batch = largest_micro_batch(one, trainer(length))
    before = {}

    def begin() -> None:
        Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
        ctypes.CDLL(None).malloc_trim(0)  # what is free already would hide what is taken
        before["rss"] = resident("VmRSS")

    gradients = sum(p.nbytes for p in plain.parameters() if p.requires_grad)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        micro_batch_peak(plain, "causal", batch, num_scored(batch), "32-true", begin)
    resided = resident("VmHWM") - before["rss"]
    events = seen.profiler.kineto_results.events()
    sizes = [event.nbytes() for event in events if event.name() == "[memory]"]
    return max(accumulate(sizes)) - gradients, resided


def resident(what: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(what):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {what}")


def print_table() -> None:
    names = ("tuning", "checkpointing", *PARTS, *(name for name, *_ in LAYOUTS), "fits")
    print(f"| {' | '.join(names)} |\n|{'---|' * len(names)}")
    for tuning, again in product(TUNINGS, (False, True)):
        alone = training_memory(
            student(tuning),
            CODELLAMA_7B,
            trainer(512, activation_checkpointing=again, micro_batch_tokens=2048),
            precision="bf16-mixed",
            base_dtype="float32" if tuning == "full" else "bfloat16",
        )
        peaks, fits = [], []
        for _, devices, strategy, sizes in LAYOUTS:
            if (tuning, strategy) == ("qlora", "fsdp"):
                peaks.append("-")  # not offered
                continue
            peak = shared_out(alone, strategy, devices).peak
            peaks.append(f"{peak / GB:.1f}")
            fits += [
                f"{devices} x {size} {strategy}".removesuffix(" auto")
                for size in sizes
                if peak < size * GB
            ]
        parts = [f"{getattr(alone, part) / GB:.1f}" for part in PARTS]
        row = [tuning, "yes" if again else "no", *parts, *peaks, ", ".join(fits) or "none"]
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
