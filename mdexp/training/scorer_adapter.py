"""An adapter that learns with a scorer's head: the student ranks its right paths above wrong ones.

A step takes some pairs of a right and a wrong path and raises the mean of log σ(w·(h⁺ − h⁻)): h is
the last layer's state behind a text, w a head for the time of training alone. What is learned are
low-rank adapters (arXiv 2106.09685) in every linear layer. The scorer's own head is then fitted on
the states of the adapted student, as on those of a frozen one. The student that answers stays as it
is.
"""

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from mdexp.ports import AdapterOptions
from mdexp.ports.progress import with_progress
from mdexp.students.prefix_states import Prefix
from mdexp.training.finite import NotFinite

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Pair = tuple[int, int]  # places of a right and a wrong path
SCALE = 2.0  # of an adapter's product: lora_alpha over rank
PAIRS = 8  # of a step
CLIP_NORM = 1.0  # longest gradient of a step

log = logging.getLogger(__name__)


def learn_adapter(
    model: "PreTrainedModel",
    paths: Sequence[Prefix],
    pairs: Sequence[Pair],
    options: AdapterOptions,
    seed: int,
) -> Mapping[str, Any]:
    """Give the causal `model` an adapter that ranks the pairs of paths; returns counts. Without
    pairs it stays as it is. NotFinite if the learning rate is too high.

    A pair is read by itself, so that two texts are in memory at a time, and without dropout, so
    that the pairs and the seed decide the result."""
    if not pairs:
        return {}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        tuned = _with_adapter(model, options.rank)
        head = torch.nn.Linear(model.config.hidden_size, 1, bias=False, device=model.device)
    learned = [p for p in tuned.parameters() if p.requires_grad] + [*head.parameters()]
    optimizer = torch.optim.AdamW(learned, lr=options.learning_rate, weight_decay=0.0)
    tuned.eval()
    losses: list[float] = []
    steps = list(_steps(pairs, options.epochs, seed))
    for step in with_progress(steps, "adapter of the scorer", "pairs", log):
        total = 0.0
        for pair in step:
            right, wrong = head(_last_states(model, [paths[n] for n in pair]))
            loss = -logsigmoid(right - wrong).sum() / len(step)
            loss.backward()
            total += loss.item()
        norm = torch.nn.utils.clip_grad_norm_(learned, CLIP_NORM).item()
        if not math.isfinite(total) or not math.isfinite(norm):
            raise NotFinite(
                f"adapter of the scorer, step {len(losses)}: loss {total:.4g}, gradient norm "
                f"{norm:.4g}. Try a lower scorer.adapter.learning_rate, which is "
                f"{options.learning_rate:g}"
            )
        optimizer.step()
        optimizer.zero_grad()
        losses.append(total)
    last = losses[-(len(losses) // options.epochs) :]
    return {
        "adapter: steps": len(losses),
        "adapter: mean loss of the last epoch": round(sum(last) / len(last), 4),
    }


def save_adapter(model: "PreTrainedModel", file: Path) -> None:
    """Write the adapter that `model` has; without one a file without tensors."""
    from safetensors.torch import save_file

    save_file({n: p.detach().contiguous().cpu() for n, p in _adapter(model).items()}, file)


def load_adapter(model: "PreTrainedModel", file: Path) -> None:
    """Give `model` the adapter of a file; none where the file has no tensors."""
    from safetensors.torch import load_file

    saved = load_file(file)
    if not saved:
        return
    [rank] = {tensor.shape[0] for name, tensor in saved.items() if ".lora_A." in name}
    _with_adapter(model, rank).eval()
    ours = _adapter(model)
    assert ours.keys() == saved.keys(), f"{file} is of another student"
    with torch.no_grad():
        for name, parameter in ours.items():
            parameter.copy_(saved[name])


def _with_adapter(model: "PreTrainedModel", rank: int) -> Any:
    """peft's model around `model`, whose own layers have the adapter from now on."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=rank,
        lora_alpha=SCALE * rank,  # type: ignore[arg-type]  # a fraction is as good
        target_modules="all-linear",
    )
    return get_peft_model(model, config)


def _adapter(model: "PreTrainedModel") -> dict[str, torch.nn.Parameter]:
    return {name: p for name, p in model.named_parameters() if ".lora_" in name}


def _steps(pairs: Sequence[Pair], epochs: int, seed: int) -> Iterator[list[Pair]]:
    dice = torch.Generator().manual_seed(seed)
    for _ in range(epochs):
        order = torch.randperm(len(pairs), generator=dice).tolist()
        for start in range(0, len(order), PAIRS):
            yield [pairs[n] for n in order[start : start + PAIRS]]


def _last_states(model: "PreTrainedModel", paths: Sequence[Prefix]) -> Tensor:
    """Of each path the last layer's state behind its last token, (paths, hidden size), in float32.
    Padding is on the right, where causal attention never looks."""
    texts = [[*path.prompt_ids, *path.token_ids] for path in paths]
    width = max(map(len, texts))
    rows = torch.tensor([[*text, *[0] * (width - len(text))] for text in texts])
    base = getattr(model, model.base_model_prefix)  # without the head
    states = base(input_ids=rows.to(model.device), use_cache=False).last_hidden_state
    ends = torch.tensor([len(text) - 1 for text in texts], device=model.device)
    found: Tensor = states[torch.arange(len(texts), device=model.device), ends].float()
    return found
