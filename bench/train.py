"""Training speed of the tree layout, beside separate sequences or beside TRL's SFTTrainer.

    python -m bench.train --student FOLDER --paths 1 --against separate
    python -m bench.train --student FOLDER --paths 5 --against pad4 pad8 pad16 pack1024 pack4096
    python -m bench.train --student FOLDER --memory

Real SVAMP problems with replayed teachers from the folder that MDEXP_DATA names, generated ones
without. Both sides train on the same whole optimiser steps, clipping and AdamW included, with a
learning rate next to 0, so that their losses can be compared. They take turns, after one for
warm-up on every shape; a figure is the median of turns. TRL has to be installed beside mdexp:
`padN` pads N sequences at a time, sorted by length; `packN` packs them into rows of N tokens.
Freed memory is kept for both sides, as our training does; TRL by itself does not.
On a busy machine `--threads 1 --cpu-time` tells more than a clock on the wall.
"""

import argparse
import logging
import statistics
import time
import warnings
from collections.abc import Callable, Sequence

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from bench.train_data import training_steps
from bench.train_sides import Side, Turn, ours, trl
from mdexp.records import Example
from mdexp.students.process_memory import keep_freed_memory

GEMM_TOKENS = 2048
GOALS = {1: 2.0, 5: 2.5}  # times TRL's target tokens a second, by paths of each thought
GEMM_GOAL = 0.6


def main() -> None:
    options = arguments()
    warnings.simplefilter("ignore")
    logging.disable(logging.INFO)
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    clock = time.process_time if options.cpu_time else time.perf_counter
    model = AutoModelForCausalLM.from_pretrained(options.student, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(options.student)
    steps = training_steps(tokenizer, options.paths, options.steps, options.problems)

    def side(name: str) -> Side:
        if name in ("tree", "separate"):
            pad_id, size = tokenizer.pad_token_id, options.micro_batch_tokens
            return ours(model, pad_id, name, size, clock, options.accelerator)
        packs, size = name.startswith("pack"), int(name.lstrip("padck"))
        return trl(model, tokenizer, packs, size, clock, options.accelerator)

    if options.memory:
        print_memory(side("tree")(steps))
        return
    names = ["tree", *options.against]
    turns = take_turns({name: side(name) for name in names}, steps, options.turns)
    targets = sum(len(example.target_ids) for step in steps for example in step)
    seconds = {name: statistics.median(sum(t.seconds) for t in turns[name]) for name in names}
    for name in names:
        print(f"median   {name:9} {targets / seconds[name]:6.1f} target tokens/s")
    rivals = [name for name in names if name not in ("tree", "separate")]
    if "separate" in names:
        print_token_ratio(steps, turns, seconds["separate"] / seconds["tree"])
    if rivals:
        best = min(rivals, key=lambda name: seconds[name])
        ratio, goal = seconds[best] / seconds["tree"], GOALS.get(options.paths)
        print(f"tree is {ratio:.2f} x {best}, TRL's best of these (goal {goal})")
    if options.accelerator == "cpu":
        print_gemm_share(model, turns["tree"][-1], targets, seconds["tree"], clock)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--student", required=True, help="folder written by save_pretrained")
    parser.add_argument("--paths", type=int, default=1, help="of each thought for each problem")
    parser.add_argument("--against", nargs="*", default=["separate"])
    parser.add_argument("--steps", type=int, default=2, help="optimiser steps of a turn")
    parser.add_argument("--problems", type=int, default=8, help="of an optimiser step")
    parser.add_argument("--micro-batch-tokens", type=int, default=2048, help="of our own sides")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--accelerator", choices=("cpu", "gpu"), default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cpu-time", action="store_true")
    parser.add_argument("--memory", action="store_true", help="print the peak over many steps")
    return parser.parse_args()


def take_turns(
    sides: dict[str, Side], steps: Sequence[Sequence[Example]], number: int
) -> dict[str, list[Turn]]:
    turns: dict[str, list[Turn]] = {name: [] for name in sides}
    targets = sum(len(example.target_ids) for step in steps for example in step)
    for count in range(1 + number):
        for name, side in sides.items():
            turn = side(steps)
            turns[name] += [turn] if count else []
            print(
                f"turn {count or 'warm-up':7} {name:9} {targets / sum(turn.seconds):6.1f} target "
                f"tokens/s, {turn.padded_tokens} tokens computed, loss {max(turn.losses):.4f}",
                flush=True,
            )
    return turns


def print_token_ratio(
    steps: Sequence[Sequence[Example]], turns: dict[str, list[Turn]], ratio: float
) -> None:
    """Tokens without padding: what sharing trunks can save."""
    separate = sum(len(e.prompt_ids) + len(e.target_ids) - 1 for step in steps for e in step)
    allowed = separate / turns["tree"][-1].tokens
    print(
        f"tree is {ratio:.2f} x separate; the token ratio allows {allowed:.2f} "
        f"({ratio / allowed:.2f} of it, goal 0.9)"
    )


def print_gemm_share(
    model: PreTrainedModel, turn: Turn, targets: int, seconds: float, clock: Callable[[], float]
) -> None:
    """Products with weights alone, of what a turn computes, at their own speed in bfloat16."""
    head = model.get_output_embeddings().weight
    inner = [p for p in model.parameters() if p.ndim == 2 and p is not head]
    by_shape = {weight.shape: weight for weight in inner}
    each = {s: product_seconds(w, GEMM_TOKENS, clock) for s, w in by_shape.items()}
    alone = sum(each[weight.shape] for weight in inner) * turn.tokens / GEMM_TOKENS
    alone += product_seconds(head, 512, clock) * targets / 512
    print(f"products with weights alone would take {alone / seconds:.0%} (goal {GEMM_GOAL:.0%})")


def product_seconds(weight: torch.Tensor, tokens: int, clock: Callable[[], float]) -> float:
    """Forward and backward products of `tokens` rows with a weight."""
    matrix = weight.detach().bfloat16()
    rows = torch.randn(tokens, matrix.shape[1], dtype=torch.bfloat16)
    out = torch.randn(tokens, matrix.shape[0], dtype=torch.bfloat16)
    found = []
    for _ in range(3):
        started = clock()
        rows @ matrix.T
        out @ matrix
        out.T @ rows
        found.append(clock() - started)
    return min(found)


def print_memory(turn: Turn) -> None:
    """Peak resident memory after each tenth of the steps of one training."""
    number = len(turn.peaks)
    for step in range(0, number, max(1, number // 10)):
        print(f"after step {step + 1} of {number}: peak {turn.peaks[step]:.2f} GiB")
    print(f"at the end: peak {turn.peaks[-1]:.2f} GiB")


if __name__ == "__main__":
    main()
