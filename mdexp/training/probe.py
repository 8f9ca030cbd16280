"""Whether a student computes the same over trees as over separate sequences, before it trains so.

Some families take a mask or a position and ignore it silently, or attend within a window. Their
likelihoods of the same examples tell, on the device and in the precision of the training.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from mdexp.records import Example
from mdexp.students.branch_attention import TreeUnsupported, branch_attention
from mdexp.students.likelihood import NO_TARGET, weighted_loss
from mdexp.students.load import Kind
from mdexp.training.layout import lay_out

if TYPE_CHECKING:
    from transformers import PreTrainedModel

log = logging.getLogger(__name__)

# Root mean square, in nats, of the difference of a token's log-probability.
TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-3, torch.bfloat16: 0.2, torch.float16: 0.05}
MAX_PATHS = 4  # of the probed problem


@contextmanager
def exchanged_attention(student: "PreTrainedModel", layout: dict[str, Any]) -> Iterator[None]:
    """Within, a causal student can attend over trees; if it cannot, the layout is `separate`."""
    with ExitStack() as stack:
        if layout["kind"] == "causal" and layout["layout"] == "tree":
            try:
                stack.enter_context(branch_attention(student))
            except TreeUnsupported as error:
                _fall_back(layout, str(error))
        yield


def _fall_back(layout: dict[str, Any], reason: str) -> None:
    log.warning("trainer.layout=separate is used, not tree: %s", reason)
    layout["layout"] = "separate"


class LayoutProbe(Callback):
    """Sets `layout["layout"]` to separate, and says why, where a student needs it."""

    def __init__(self, examples: Sequence[Example], layout: dict[str, Any]) -> None:
        self.examples, self.layout = examples, layout

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.layout["layout"] != "tree":
            return
        student: Any = pl_module.student
        with trainer.precision_plugin.forward_context():
            if reason := doubt(student, self.examples, self.layout):
                _fall_back(self.layout, reason)


def doubt(
    student: "PreTrainedModel", examples: Sequence[Example], layout: Mapping[str, Any]
) -> str | None:
    """Why this student should not be trained over trees, in the precision of the moment."""
    try:
        difference, dtype = disagreement(student, layout["kind"], examples, layout)
    except (TreeUnsupported, TypeError) as error:  # TypeError: its forward knows no `tree`
        return str(error)
    allowed = TOLERANCE[dtype]
    seen = f"log-probabilities of both layouts differ by {difference:.2g} nats"
    if difference <= allowed:
        log.info("trainer.layout=tree: %s, of which %g may be rounding", seen, allowed)
        return None
    return f"{seen}, of which {allowed} could be rounding"


def disagreement(
    student: "PreTrainedModel", kind: Kind, examples: Sequence[Example], layout: Mapping[str, Any]
) -> tuple[float, torch.dtype]:
    """Root mean square difference of the log-probabilities of the targets of the problem with the
    longest sequence, tree against separate; and the type of number that they were computed in."""
    longest = max(examples, key=lambda example: len(example.prompt_ids) + len(example.target_ids))
    of_problem = [e for e in examples if e.problem_id == longest.problem_id and e is not longest]
    probed = [longest, *of_problem[: MAX_PATHS - 1]]
    training = student.training
    student.eval()  # without dropout
    try:
        tree, separate = (
            _log_likely(student, kind, probed, {**layout, "shares": None, "layout": name})
            for name in ("tree", "separate")
        )
    finally:
        student.train(training)
    return float((tree - separate).square().mean().sqrt()), _computed_in(student)


def _log_likely(
    student: "PreTrainedModel", kind: Kind, examples: Sequence[Example], layout: Mapping[str, Any]
) -> torch.Tensor:
    """Log-probability of each target token, example by example."""
    named = [replace(example, thought=f"{i:03}") for i, example in enumerate(examples)]
    found: dict[int, torch.Tensor] = {}
    for batch in lay_out(named, **layout):
        micro = batch.to(student.device)
        with torch.no_grad():
            _, nll = weighted_loss(student, kind, **micro.reading())
        number = micro.thoughts[micro.labels != NO_TARGET]
        found |= {int(i): -nll[number == i] for i in number.unique()}
    return torch.cat([found[i] for i in sorted(found)])


def _computed_in(student: "PreTrainedModel") -> torch.dtype:
    device = student.device.type
    autocast = torch.is_autocast_enabled(device)
    return torch.get_autocast_dtype(device) if autocast else student.dtype
