"""Tokens a second that tree search writes, against plain sampling: one ratio.

    MDEXP_DATA=... python -m bench.search [--student FOLDER] [--questions 32] [--turns 3]

Both sides write programs for the same questions by turns: search within its budget, sampling as
many whole paths as that budget holds of paths of their mean length. Counted are tokens that the
student wrote, those of cut and dropped steps among them, by processor time of this process
(programs run in others); medians are printed. Set OMP_NUM_THREADS=1 on a busy machine. Questions
are of SVAMP's test part, or made up without MDEXP_DATA; the student is SmolLM2, trained for a few
steps on the exemplars of programs, so that its lines are short.
"""

import argparse
import statistics
import time
from pathlib import Path
from typing import Any, NamedTuple

import torch
import yaml

from bench.beams import learn
from bench.decode import SMOLLM2
from bench.decode_sides import THOUGHTS, questions
from mdexp.decoding.answering import answer
from mdexp.decoding.decode_stats import DecodeStats
from mdexp.decoding.search import TreeSearch
from mdexp.decoding.student_writer import StudentWriter
from mdexp.ports.parts import build_part
from mdexp.records import Problem
from mdexp.sandbox.executor import Sandbox
from mdexp.students.load import load_folder
from mdexp.students.prompts import Renderer

CONF = Path(__file__).parents[1] / "conf" / "decoding"
POT = {"pot": THOUGHTS["pot"]}


class Measured(NamedTuple):
    """Tokens that were written, and the processor seconds that they took."""

    tokens: int
    seconds: float

    @property
    def speed(self) -> float:
        return self.tokens / self.seconds


def decoder(budget: int) -> TreeSearch:
    """decoding=search with another budget, and nothing for validation problems."""
    options = [yaml.safe_load((CONF / f"{n}.yaml").read_text()) for n in ("default", "search")]
    merged = options[0] | options[1] | {"num_validation": 0}
    del merged["defaults"]
    merged["search"] = merged["search"] | {"budget": budget}
    built: Any = build_part(merged)
    return built


def asked(number: int) -> list[Problem]:
    return [
        Problem(id=str(place), dataset="bench", split="test", question=question, answer=0)
        for place, question in enumerate(questions(number))
    ]


def searched(
    model: Any, renderer: Renderer, problems: list[Problem], search: TreeSearch, executor: Sandbox
) -> Measured:
    writer = StudentWriter(model=model, renderer=renderer, phase="after", seed=0)
    start = time.process_time()
    _, counts = search.solve(problems, POT, writer, executor, {})
    seconds = time.process_time() - start
    return Measured(counts["pot"]["tokens of searches"]["written"], seconds)


def sampled(
    model: Any,
    renderer: Renderer,
    problems: list[Problem],
    search: TreeSearch,
    executor: Sandbox,
    paths: int,
) -> Measured:
    work = DecodeStats()
    writer = StudentWriter(model=model, renderer=renderer, phase="after", seed=0, work=work)
    start = time.process_time()
    written = answer(
        writer,
        problems,
        POT,
        decoding=search.untrained(),
        executor=executor,
        samples=range(1, paths + 1),
    )
    seconds = time.process_time() - start
    return Measured(sum(output.num_tokens for output in written), seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--student", type=Path)
    parser.add_argument("--questions", type=int, default=32)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--budget", type=int, default=1024)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--train-steps", type=int, default=8)
    given = parser.parse_args()
    embedded: Any = build_part(SMOLLM2)
    model: Any
    folder = given.student
    model, tokenizer = load_folder(folder, "causal") if folder else embedded.load(seed=0)
    renderer = Renderer(tokenizer, "causal", "chat")
    learn(model, renderer, given.train_steps)
    model = model.to(dtype=getattr(torch, given.dtype)).eval()
    search, problems = decoder(given.budget), asked(given.questions)
    found: dict[str, list[Measured]] = {"search": [], "sampling": []}
    with Sandbox(timeout_s=5, memory_mib=256, output_kib=64, workers=2) as executor:
        warm = sampled(model, renderer, problems[:4], search, executor, 4)
        paths = max(1, round(given.budget / (warm.tokens / 16)))
        print(f"{given.questions} questions, {given.budget} tokens or {paths} paths each")
        for turn in range(given.turns):
            sides = ("search", "sampling") if turn % 2 == 0 else ("sampling", "search")
            for side in sides:
                one = (
                    searched(model, renderer, problems, search, executor)
                    if side == "search"
                    else sampled(model, renderer, problems, search, executor, paths)
                )
                found[side].append(one)
                print(
                    f"turn {turn + 1}, {side}: {one.tokens} tokens, {one.speed:.1f}/s", flush=True
                )
    speeds = {side: statistics.median(one.speed for one in each) for side, each in found.items()}
    print(
        f"search {speeds['search']:.1f}, sampling {speeds['sampling']:.1f} tokens a processor "
        f"second: {speeds['search'] / speeds['sampling']:.2f}"
    )


if __name__ == "__main__":
    main()
