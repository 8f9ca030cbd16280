"""How much faster step-wise beams are in a continuous batch than as they were before sessions.

Before, each round read all texts again, and no question began its next step before all others had
written theirs.

    MDEXP_DATA=... python -m bench.beams [--questions 8] [--rounds 3] [--steps 6] [--dtype float32]

Both sides search by turns, over the same questions, with one choice of weights and with the four of
conf/decoding/stepwise.yaml; medians are printed, and how many texts are the same. Processor time of
this process counts (programs run in others); set OMP_NUM_THREADS=1 on a busy machine.
Questions are of SVAMP's test part, or made up without MDEXP_DATA; the student is SmolLM2,
trained for a few steps on the exemplars of programs, so that its lines are short.
"""

import argparse
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import torch
import yaml

from bench.decode import SMOLLM2
from bench.decode_sides import THOUGHTS, questions
from mdexp.config.blocks import BeamSettings
from mdexp.decoding.beam_state import Asked
from mdexp.decoding.cached_text import CachedText
from mdexp.decoding.continuous_batch import ContinuousBatch
from mdexp.decoding.decode_stats import DecodeStats
from mdexp.decoding.generate import generate_answers
from mdexp.decoding.relevance import relevance
from mdexp.decoding.request import DecodingLimits, DecodingRequest
from mdexp.decoding.session import Written
from mdexp.decoding.stepwise import search
from mdexp.ports.parts import build_part
from mdexp.records import Problem
from mdexp.sandbox.executor import Sandbox
from mdexp.students.prompts import Renderer
from mdexp.transcripts.driver import first_write
from mdexp.transcripts.prompting import load_exemplars

STEPWISE = Path(__file__).parents[1] / "conf" / "decoding" / "stepwise.yaml"
SIDES = ("again", "continuous")


@dataclass
class ReadsAgain:
    """A student as it was before sessions: steps of all questions are written together, and each
    text is read from its beginning."""

    model: Any
    renderer: Renderer
    work: DecodeStats
    limits: DecodingLimits
    asked: dict[str, tuple[Sequence[DecodingRequest], int]] = field(default_factory=dict)

    def ask(
        self,
        name: str,
        requests: Sequence[DecodingRequest],
        texts: Sequence[CachedText],
        max_new_tokens: int,
    ) -> None:
        self.asked[name] = (requests, max_new_tokens)

    def answered(self) -> Iterator[dict[str, list[Written]]]:
        while self.asked:
            asked, self.asked = self.asked, {}
            limits = replace(self.limits, max_new_tokens=max(room for _, room in asked.values()))
            requests = [request for ours, _ in asked.values() for request in ours]
            found = dict(generate_answers(self.model, self.renderer, requests, limits, self.work))
            answers = iter([(found[i], CachedText()) for i in range(len(requests))])
            yield {name: list(islice(answers, len(ours))) for name, (ours, _) in asked.items()}


def learn(model: Any, renderer: Renderer, steps: int) -> None:
    """Train on the exemplars, so that steps are as short as those of a trained student."""
    thought = THOUGHTS["pot"]
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-4)
    for _ in range(steps):
        for row in load_exemplars():
            prompt = renderer.prompt(row["question"], thought)
            whole = renderer.rendered(prompt, thought.exemplar(row)[2:])
            targets = [t if s else -100 for t, s in zip(whole.ids, whole.scored, strict=True)]
            ids, labels = torch.tensor([whole.ids]), torch.tensor([targets])
            model(input_ids=ids, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()


def asked(renderer: Renderer, number: int, weights: Any) -> list[Asked]:
    thought = THOUGHTS["pot"]
    return [
        Asked(
            question=question,
            problem=str(place),
            thought=thought,
            stop=first_write(thought, _problem(question)).stop,
            prompt_ids=renderer.prompt_ids(renderer.prompt(question, thought)),
            stream=f"0/{place}/pot",
            weights=weights,
        )
        for place, question in enumerate(questions(number))
    ]


def _problem(question: str) -> Problem:
    return Problem(id="", dataset="", split="test", question=question, answer=0)


def searched(
    side: str,
    model: Any,
    renderer: Renderer,
    given: argparse.Namespace,
    executor: Sandbox,
    each: Any,
) -> tuple[float, list[str], DecodeStats]:
    """Processor seconds, texts, and what was computed; without sessions each choice of weights is
    searched by itself."""
    beam = BeamSettings(width=4, branches=4, max_steps=given.steps, weights=tuple(each))
    limits = DecodingLimits(max_new_tokens=128, temperature=0.7, batch_size=given.rows)
    work = DecodeStats()
    near = partial(relevance, model, renderer)
    start = time.process_time()
    if side == "continuous":
        together = [a for weights in each for a in asked(renderer, given.questions, weights)]
        batch = ContinuousBatch(model, renderer, work, limits)
        found = search(batch, together, beam, limits, executor, near)
    else:
        found = []
        for weights in each:
            alone = asked(renderer, given.questions, weights)
            again = ReadsAgain(model, renderer, work, limits)
            found += search(again, alone, beam, limits, executor, near)
    seconds = time.process_time() - start
    return seconds, [beam.text for s in found for beam in s.result()], work


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--questions", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--rows", type=int, default=128)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--train-steps", type=int, default=8)
    parser.add_argument("--one", action="store_true", help="one choice of weights only")
    given = parser.parse_args()
    embedded: Any = build_part(SMOLLM2)
    model, tokenizer = embedded.load(seed=0)
    renderer = Renderer(tokenizer, "causal", "chat")
    learn(model, renderer, given.train_steps)
    model = model.to(dtype=getattr(torch, given.dtype)).eval()
    options = yaml.safe_load(STEPWISE.read_text(encoding="utf-8"))["beam"]["weights"]
    weights = [tuple(choice) for choice in options]
    with Sandbox(timeout_s=5, memory_mib=256, output_kib=64, workers=2) as executor:
        warm = argparse.Namespace(**{**vars(given), "questions": 1, "steps": 1})
        for side in SIDES:
            searched(side, model, renderer, warm, executor, weights[:1])
        for each in (weights[1:2], weights)[: 1 if given.one else 2]:
            compare(model, renderer, given, executor, each)


def compare(
    model: Any, renderer: Renderer, given: argparse.Namespace, executor: Sandbox, each: Any
) -> None:
    seconds: dict[str, list[float]] = {side: [] for side in SIDES}
    texts: dict[str, list[str]] = {}
    for turn in range(given.rounds):
        for side in SIDES if turn % 2 == 0 else SIDES[::-1]:
            took, texts[side], work = searched(side, model, renderer, given, executor, each)
            seconds[side].append(took)
            print(
                f"{len(each)} weights, turn {turn + 1}, {side}: {took:.1f} s, {work.counts()}",
                flush=True,
            )
    before, after = (statistics.median(seconds[side]) for side in SIDES)
    same = sum(a == b for a, b in zip(*texts.values(), strict=False))
    print(
        f"{len(each)} weights: {before:.1f} s before, {after:.1f} s in a continuous batch, "
        f"{before / after:.2f} x as fast; {same} of {len(texts['again'])} texts are the same"
    )


if __name__ == "__main__":
    main()
