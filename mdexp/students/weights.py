"""The weights of a student at a point of a run: as configured, unpacked, or trained."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from mdexp.ports import StudentConfig
from mdexp.students.adapters import merged
from mdexp.students.frozen import Frozen
from mdexp.students.load import Loaded, Student, folder_config, folder_tokenizer, load_folder
from mdexp.students.roles import saved_roles, with_adapters
from mdexp.students.vocabulary import NewTokens, extended, extended_tokenizer

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """`base` is an unpacked student, `trained` what training left: all weights, or an adapter.
    `new_tokens` are what a student learns beyond the vocabulary that it came with."""

    student: StudentConfig
    seed: int  # of random weights, for a student that has no others
    base: Path | None = None
    trained: Path | None = None
    new_tokens: NewTokens = field(default_factory=dict)

    def unpacked(self, folder: Path) -> Self:
        return replace(self, base=folder)

    def after_training(self, folder: Path) -> Self:
        return replace(self, trained=folder)

    def with_tokens(self, new_tokens: NewTokens) -> Self:
        return replace(self, new_tokens=new_tokens)

    def load_base(self, dtype: str = "float32") -> Loaded:
        """Model (evaluation mode) and tokenizer before training; `dtype` auto: as stored."""
        if self.base:
            loaded = load_folder(self.base, self.student.kind, dtype)
        elif dtype != "float32" and isinstance(self.student, Student):
            loaded = self.student.load(self.seed, dtype)
        else:
            loaded = self.student.load(self.seed)
        return extended(loaded, self.new_tokens)

    def load(self, role: str | None = None, dtype: str = "float32", device: str = "cpu") -> Loaded:
        """Model (evaluation mode, on the device, weights of type `dtype`) and tokenizer. Of a
        student with an adapter for each role they stay beside the base (students/roles.py), but
        that of `role` alone is merged. Buffers keep their type: rotary frequencies stay in
        float32."""
        import torch

        if self.trained and self.student.tuning == "full":
            model, tokenizer = load_folder(self.trained, self.student.kind, dtype)
        elif self.trained:
            model, tokenizer = self._load_adapted(self.trained, role, dtype)
        else:
            model, tokenizer = self.load_base(dtype)
        for parameter in model.parameters():
            parameter.data = parameter.data.to(getattr(torch, dtype))
        model.to(torch.device(device))  # type: ignore[arg-type]  # transformers wraps it
        return model.eval(), tokenizer

    def _load_adapted(self, trained: Path, role: str | None, dtype: str) -> Loaded:
        """Base and adapters. A base that training held in few bits is never read in float32
        here either, unless it is stored so or asked for."""
        frozen = Frozen.recorded(trained)
        as_stored = not frozen.is_plain and dtype != "float32"
        model, tokenizer = self.load_base("auto" if as_stored else "float32")
        frozen.round(model, dtype if as_stored else "float32")
        if saved_roles(trained) and role is None:
            return with_adapters(model, trained), tokenizer
        from peft import PeftModel

        folder = trained / role if role else trained
        return merged(PeftModel.from_pretrained(model, str(folder))), tokenizer

    def tokenizer(self) -> "PreTrainedTokenizerBase":
        """The tokenizer that `load` gives, without reading weights."""
        folder = self._whole_folder()
        tokenizer = folder_tokenizer(folder) if folder else self.student.tokenizer()
        return extended_tokenizer(tokenizer, self.new_tokens) if self.new_tokens else tokenizer

    def config(self) -> "PretrainedConfig":
        """The architecture of the model that `load` gives, without reading weights. Its vocabulary
        is the one before any new token."""
        folder = self._whole_folder()
        return folder_config(folder) if folder else self.student.config()

    def _whole_folder(self) -> Path | None:
        """The folder that holds model and tokenizer; an adapter's does not."""
        return self.trained if self.trained and self.student.tuning == "full" else self.base
