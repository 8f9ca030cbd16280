"""How far a program may go. Judged without loading the sandbox itself."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

# How often a program is run if its process or worker keeps being stopped or killed: a storm of
# signals, or of processes that are out of memory, is no fault of a program; what ends every one
# of so many processes is.
TRIES = 6


class SandboxSettings(BaseModel):
    """The keys of `conf/sandbox/*.yaml`, which has the defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # What CPython answers where Monty does not: behind the kernel's filter, not at all, or bare.
    cpython: Literal["confined", "off", "unprotected"]
    timeout_s: float = Field(gt=0, le=600, allow_inf_nan=False)  # CPU time of one program
    memory_mib: int = Field(ge=16)  # heap of one program
    output_kib: int = Field(ge=1)  # what one program may print
    workers: int = Field(ge=0)  # programs run at once; 0 is one per core
