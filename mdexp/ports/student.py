"""A student as it is configured."""

from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any, Literal, Protocol, runtime_checkable

Tuning = Literal["full", "lora", "dora", "qlora"]


@runtime_checkable
class StudentConfig(Protocol):
    """A student as configured: it names its weights and loads them when asked.

    One may also have `base_dtype`, the type of frozen weights: auto, float32 or bfloat16; and
    `roles`: shared, or separate for an adapter for each role of a thought's texts.
    """

    kind: Literal["causal", "seq2seq"]
    prompt: Literal["chat", "plain"]
    tuning: Tuning
    lora_rank: int
    lora_alpha: float
    lora_dropout: float
    lora_targets: str | tuple[str, ...]

    def files(self) -> dict[str, FilePath]:
        """Local files that it is made of: their content is part of the stages' keys."""
        ...

    def is_packed(self) -> bool:
        """Whether loading takes an unpacking that is worth doing once for all runs."""
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
    """What people call a student of these options, by where its weights come from: the last part of
    a folder or repository, or a package, as they are looked for; else the class."""
    source = options.get("path") or options.get("package") or options.get("repo")
    return FilePath(source).name if source else options.get("_target_", "").rpartition(".")[2]
