"""The blocks of the configuration, each validated by itself; settings.py validates them
together."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mdexp.records import Split

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


class Block(BaseModel):
    """A block of the configuration: frozen; unknown keys, `true` as a number, and nan are
    refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class VerifySettings(Block):
    """Which paths are kept; verify.py explains the modes."""

    mode: Literal["gold", "runs", "agree", "none"]


class BeamSettings(Block):
    """Step-wise beam search (decoding/stepwise.py): `width` beams, `branches` continuations of
    each.

    A beam's score is its mean log-probability per token plus three weighted shares: of its steps
    that run, of its steps that set a new variable, and of the question's numbers that it uses. An
    optional fourth weight (default 0) is for the steps' mean relevance to the question, a fifth for
    the log of the chance that the run's scorer gives the text.
    """

    width: Count
    branches: Count  # the greedy continuation, and sampled ones
    max_steps: Count
    # Candidates, [run, new, use], with relevance and the scorer's weight behind them: the best on
    # validation problems is taken, of equals the first.
    weights: Annotated[
        tuple[
            Annotated[tuple[float, ...], Field(strict=False, min_length=3, max_length=5)],
            ...,
        ],
        Field(strict=False, min_length=1),
    ]


class DecodingSettings(Block):
    """The settings of every decoder. `num_paths` sampled paths of each thought vote; sample 0 is
    its greedy path."""

    engine: Literal["local", "openai"]
    # openai: the server's /v1, or those of several servers of the same student
    base_url: str | Annotated[tuple[str, ...], Field(strict=False)] | None
    served: str | None  # openai: its name for the trained student; before training all is local
    # openai: what to do if the server's model is not the trained student (served_probe.py).
    on_other_model: Literal["error", "mark"] = Field("error", exclude_if=lambda do: do == "error")
    num_paths: int = Field(ge=0)  # 0: the greedy paths vote; of two that is a tie-break
    temperature: float = Field(gt=0)
    top_p: float = Field(gt=0, le=1)  # nucleus sampling: the likeliest tokens up to this sum
    max_new_tokens: Count
    batch_size: Count  # rows, or concurrent calls, at a time
    num_shots: int = Field(ge=0)  # exemplars of the few-shot prompt before training
    num_validation: int = Field(ge=0)  # validation problems answered: they choose shots, break ties
    validation_paths: int = Field(default=0, ge=0)  # sampled for each of these problems

    def base_urls(self) -> tuple[str, ...]:
        """The URLs of the servers."""
        return (self.base_url,) if isinstance(self.base_url, str) else self.base_url or ()

    def num_samples(self, split: Split) -> int:
        """How many paths of a thought are sampled for a problem, besides the greedy one."""
        return self.validation_paths if split == "validation" else self.num_paths


class TrainerSettings(Block):
    """Machine and optimiser. A step is `step_problems` problems with all their kept paths."""

    accelerator: Literal["auto", "cpu", "gpu"]
    devices: int = Field(ge=-1)  # processes; -1: one for each GPU, or what a launcher started
    # The number of machines, checked against what torchrun or srun started. Not in keys: it changes
    # no result.
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
    on_overlong: Literal["drop", "error"]  # what to do with a longer one; it is never cut
    micro_batch_tokens: Count  # padded tokens that are computed at a time
    checkpoint_steps: Count
    layout: Literal["tree", "separate"]  # tree: shared prefixes are computed once
    # Optimiser steps between measurements of the NLL of `validate_problems` problems, which are
    # taken from the training problems and not trained on. Runs of earlier versions lack this key.
    validate_every: Count | None = None
    validate_problems: Count = 32
    # Recompute a layer's activations in the backward pass instead of keeping them.
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
