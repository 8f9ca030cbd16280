"""Adapters for the roles of a student, on one frozen base.

A role is what a thought says of a text that it asks for (`ports.Write.role`), such as the
rationale and the answer of Sci-CoT. One adapter computes at a time.
"""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn


def trained_adapters(model: Any, roles: Sequence[str]) -> dict[str, list["nn.Parameter"]]:
    """The parameters of the adapter of each role of peft's model, all of which are trained."""
    found = {}
    for role in roles:
        model.set_adapter(role)  # it freezes the others
        found[role] = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in chain(*found.values()):
        parameter.requires_grad_(True)
    return found


def roles_in(model: "nn.Module") -> frozenset[str]:
    """The roles whose adapters a model has; none, if its adapter is merged or it has none."""
    # Asked by attribute: most students have no adapter, and importing peft takes a second.
    layers: Any = (module for module in model.modules() if hasattr(module, "lora_A"))
    return frozenset(role for layer in layers for role in (*layer.lora_A, *layer.lora_embedding_A))


def activate(model: "nn.Module", role: str) -> None:
    """Let the adapter of a role compute, and no other. What is trained stays so: peft would freeze
    the others, and AdamW knows them all. ValueError if there is no such adapter."""
    from peft.functional import set_adapter

    if role not in (known := roles_in(model)):
        raise ValueError(f"no adapter of role {role}; there are {', '.join(sorted(known))}")
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    set_adapter(model, role, inference_mode=True)
    for parameter in trained:
        parameter.requires_grad_(True)


def saved_roles(folder: Path) -> list[str]:
    """The roles whose adapters lie in a folder, each in one of its own; none for a single
    adapter."""
    return sorted(file.parent.name for file in folder.glob("*/adapter_config.json"))


def with_adapters(model: Any, folder: Path) -> Any:
    """A base with the adapters of all roles that lie in a folder, ready for `activate`."""
    from peft import PeftModel

    first, *others = saved_roles(folder)
    tuned = PeftModel.from_pretrained(model, str(folder / first), adapter_name=first)
    for role in others:
        tuned.load_adapter(str(folder / role), adapter_name=role)
    return tuned.get_base_model()
