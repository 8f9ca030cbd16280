"""Where a student's weights lie at a point of a run: as configured, unpacked, or trained."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from mdexp.ports import StudentConfig
from mdexp.students.adapters import merged
from mdexp.students.load import Loaded, folder_config, folder_tokenizer, load_folder
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

    def load(self) -> Loaded:
        """Model (float32, evaluation mode) and tokenizer."""
        if self.trained and self.student.tuning == "full":
            return load_folder(self.trained, self.student.kind)
        if self.base:
            model, tokenizer = load_folder(self.base, self.student.kind)
        else:
            model, tokenizer = self.student.load(self.seed)
        model, tokenizer = extended((model, tokenizer), self.new_tokens)
        if self.trained:
            from peft import PeftModel

            model = merged(PeftModel.from_pretrained(model, str(self.trained)))
        return model.eval(), tokenizer

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
