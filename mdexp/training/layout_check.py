"""Checks, before training, that a student computes the same over trees as over separate sequences.

Some model families silently ignore a given mask or position, or attend within a window. The check
compares log-probabilities of the same examples on the training device, both in the precision of the
weights, where rounding hides little, and in that of the training.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from mdexp.records import Example
from mdexp.students.branch_attention import TreeUnsupported, branch_attention
from mdexp.students.likelihood import NO_TARGET
from mdexp.students.load import Kind
from mdexp.training.layout import lay_out
from mdexp.training.sharding import loss_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

log = logging.getLogger(__name__)

# Root mean square difference of a token's log-probability, in nats. Measured (LOG.md): 4e-6 in
# float32 and 0.05 in bfloat16 from rounding; 0.03 from positions that are off by one; 0.09 from one
# token of another branch; 0.4 and more from a wrong mask or positions that restart.
TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-3, torch.bfloat16: 0.2, torch.float16: 0.05}
MAX_PATHS = 4  # of the probed problem


@contextmanager
def exchanged_attention(student: "PreTrainedModel", layout: dict[str, Any]) -> Iterator[None]:
    """Within the block a causal student attends over trees; if it cannot, the layout becomes
    `separate`."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The difference between both layouts in nats (None: not computable), and why it is too
    large."""

    difference: float | None = None
    doubt: str | None = None


class LayoutCheck(Callback):
    """Sets `layout["layout"]` to separate, and says why, where a student needs it.

    The first finding of rank 0 counts for every rank and for resumed trainings: the check might
    come out differently for trained weights, and the layout decides how sums are rounded.
    """

    def __init__(self, examples: Sequence[Example], layout: dict[str, Any]) -> None:
        self.examples, self.layout = examples, layout
        self.finding: Finding | None = None

    def state_dict(self) -> dict[str, Any]:
        return {} if self.finding is None else asdict(self.finding)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.finding = Finding(**state_dict)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.layout["layout"] != "tree":
            return
        if self.finding is None:
            student: Any = pl_module.student
            finding = Finding()
            if not _is_mixed(student):  # else it computes only under autocast
                finding = probed(student, self.examples, self.layout)
            if not finding.doubt:
                with trainer.precision_plugin.forward_context():
                    finding = probed(student, self.examples, self.layout)
            self.finding = trainer.strategy.broadcast(finding)
        if self.finding.doubt:
            _fall_back(self.layout, self.finding.doubt)

    def counts(self) -> dict[str, Any]:
        """The layout used in training, and the finding about the other."""
        found = self.finding.difference if self.finding else None
        difference = {} if found is None else {"layout_difference_nats": float(f"{found:.2g}")}
        return {"layout": self.layout["layout"], **difference}


def probed(
    student: "PreTrainedModel", examples: Sequence[Example], layout: Mapping[str, Any]
) -> Finding:
    """Whether this student can be trained over trees, in the current precision."""
    try:
        difference, dtype = disagreement(student, layout["kind"], examples, layout)
    except (TreeUnsupported, TypeError) as error:  # TypeError: its forward takes no `tree`
        return Finding(doubt=str(error))
    allowed = TOLERANCE[dtype]
    seen = (
        "over trees, log-probabilities differ from those of layout=separate by "
        f"{difference:.2g} nats, and {allowed:g} are allowed in {str(dtype).removeprefix('torch.')}"
    )
    if difference <= allowed:
        log.info("train: lessons that begin alike are read together (layout=tree): %s", seen)
        return Finding(difference=difference)
    return Finding(difference=difference, doubt=seen)


def disagreement(
    student: "PreTrainedModel", kind: Kind, examples: Sequence[Example], layout: Mapping[str, Any]
) -> tuple[float, torch.dtype]:
    """The root mean square difference, tree against separate, of the log-probabilities of the
    targets of the problem with the longest sequence; and the type in which they were computed."""
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
    """The log-probability of each target token, example by example."""
    named = [replace(example, thought=f"{i:03}") for i, example in enumerate(examples)]
    found: dict[int, torch.Tensor] = {}
    for batch in lay_out(named, **layout):
        micro = batch.to(student.device)
        with torch.no_grad():
            _, nll = loss_of(student, kind, **micro.reading())
        number = micro.thoughts[micro.labels != NO_TARGET]
        found |= {int(i): -nll[number == i] for i in number.unique()}
    return torch.cat([found[i] for i in sorted(found)])


def _is_mixed(student: "PreTrainedModel") -> bool:
    """Whether frozen weights have another type than trained ones: half precision, or 4 bits, which
    compute in their own type."""
    return len({p.dtype for p in student.parameters()}) > 1


def _computed_in(student: "PreTrainedModel") -> torch.dtype:
    device = student.device.type
    autocast = torch.is_autocast_enabled(device)
    return torch.get_autocast_dtype(device) if autocast else student.dtype
