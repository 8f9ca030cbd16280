"""Prepares a student's tuning: all weights, or low-rank adapters on frozen ones (frozen.py).

LoRA (arXiv 2106.09685) adds a product of two thin matrices to chosen linear layers; DoRA (arXiv
2402.09353) learns the length of each column beside it. Merged, both are a student of the same
architecture again, which plain transformers loads.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mdexp.students.frozen import PLAIN, Frozen
from mdexp.students.roles import trained_adapters
from mdexp.students.vocabulary import is_tied

if TYPE_CHECKING:
    import torch
    from transformers import PretrainedConfig, PreTrainedModel

    from mdexp.ports import StudentConfig

ALL_LINEAR = "all-linear"
ONE_ADAPTER = "default"  # what peft calls an adapter that is the only one


def adapted(
    model: "PreTrainedModel",
    student: "StudentConfig",
    *,
    frozen: Frozen = PLAIN,
    compute: str = "float32",
    new_tokens: Sequence[int] = (),
    roles: Sequence[str] = (),
) -> Any:
    """The model as `student.tuning` says: itself, or peft's model around it, which holds its base
    as `frozen` says and trains the rows of `new_tokens` as well. Each of `roles` has an adapter,
    and all are trained; without roles there is one adapter. ValueError where a target names no
    layer that takes an adapter."""
    if student.tuning == "full":
        return model
    from peft import LoraConfig, get_peft_model

    judge_targets(model, student.lora_targets)
    frozen.hold(model, compute)
    targets = student.lora_targets
    config = LoraConfig(
        r=student.lora_rank,
        lora_alpha=student.lora_alpha,  # type: ignore[arg-type]  # a fraction is as good
        lora_dropout=student.lora_dropout,
        target_modules=targets if targets == ALL_LINEAR else _named(targets),
        use_dora=student.tuning == "dora",
        trainable_token_indices=_trained_rows(model, new_tokens) if new_tokens else None,
    )
    first, *others = roles or (ONE_ADAPTER,)
    tuned: Any = get_peft_model(model, config, adapter_name=first)
    for role in others:
        tuned.add_adapter(role, config)
    trained_adapters(tuned, roles)
    return tuned


def _trained_rows(model: "PreTrainedModel", tokens: Sequence[int]) -> dict[str, list[int]]:
    """The rows of each table of the vocabulary that are trained; peft ties those that are tied."""
    tables = [model.get_input_embeddings()]
    if not is_tied(model):
        tables.append(model.get_output_embeddings())
    names = {id(module): name for name, module in model.named_modules(remove_duplicate=True)}
    return {names[id(table)]: list(tokens) for table in tables}


def merged(model: Any, role: str | None = None) -> "PreTrainedModel":
    """The student with its adapter, or that of a role, added into its weights, in their place."""
    if not hasattr(model, "merge_and_unload"):
        return model
    return model.merge_and_unload(adapter_names=[role] if role else None)


def _named(targets: str | Sequence[str]) -> list[str]:
    return [targets] if isinstance(targets, str) else list(targets)


def shapes_alone(student: "StudentConfig", config: "PretrainedConfig") -> "PreTrainedModel":
    """The model of a configuration without weights: no memory, whatever the size."""
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    auto = AutoModelForCausalLM if student.kind == "causal" else AutoModelForSeq2SeqLM
    with torch.device("meta"):
        return auto.from_config(config)


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
