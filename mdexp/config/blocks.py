"""The blocks of the configuration, judged each by itself; settings.py judges them together."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mdexp.records import Split

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


class Block(BaseModel):
    """A part of the configuration: frozen, every key known, `true` is no number, nan no value."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class VerifySettings(Block):
    """Which paths are kept; verify.py says what the modes mean."""

    mode: Literal["gold", "runs", "agree", "none"]


class BeamSettings(Block):
    """Step-wise beam search (decoding/stepwise.py): `width` beams, `branches` ways on from each.

    A beam's score is its mean log-probability per token, plus `weights` times the shares of its
    steps that run and that bind a new value, and of the question's numbers that it has used. A
    fourth weight, 0 where it is left out, is that of the steps' mean relevance to the question.
    """

    width: Count
    branches: Count  # the greedy way on, and sampled ones
    max_steps: Count
    # Tried on validation problems, [run, new, use] or [run, new, use, relevance]; of equal ones the
    # first is taken.
    weights: Annotated[
        tuple[
            Annotated[tuple[float, ...], Field(strict=False, min_length=3, max_length=4)],
            ...,
        ],
        Field(strict=False, min_length=1),
    ]


class DecodingSettings(Block):
    """What every decoder is told. `num_paths` paths of each thought vote beside its sample 0."""

    engine: Literal["local", "openai"]
    # openai: the server's /v1, or those of several servers of the same student
    base_url: str | Annotated[tuple[str, ...], Field(strict=False)] | None
    served: str | None  # openai: its name for the trained student; before training all is local
    # openai: what becomes of a server whose model is not the trained student (served_probe.py).
    on_other_model: Literal["error", "mark"] = Field("error", exclude_if=lambda do: do == "error")
    num_paths: int = Field(ge=0)  # 0: the greedy paths vote; between two it is a tie-break
    temperature: float = Field(gt=0)
    top_p: float = Field(gt=0, le=1)  # samples are of the likeliest tokens that reach it together
    max_new_tokens: Count
    batch_size: Count  # rows at a time, or calls
    num_shots: int = Field(ge=0)  # of the few-shot prompt before training
    num_validation: int = Field(ge=0)  # validation problems answered: they choose shots, break ties
    validation_paths: int = Field(default=0, ge=0)  # sampled for each of these problems

    def base_urls(self) -> tuple[str, ...]:
        """The servers that are asked."""
        return (self.base_url,) if isinstance(self.base_url, str) else self.base_url or ()

    def num_samples(self, split: Split) -> int:
        """How many paths of a thought are sampled for a problem, beside the greedy one."""
        return self.validation_paths if split == "validation" else self.num_paths


class TrainerSettings(Block):
    """Machine and optimiser. A step is `step_problems` problems with all their kept paths."""

    accelerator: Literal["auto", "cpu", "gpu"]
    devices: int = Field(ge=-1)  # processes; -1: one for each GPU, or what a launcher started
    # Machines, as a check on what torchrun or srun started; no part of keys, as it changes nothing.
    num_nodes: Count | None = Field(None, exclude=True)
    strategy: Literal["auto", "ddp", "fsdp"]
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"]
    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(ge=0)
    step_problems: Count
    epochs: Count
    max_steps: Count | None  # optimiser steps; overrides epochs
    warmup: float = Field(ge=0, lt=1)  # share of the steps
    schedule: Literal["linear", "cosine", "constant"]
    clip_norm: float = Field(gt=0)
    max_tokens: Count  # longest sequence that is trained on
    on_overlong: Literal["drop", "error"]  # what becomes of a longer one; it is never cut
    micro_batch_tokens: Count  # padded tokens that are computed at a time
    checkpoint_steps: Count
    layout: Literal["tree", "separate"]  # tree: what the prompts of a problem share is read once
    # Optimiser steps between looks at the NLL of `validate_problems` problems, which are drawn from
    # the training problems and not trained on. Not in the settings of runs of earlier versions.
    validate_every: Count | None = None
    validate_problems: Count = 32
    # Compute what a layer needs in the backward pass again, instead of keeping it.
    activation_checkpointing: bool = Field(False, exclude_if=lambda used: not used)

    @model_validator(mode="after")
    def _someone_trains(self) -> Self:
        if self.devices == 0:
            raise ValueError("devices=0 trains with nothing; give a number, or -1 for all GPUs")
        return self

    @model_validator(mode="after")
    def _half_precision_needs_a_gpu(self) -> Self:
        if self.accelerator == "cpu" and self.precision == "16-mixed":
            raise ValueError("precision=16-mixed needs a GPU; on a CPU use bf16-mixed or 32-true")
        return self
