"""Whether a student computes the same over trees as over separate sequences, before it trains so.

Some families take a mask or a position and ignore it silently, or attend within a window. Their
likelihoods of the same examples tell, on the device of the training: in the precision of the
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

# Root mean square, in nats, of the difference of a token's log-probability. Measured (LOG.md): 4e-6
# in float32 and 0.05 in bfloat16 by rounding, 0.03 by positions that are one off, 0.09 by one token
# of another branch, 0.4 and more by a wrong mask or positions that begin anew.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How far both layouts are apart, in nats (None: not to be had), and why that is too far."""

    difference: float | None = None
    doubt: str | None = None


class LayoutCheck(Callback):
    """Sets `layout["layout"]` to separate, and says why, where a student needs it.

    The first finding of rank 0 counts, for every rank and for a training that goes on after a stop:
    trained weights may be found otherwise, and the layout decides how sums are rounded.
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
            if not _is_mixed(student):  # else it computes under autocast alone
                finding = probed(student, self.examples, self.layout)
            if not finding.doubt:
                with trainer.precision_plugin.forward_context():
                    finding = probed(student, self.examples, self.layout)
            self.finding = trainer.strategy.broadcast(finding)
        if self.finding.doubt:
            _fall_back(self.layout, self.finding.doubt)

    def counts(self) -> dict[str, Any]:
        """The layout that was trained with, and what was found of the other."""
        found = self.finding.difference if self.finding else None
        difference = {} if found is None else {"layout_difference_nats": float(f"{found:.2g}")}
        return {"layout": self.layout["layout"], **difference}


def probed(
    student: "PreTrainedModel", examples: Sequence[Example], layout: Mapping[str, Any]
) -> Finding:
    """Whether this student can be trained over trees, in the precision of the moment."""
    try:
        difference, dtype = disagreement(student, layout["kind"], examples, layout)
    except (TreeUnsupported, TypeError) as error:  # TypeError: its forward knows no `tree`
        return Finding(doubt=str(error))
    allowed = TOLERANCE[dtype]
    seen = f"its log-probabilities differ from those of layout=separate by {difference:.2g} nats"
    if difference <= allowed:
        log.info("trainer.layout=tree is used: %s, and %s allows %g", seen, dtype, allowed)
        return Finding(difference=difference)
    return Finding(difference=difference, doubt=f"{seen}, and {dtype} allows {allowed:g}")


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
            _, nll = loss_of(student, kind, **micro.reading())
        number = micro.thoughts[micro.labels != NO_TARGET]
        found |= {int(i): -nll[number == i] for i in number.unique()}
    return torch.cat([found[i] for i in sorted(found)])


def _is_mixed(student: "PreTrainedModel") -> bool:
    """Whether frozen weights are of another type than trained ones: half, or of 4 bits, which
    compute in a type of their own."""
    return len({p.dtype for p in student.parameters()}) > 1


def _computed_in(student: "PreTrainedModel") -> torch.dtype:
    device = student.device.type
    autocast = torch.is_autocast_enabled(device)
    return torch.get_autocast_dtype(device) if autocast else student.dtype
