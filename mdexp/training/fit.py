"""Trains a student on its examples with Lightning."""

import logging
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch.utils.data import DataLoader

from mdexp.config.blocks import TrainerSettings
from mdexp.config.settings import SettingsError
from mdexp.ports import Feed, Objective
from mdexp.records import Example
from mdexp.students.adapters import adapted
from mdexp.students.frozen import COMPUTED_IN, BaseDtype, frozen_base
from mdexp.students.load import Loaded
from mdexp.students.numerics import Precision
from mdexp.students.process_memory import keep_freed_memory
from mdexp.students.roles import trained_adapters
from mdexp.students.vocabulary import token_ids
from mdexp.students.weights import Weights
from mdexp.training.batches import Auxiliary, Item, hold_out, plan_steps, trainable
from mdexp.training.checkpointing import checkpoint_activations
from mdexp.training.devices import processes
from mdexp.training.finite import NotFinite, judge_weights, what_is_left
from mdexp.training.launched_ranks import cluster_environment
from mdexp.training.layout import lay_out
from mdexp.training.layout_check import LayoutCheck, exchanged_attention
from mdexp.training.live_numbers import LiveNumbers
from mdexp.training.micro_batch import MicroBatch
from mdexp.training.module import MixedDistillation
from mdexp.training.planned import ExampleName, Examples, names_of
from mdexp.training.ranks import OwnDropout, OwnSignals
from mdexp.training.resume import (
    Checkpoints,
    DurableCheckpointIO,
    newest_checkpoint,
    training_identity,
)
from mdexp.training.sharding import sharding_strategy, unshard
from mdexp.training.training_progress import TrainingProgress

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

log = logging.getLogger(__name__)
logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)

Step = TypeVar("Step")  # whatever `lay_out` takes
CHECKPOINTS = "checkpoints"  # subfolder of a training


class Steps(torch.utils.data.Dataset[list[MicroBatch]], Generic[Step]):
    """The optimiser steps of a run, each laid out by `lay_out` when it is asked for."""

    def __init__(self, steps: Sequence[Step], lay_out: Callable[[Step], list[MicroBatch]]) -> None:
        self.steps, self.lay_out = steps, lay_out

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, index: int) -> list[MicroBatch]:
        return self.lay_out(self.steps[index])


def fit(
    loaded: Loaded,
    examples: Examples,
    *,
    student: Any,
    shares: Mapping[str, float] | None,
    objective: Objective,
    trainer: TrainerSettings,
    seed: int,
    precision: Precision,
    folder: Path,
    base_dtype: BaseDtype = "float32",
    feeds: Sequence[Feed] = (),
    new_tokens: Sequence[int] = (),
    roles: Sequence[str] = (),
) -> tuple["PreTrainedModel", list[dict[str, float]], dict[str, Any]]:
    """Train; returns the tuned model, one history row per step, and counts of what was trained on.
    With adapters, the embedding rows of `new_tokens` are also trained. Each of `roles` has an
    adapter, which learns the examples of that role."""
    model, tokenizer = loaded
    keep_freed_memory()
    pl.seed_everything(seed, verbose=False)  # before adapters, which are initialised at random
    frozen = frozen_base(student, base_dtype)
    model = adapted(
        model,
        student,
        frozen=frozen,
        compute=COMPUTED_IN[precision],
        new_tokens=new_tokens,
        roles=roles,
    )
    problems, steps, held_out = planned_steps(names_of(examples), shares, objective, trainer, seed)

    def read(step: Sequence[ExampleName]) -> list[Example]:
        return [examples[entry.number] for entry in step]

    layout = layout_options(student, shares, objective, trainer, tokenizer)
    # Adapters are injected into the base model, so its forward method is the same with and without
    # them.
    plain = model if student.tuning == "full" else model.get_base_model()
    if trainer.activation_checkpointing:
        checkpoint_activations(plain)
    module = MixedDistillation(
        plain,
        student.kind,
        trainer,
        len(steps),
        lambda: _laid_out_by_thought(read(held_out), layout),
        trained_adapters(model, roles),
    )
    identity = training_identity(module, steps)
    resumed, done = newest_checkpoint(folder / CHECKPOINTS, identity) or (None, 0)
    if resumed:
        log.info("training goes on after step %d of %d", done, len(steps))
    probe = LayoutCheck(read(steps[0]), layout)
    callbacks = [
        probe,
        OwnSignals(),
        OwnDropout(seed),
        Checkpoints(folder / CHECKPOINTS, trainer.checkpoint_steps, identity, frozen),
        *([LiveNumbers(feeds)] if feeds else []),
    ]
    loggers = [feed.logger for feed in feeds]
    lightning = _lightning(trainer, precision, len(steps), callbacks, loggers)
    # Each batch is a complete step. On a resume Lightning takes as many as are left, from the first
    # given.
    left_first = Steps([*steps[done:], *steps[:done]], lambda step: lay_out(read(step), **layout))
    loader = DataLoader(left_first, batch_size=None, shuffle=False)
    model.train()
    with exchanged_attention(plain, layout), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="You're resuming from a checkpoint that ended")
        warnings.filterwarnings("ignore", message="`isinstance.treespec, LeafSpec")  # Lightning's
        try:
            lightning.fit(module, loader, ckpt_path=resumed, weights_only=True)
            judge_weights(len(steps), module.named_parameters())
            unshard(plain)
        except NotFinite as error:
            left = newest_checkpoint(folder / CHECKPOINTS, identity)
            raise what_is_left(error, left[0] if left else None) from error
    counts = _counts(problems, steps, objective)
    if held_out:
        counts["held_out_problems"] = trainer.validate_problems
    return model.eval(), module.history, counts | _work(module.history) | probe.counts()


