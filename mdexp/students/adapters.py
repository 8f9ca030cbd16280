"""How a student is tuned: all weights, or low-rank adapters beside frozen ones.

LoRA (arXiv 2106.09685) adds a product of two thin matrices to chosen linear layers; DoRA (arXiv
2402.09353) learns the length of each column beside it. Merged, both are a student of the same
architecture again, which plain transformers loads.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mdexp.students.vocabulary import is_tied

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from mdexp.ports import StudentConfig

ALL_LINEAR = "all-linear"


def adapted(
    model: "PreTrainedModel", student: "StudentConfig", new_tokens: Sequence[int] = ()
) -> Any:
    """The model as `student.tuning` says: itself, or peft's model around it, which trains the rows
    of `new_tokens` as well. ValueError where a target names no layer that takes an adapter."""
    if student.tuning == "full":
        return model
    from peft import LoraConfig, get_peft_model

    judge_targets(model, student.lora_targets)
    targets = student.lora_targets
    return get_peft_model(
        model,
        LoraConfig(
            r=student.lora_rank,
            lora_alpha=student.lora_alpha,  # type: ignore[arg-type]  # a fraction is as good
            lora_dropout=student.lora_dropout,
            target_modules=targets if targets == ALL_LINEAR else _named(targets),
            use_dora=student.tuning == "dora",
            trainable_token_indices=_trained_rows(model, new_tokens) if new_tokens else None,
        ),
    )


def _trained_rows(model: "PreTrainedModel", tokens: Sequence[int]) -> dict[str, list[int]]:
    """The rows of each table of the vocabulary that are trained; peft ties those that are tied."""
    tables = [model.get_input_embeddings()]
    if not is_tied(model):
        tables.append(model.get_output_embeddings())
    names = {id(module): name for name, module in model.named_modules(remove_duplicate=True)}
    return {names[id(table)]: list(tokens) for table in tables}


def merged(model: Any) -> "PreTrainedModel":
    """The student with its adapters added into its weights, in their place."""
    return model.merge_and_unload() if hasattr(model, "merge_and_unload") else model


def _named(targets: str | Sequence[str]) -> list[str]:
    return [targets] if isinstance(targets, str) else list(targets)


def judge_targets(model: "torch.nn.Module", targets: str | Sequence[str]) -> None:
    """ValueError if a target of `student.lora_targets` names no layer, or there is no target. A
    model without weights (on torch's device `meta`) is enough."""
    if targets == ALL_LINEAR:
        return
    if not targets:
        raise ValueError(f"student.lora_targets names no layer; {ALL_LINEAR!r} takes all")
    layers = linear_layers(model)
    for target in _named(targets):
        if not any(name == target or name.endswith(f".{target}") for name in layers):
            names = sorted({name.rpartition(".")[2] for name in layers})
            raise ValueError(
                f"student.lora_targets: {type(model).__name__} has no linear layer {target!r}; "
                f"it has {', '.join(names)}. {ALL_LINEAR!r} takes all but the head"
            )


def linear_layers(model: "torch.nn.Module") -> list[str]:
    """Full names of the layers that can take an adapter; GPT-2 writes its own kind."""
    import torch
    from transformers.pytorch_utils import Conv1D

    kinds = (torch.nn.Linear, Conv1D)
    return [name for name, layer in model.named_modules() if isinstance(layer, kinds)]
