"""The limits of a program, validated without loading the sandbox itself."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

# How often a program is run if its process or worker is stopped or killed. Signals from outside, or
# a machine out of memory, are not its fault; a program that ends this many processes is at fault.
TRIES = 6


class SandboxSettings(BaseModel):
    """The keys of `conf/sandbox/*.yaml`, which has the defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Whether CPython answers what Monty does not: behind the kernel's filter, not at all, or
    # without protection.
    cpython: Literal["confined", "off", "unprotected"]
    timeout_s: float = Field(gt=0, le=600, allow_inf_nan=False)  # CPU time of one program
    memory_mib: int = Field(ge=16)  # heap of one program
    output_kib: int = Field(ge=1)  # what one program may print
    workers: int = Field(ge=0)  # programs run at once; 0 is one per core