def planned_steps(
    examples: Sequence[Item],
    shares: Mapping[str, float] | None,
    objective: Objective,
    trainer: TrainerSettings,
    seed: int,
) -> tuple[dict[str, list[Item]], list[list[Item]], list[Item]]:
    """The training problems with their examples, the optimiser steps in order, and the examples
    held out for validation. SettingsError if nothing is left."""
    problems = trainable(examples, shares, objective.pairing)
    if examples and not problems and objective.pairing == "both":
        raise SettingsError({"objective.pairing": _unpaired(shares or {}, examples)})
    held_out: list[Item] = []
    if trainer.validate_every:
        problems, held_out = hold_out(problems, trainer.validate_problems, seed)
    steps = plan_steps(
        problems,
        shares,
        step_problems=trainer.step_problems,
        epochs=trainer.epochs,
        max_steps=trainer.max_steps,
        seed=seed,
        auxiliary=Auxiliary.of(objective),
    )
    return problems, steps, held_out


def _unpaired(thoughts: Collection[str], examples: Iterable[Item]) -> str:
    found = {example.thought for example in examples}
    there = [thought for thought in thoughts if thought in found]
    absent = [thought for thought in thoughts if thought not in found]
    why = (
        f"nothing to train on: no problem has an example of each of {', '.join(thoughts)}, as "
        "pairing=both asks; unused.jsonl says which lessons were dropped. Raise "
        "trainer.max_tokens if they are too long, or set objective.pairing=any"
    )
    if not there or not absent:
        return why
    fewer = f"'thought=[{','.join(there)}]'" + (" objective=union" if len(there) == 1 else "")
    return f"{why}. There is no example at all of {', '.join(absent)}: {fewer} trains without them"


def _laid_out_by_thought(
    examples: Sequence[Example], layout: Mapping[str, Any]
) -> list[MicroBatch]:
    """Micro-batches that distinguish thoughts; their weights are not used."""
    return lay_out(examples, **{**layout, "shares": None}) if examples else []


def layout_options(
    student: Any,
    shares: Mapping[str, float] | None,
    objective: Objective,
    trainer: TrainerSettings,
    tokenizer: "PreTrainedTokenizerBase",
) -> dict[str, Any]:
    """The arguments of `lay_out` beside the step."""
    return {
        "shares": shares,
        "kind": student.kind,
        "layout": trainer.layout,
        "weigh": objective.token_weights,
        "micro_batch_tokens": trainer.micro_batch_tokens,
        "pad_id": tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0,
    }


def _counts(
    problems: Mapping[str, Sequence[ExampleName]],
    steps: Sequence[Sequence[ExampleName]],
    objective: Objective,
) -> dict[str, Any]:
    """What was trained on."""
    counts: dict[str, Any] = {
        "problems": len(problems),
        "steps": len(steps),
        "examples": sum(len(rows) for rows in problems.values()),
        "target_tokens": sum(e.num_scored for step in steps for e in step),
    }
    if absent := Auxiliary.of(objective).steps_without(steps):
        counts["steps without a lesson"] = absent
    return counts


def _work(history: Sequence[Mapping[str, float]]) -> dict[str, int | float]:
    """The number of computed tokens, and the share of them that is not padding."""
    tokens = sum(row["tokens"] for row in history)
    padded = sum(row["padded_tokens"] for row in history)
    return {"tokens": int(tokens), "fill": round(tokens / padded, 4)}


def fit_from(
    weights: Weights, examples: Examples, **how: Any
) -> tuple[Loaded, list[dict[str, float]], dict[str, Any]]:
    """`fit` with weights that it loads first, as each of many ranks does. A base kept in less than
    float32 is never loaded in float32."""
    plain = frozen_base(weights.student, how["base_dtype"]).is_plain
    model, tokenizer = weights.load_base("float32" if plain else "auto")
    rows = token_ids(tokenizer, weights.new_tokens)
    model, history, counts = fit((model, tokenizer), examples, **how, new_tokens=rows)
    return (model, tokenizer), history, counts


def _lightning(
    trainer: TrainerSettings,
    precision: Precision,
    num_steps: int,
    callbacks: list[Callback],
    loggers: list[Any],
) -> pl.Trainer:
    ranks = processes(trainer)
    sharded = trainer.strategy == "fsdp"
    return pl.Trainer(
        accelerator=trainer.accelerator,
        devices=ranks.here,
        num_nodes=ranks.nodes,
        strategy=sharding_strategy(ranks.number) if sharded else trainer.strategy,
        precision=precision,
        max_steps=num_steps,
        max_epochs=-1,
        logger=loggers or False,
        log_every_n_steps=1,
        plugins=[cluster_environment(), DurableCheckpointIO()],
        callbacks=[TrainingProgress(), *callbacks],
        enable_checkpointing=False,  # by Lightning's own callback
        enable_progress_bar=False,  # Lightning's own
        enable_model_summary=False,
        use_distributed_sampler=False,  # each rank takes its share of a step's micro-batches
    )
