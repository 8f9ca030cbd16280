"""The blocks of the configuration, judged each by itself; settings.py judges them together."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mdexp.records import Rule

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


class Block(BaseModel):
    """A part of the configuration: frozen, every key known, `true` is no number, nan no value."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class ObjectiveSettings(Block):
    """What training minimises: `name` says how the thoughts share the loss."""

    name: Literal["dual", "weighted", "union"]
    lambda_thought: str | None  # dual: the thought that λ weighs, whatever the order of thoughts
    weights: dict[str, Share] | None  # weighted: the share of each thought; none: equal shares
    normalize: Literal["token", "example"]  # what a thought's mean is over
    pairing: Literal["both", "any"]  # both: only problems that have every thought of the mix

    @model_validator(mode="after")
    def _reads_its_keys(self) -> Self:
        if self.name == "dual" and self.lambda_thought is None:
            raise ValueError("objective=dual needs lambda_thought, the thought that lambda weighs")
        if self.name != "dual" and self.lambda_thought is not None:
            raise ValueError(f"objective={self.name} reads no lambda_thought")
        if self.name != "weighted" and self.weights:
            raise ValueError(f"objective={self.name} reads no weights; choose objective=weighted")
        return self


class VerifySettings(Block):
    """Which paths are kept; verify.py says what the modes mean."""

    mode: Literal["gold", "runs", "agree", "none"]


class BeamSettings(Block):
    """Step-wise beam search (decoding/stepwise.py): `width` beams, `branches` ways on from each.

    A beam's score is its mean log-probability per token, plus `weights` times the shares of its
    steps that run and that bind a new value, and of the question's numbers that it has used.
    """

    width: Count
    branches: Count  # the greedy way on, and sampled ones
    max_steps: Count
    # Tried on validation problems, each [run, new, use]; of equal ones the first is taken.
    weights: Annotated[
        tuple[Annotated[tuple[float, float, float], Field(strict=False)], ...],
        Field(strict=False, min_length=1),
    ]


class DecodingSettings(Block):
    """What every decoder is told. `num_paths` paths of each thought vote beside its sample 0."""

    engine: Literal["local", "openai"]
    base_url: str | None  # openai: the server's /v1
    served: str | None  # openai: its name for the trained student; before training all is local
    num_paths: int = Field(ge=0)  # 0: the greedy paths elect, and the row is called a tie-break
    temperature: float = Field(gt=0)
    top_p: float = Field(gt=0, le=1)  # samples are of the likeliest tokens that reach it together
    max_new_tokens: Count
    batch_size: Count  # rows at a time, or calls
    num_shots: int = Field(ge=0)  # of the few-shot prompt before training
    num_validation: int = Field(ge=0)  # validation problems answered: they choose shots, break ties


class VoteSettings(Block):
    """How one answer is elected; scoring/vote.py says what the rules mean."""

    name: Rule
    # The first decides (cascade, agreement) or settles ties; empty: by validation accuracy.
    order: Annotated[tuple[str, ...], Field(strict=False)]


class TrainerSettings(Block):
    """Machine and optimiser. A step is `step_problems` problems with all their kept paths."""

    accelerator: Literal["auto", "cpu", "gpu"]
    devices: int = Field(ge=-1)  # -1: all there are
    strategy: Literal["auto", "ddp", "fsdp"]
    precision: Literal["auto", "32-true", "bf16-mixed", "bf16-true", "16-mixed"]
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

    @model_validator(mode="after")
    def _half_precision_needs_a_gpu(self) -> Self:
        if self.accelerator == "cpu" and self.precision == "16-mixed":
            raise ValueError("precision=16-mixed needs a GPU; on a CPU use bf16-mixed or 32-true")
        return self


class LoggerSettings(Block):
    """Weights & Biases: `auto` is online with a key and offline without. CSV is always written."""

    mode: Literal["auto", "online", "offline", "disabled"]
    tensorboard: bool = False  # not told by runs of earlier versions
    project: str
    entity: str | None
