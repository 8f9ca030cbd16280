"""The interface of a configured student."""

from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any, Literal, Protocol, runtime_checkable

Tuning = Literal["full", "lora", "dora", "qlora"]


@runtime_checkable
class StudentConfig(Protocol):
    """A student's configuration: it names the weights and loads them on request.

    It may also have `base_dtype`, the type of frozen weights (auto, float32 or bfloat16), and
    `roles` (shared, or separate: an adapter for each role of a thought's texts).
    """

    kind: Literal["causal", "seq2seq"]
    prompt: Literal["chat", "plain"]
    tuning: Tuning
    lora_rank: int
    lora_alpha: float
    lora_dropout: float
    lora_targets: str | tuple[str, ...]

    def files(self) -> dict[str, FilePath]:
        """The local files of the student; their content is part of the stages' keys."""
        ...

    def is_packed(self) -> bool:
        """Whether loading includes an unpacking that is worth doing once for all runs."""
        ...

    def load(self, seed: int) -> Any:
        """Model and tokenizer (students/load.py)."""
        ...

    def tokenizer(self) -> Any:
        """The tokenizer that `load` gives, without reading weights."""
        ...

    def config(self) -> Any:
        """transformers' configuration of the model that `load` gives, without reading weights."""
        ...


def student_name(options: Mapping[str, Any]) -> str:
    """The name for people of a student with these options: the last part of its folder or
    repository, or its package, in the order in which they are looked for; else its class."""
    source = options.get("path") or options.get("package") or options.get("repo")
    return FilePath(source).name if source else options.get("_target_", "").rpartition(".")[2]
