"""Loads the student from a checkpoint of an unfinished training."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mdexp.students.adapters import adapted, merged
from mdexp.students.frozen import Frozen
from mdexp.students.load import Loaded
from mdexp.students.vocabulary import token_ids
from mdexp.students.weights import Weights

MODULE = "student."  # what training/module.py calls the model


def student_of_checkpoint(
    untrained: Weights, file: Path, roles: Sequence[str] = (), role: str | None = None
) -> tuple[Loaded, int]:
    """The model (with its adapter merged, in evaluation mode), the tokenizer, and the number of
    optimiser steps done. If `roles` have an adapter each, that of `role` is merged. ValueError if
    the file is not a checkpoint of this student."""
    from mdexp.training.resume import UNREADABLE, saved_state  # loads Lightning

    try:
        state = saved_state(file)
        weights, step = state["state_dict"], int(state["global_step"])
        frozen = Frozen(**state.get("frozen", {}))
    except UNREADABLE as error:
        raise ValueError(f"{file} is no readable checkpoint: {error}") from error
    base, tokenizer = untrained.load()
    frozen.round(base)
    rows = token_ids(tokenizer, untrained.new_tokens)
    model: Any = adapted(base, untrained.student, new_tokens=rows, roles=roles)
    plain = model if untrained.student.tuning == "full" else model.get_base_model()
    trained = {name.removeprefix(MODULE): value for name, value in weights.items()}
    expected = {n: p.shape for n, p in plain.named_parameters() if p.requires_grad}
    if {name: value.shape for name, value in trained.items()} != expected:
        raise ValueError(f"{file} is a checkpoint of another student, or of another tuning")
    plain.load_state_dict(trained, strict=False)  # frozen weights are already loaded
    return (merged(model, role).eval(), tokenizer), step
