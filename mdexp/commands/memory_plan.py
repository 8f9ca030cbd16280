"""Plans memory: whether training and decoding fit the devices, and which settings would fit."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mdexp.config.blocks import DecodingSettings
from mdexp.config.settings import Settings
from mdexp.ports import StudentConfig
from mdexp.students.revision import unpinned
from mdexp.students.weights import Weights

if TYPE_CHECKING:
    from transformers import PretrainedConfig

    from mdexp.training.memory import TrainingMemory

GB = 1e9
SMALLEST_MICRO_BATCH = 256  # tokens


def memory_lines(job: Settings, devices: int | None, gigabytes: float | None) -> Iterator[str]:
    """Lines about a job's student on `devices` devices of `gigabytes` each; None takes those of
    this machine."""
    from mdexp.decoding.memory import decoding_memory
    from mdexp.students.load import StudentUnavailable
    from mdexp.students.numerics import numerics
    from mdexp.training.devices import processes
    from mdexp.training.memory import training_memory

    trainer, student = job.trainer, job.student
    if (warning := unpinned(student)) is not None:
        yield f"student: {warning}"
    try:
        config = Weights(student=student, seed=job.seed).config()
        machine = numerics(trainer.precision, trainer.accelerator, student)
        ranks = devices or processes(trainer).number
    except (StudentUnavailable, ValueError) as error:
        yield f"memory is not known: {str(error).splitlines()[0]}"
        return
    has = gigabytes * GB if gigabytes else _memory_here(machine.device)

    def of(student: StudentConfig, options: dict[str, object]) -> "TrainingMemory":
        return training_memory(
            student,
            config,
            trainer.model_copy(update=options),
            precision=machine.precision,
            base_dtype=machine.base_dtype,
            ranks=ranks,
            roles=job.roles(),
        )

    if "train" in job.stages:
        found = of(student, {})
        places = "one device" if ranks == 1 else f"each of {ranks} devices"
        yield f"memory of training on {places} in {machine.precision}:"
        for name in ("weights", "gradients", "optimizer", "activations", "communication"):
            if size := getattr(found, name):
                yield f"  {name:13} {size / GB:8.2f} GB"
        yield f"  {'peak':13} {found.peak / GB:8.2f} GB of {has / GB:.0f}"
        if found.peak > has:
            yield from _what_fits(job, config, of, has, ranks)
    if not isinstance(job.decoding, DecodingSettings):
        yield "memory of decoding: not known for a decoder of your own"
        return
    decoded = decoding_memory(
        student,
        config,
        job.decoding,
        prompt_tokens=max(1, trainer.max_tokens - job.decoding.max_new_tokens),
        dtype=machine.dtype,
    )
    if "generate" in job.stages and decoded and job.decoding.engine == "local":
        fits = "" if decoded.peak <= has else ": does not fit; lower decoding.batch_size"
        yield (
            f"memory of decoding: at most {decoded.peak / GB:.2f} GB of {has / GB:.0f}, of which "
            f"weights {decoded.weights / GB:.2f} in {machine.dtype}{fits}"
        )


def _what_fits(
    job: Settings, config: "PretrainedConfig", of: object, has: float, ranks: int
) -> Iterator[str]:
    """Settings that save memory, added one after another in the order of their cost, until it
    fits."""
    assert callable(of)
    said: list[str] = []
    options: dict[str, object] = {}
    student = job.student
    for key, value in _changes(job, ranks):
        part, _, name = key.partition(".")
        if part == "student":
            student = student.model_copy(update={name: value})  # type: ignore[attr-defined]
        else:
            options[name] = value
        said.append(f"{key}={str(value).lower() if isinstance(value, bool) else value}")
        if (peak := of(student, options).peak) <= has:
            yield f"  does not fit; it would take {peak / GB:.2f} GB with {' '.join(said)}"
            return
    yield f"  does not fit, and would not with {' '.join(said)}: take more or larger devices"


def _changes(job: Settings, ranks: int) -> Iterator[tuple[str, object]]:
    trainer = job.trainer
    if not trainer.activation_checkpointing:
        yield "trainer.activation_checkpointing", True
    if trainer.micro_batch_tokens > SMALLEST_MICRO_BATCH:
        yield "trainer.micro_batch_tokens", SMALLEST_MICRO_BATCH
    if ranks > 1 and trainer.strategy != "fsdp" and job.student.tuning != "qlora":
        yield "trainer.strategy", "fsdp"
        return
    for tuning in ("lora", "qlora"):
        if job.student.tuning in ("full", "lora") and job.student.tuning != tuning:
            yield "student.tuning", tuning


def _memory_here(device: str) -> float:
    """Memory of the GPU, or of the machine, in bytes."""
    if device == "cuda":
        import torch

        return float(torch.cuda.mem_get_info()[1])
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
