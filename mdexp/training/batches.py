"""Groups examples into optimiser steps.

A step is `step_problems` problems with all their paths; an epoch visits each problem once. An
example made for one epoch is used in that epoch only. A step may lack auxiliary lessons
(objectives/auxiliary.py), but never has only such. The order depends only on the seed, so runs that
differ in λ see the same problems in the same steps.
"""

import math
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from mdexp.config.settings import SettingsError
from mdexp.ports import Objective, WithAuxiliary
from mdexp.training.planned import Planned

MAX_REDRAWS = 1000

Pairing = Literal["both", "any"]
Item = TypeVar("Item", bound=Planned)  # an example, or its name


@dataclass(frozen=True, slots=True, kw_only=True)
class Auxiliary:
    """The thoughts whose lessons are auxiliary, and how many lessons of such a thought a step takes
    from a problem at most (None: all)."""

    thoughts: frozenset[str] = frozenset()
    per_problem: int | None = None

    @classmethod
    def of(cls, objective: Objective) -> "Auxiliary":
        if not isinstance(objective, WithAuxiliary):
            return cls()
        return cls(thoughts=frozenset(objective.auxiliary), per_problem=objective.per_problem)

    def steps_without(self, steps: Sequence[Sequence[Planned]]) -> dict[str, int]:
        """For each auxiliary thought, the number of steps without a lesson of it."""
        return {
            thought: sum(all(e.thought != thought for e in step) for step in steps)
            for thought in sorted(self.thoughts)
        }

    def drawn(self, examples: Sequence[Item], chance: random.Random) -> list[Item]:
        """A problem's examples, in order, with at most `per_problem` of each auxiliary thought."""
        if self.per_problem is None:
            return list(examples)
        left = set[int]()
        for thought in sorted(self.thoughts):
            ours = [n for n, example in enumerate(examples) if example.thought == thought]
            left |= set(ours) - set(chance.sample(ours, min(len(ours), self.per_problem)))
        return [example for n, example in enumerate(examples) if n not in left]


NO_AUXILIARY = Auxiliary()


def trainable(
    examples: Sequence[Item], shares: Mapping[str, float] | None, pairing: Pairing
) -> dict[str, list[Item]]:
    """The examples by problem, without thoughts of share 0. With `pairing: both`, problems that
    lack a thought of the mix are left out, so that λ=0, 0.5 and 1 train on the same problems."""
    problems: dict[str, list[Item]] = defaultdict(list)
    for example in examples:
        problems[example.problem_id].append(example)
    mix = shares or {}
    required = set(mix) if pairing == "both" else set()
    unused = {thought for thought, share in mix.items() if share == 0}
    kept = {
        problem: [example for example in rows if example.thought not in unused]
        for problem, rows in problems.items()
        if required <= {example.thought for example in rows}
    }
    return {problem: rows for problem, rows in kept.items() if rows}


def hold_out(
    problems: Mapping[str, list[Item]], number: int, seed: int
) -> tuple[dict[str, list[Item]], list[Item]]:
    """Problems to train on, and the examples of `number` others. The draw depends only on the seed,
    so runs that differ in λ hold out the same. SettingsError if no problem would be left."""
    if number >= len(problems):
        raise SettingsError(
            {
                "trainer.validate_problems": f"{number} holds out all of {len(problems)} problems: "
                "set fewer, or trainer.validate_every=null"
            }
        )
    held = set(random.Random(f"{seed} validation").sample(sorted(problems), number))
    kept = {name: rows for name, rows in problems.items() if name not in held}
    return kept, [example for name in sorted(held) for example in problems[name]]


def plan_steps(
    problems: Mapping[str, list[Item]],
    shares: Mapping[str, float] | None,
    *,
    step_problems: int,
    epochs: int,
    max_steps: int | None,
    seed: int,
    auxiliary: Auxiliary = NO_AUXILIARY,
) -> list[list[Item]]:
    """The optimiser steps of a run, in order. SettingsError if there is nothing to train on."""
    names = sorted(problems)
    needed = {name for name, share in (shares or {}).items() if share > 0}
    if lacking := needed - {e.thought for rows in problems.values() for e in rows}:
        raise SettingsError(
            {
                "thought": f"nothing to train on for {sorted(lacking)}, which have a share of the "
                "loss: no example is left of them. Raise trainer.max_tokens if unused.jsonl calls "
                "their lessons too_long, else give them no share"
            }
        )
    if not names:
        raise SettingsError({"": "nothing to train on: no problem has an example"})
    if auxiliary.thoughts >= {e.thought for rows in problems.values() for e in rows}:
        raise SettingsError(
            {"objective.auxiliary": "nothing to train on: all examples are auxiliary lessons"}
        )
    per_epoch = math.ceil(len(names) / step_problems)
    num_drawn = 1 + max(example.epoch or 0 for rows in problems.values() for example in rows)
    steps: list[list[Item]] = []
    for epoch in range(math.ceil(max_steps / per_epoch) if max_steps else epochs):
        order = random.Random(f"{seed} epoch {epoch}").sample(names, len(names))
        ours = {
            name: auxiliary.drawn(
                _of_epoch(rows, epoch % num_drawn),
                random.Random(f"{seed} epoch {epoch} auxiliary {name}"),
            )
            for name, rows in problems.items()
        }
        for start in range(0, len(order), step_problems):
            drawn = order[start : start + step_problems]
            redraws = random.Random(f"{seed} step {len(steps)}")
            steps.append(_complete_step(drawn, ours, needed, names, redraws, auxiliary))
    return steps[:max_steps]


def _of_epoch(examples: Sequence[Item], epoch: int) -> list[Item]:
    return [example for example in examples if example.epoch in (None, epoch)]


def _complete_step(
    drawn: Sequence[str],
    problems: Mapping[str, list[Item]],
    needed: set[str],
    names: Sequence[str],
    redraws: random.Random,
    auxiliary: Auxiliary,
) -> list[Item]:
    """The step's examples. A step with only auxiliary examples, or without a target for a weighted
    thought, is drawn again."""
    for _ in range(MAX_REDRAWS):
        step = [example for name in drawn for example in problems[name]]
        thoughts = {example.thought for example in step}
        if thoughts - auxiliary.thoughts and needed <= thoughts:
            return step
        drawn = redraws.sample(names, len(drawn))
    raise SettingsError(
        {
            "trainer.step_problems": f"no step of {len(drawn)} problems holds all of "
            f"{sorted(needed)}: raise it"
        }
    )
