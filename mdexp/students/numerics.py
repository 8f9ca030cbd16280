"""The numerics of this machine, which are part of the key of every stage that computes with the
student."""

from dataclasses import dataclass, field
from typing import Literal

import torch

from mdexp.ports import StudentConfig
from mdexp.students.frozen import BaseDtype

Precision = Literal["32-true", "bf16-mixed", "16-mixed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Numerics:
    """Lightning's precision for training, the type of the weights for generation, and where."""

    precision: Precision
    dtype: str
    device: str
    threads: int
    # Of the weights that training freezes. float32 is omitted from keys: older runs keep theirs.
    base_dtype: BaseDtype = field(default="float32", metadata={"omitted": True})


def numerics(
    precision: Precision | Literal["auto"], accelerator: str, student: StudentConfig | None = None
) -> Numerics:
    """`precision: auto` is bfloat16 where the machine has it in hardware (it halves the time there
    and multiplies it elsewhere), else float32. ValueError for half precision without a GPU, and
    for a `student.base_dtype` that the precision does not compute in."""
    gpu = torch.cuda.is_available() and accelerator != "cpu"
    if precision == "16-mixed" and not gpu:
        raise ValueError("trainer.precision=16-mixed needs a GPU: use bf16-mixed or 32-true")
    if precision == "auto":
        precision = "bf16-mixed" if _has_bfloat16(gpu) else "32-true"
    dtypes: dict[str, str] = {"32-true": "float32", "16-mixed": "float16"}
    return Numerics(
        precision=precision,
        dtype=dtypes.get(precision, "bfloat16"),
        device="cuda" if gpu else "cpu",
        threads=torch.get_num_threads(),
        base_dtype=_base_dtype(student, precision, gpu) if student else "float32",
    )


def _base_dtype(student: StudentConfig, precision: Precision, gpu: bool) -> BaseDtype:
    asked = getattr(student, "base_dtype", "auto")
    if asked == "bfloat16" and precision != "bf16-mixed":
        raise ValueError(
            f"student.base_dtype=bfloat16 is computed in bfloat16, and trainer.precision is "
            f"{precision} here: set trainer.precision=bf16-mixed or student.base_dtype=float32"
        )
    if asked == "auto":
        halved = gpu and precision == "bf16-mixed" and student.tuning != "full"
        return "bfloat16" if halved else "float32"
    return "bfloat16" if asked == "bfloat16" else "float32"


def _has_bfloat16(gpu: bool) -> bool:
    if gpu:
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
