"""How many processes train together on this machine; a request that it cannot meet is refused."""

import torch

from mdexp.config.blocks import TrainerSettings

NO_GPU = "no GPU is usable here; use trainer=cpu"


def num_ranks(trainer: TrainerSettings) -> int:
    """The number of processes. ValueError for more GPUs than there are, or any where none is."""
    gpus = 0 if trainer.accelerator == "cpu" else torch.cuda.device_count()
    if trainer.accelerator == "gpu" and not gpus:
        raise ValueError(f"trainer.accelerator=gpu: {NO_GPU}")
    if trainer.strategy == "fsdp" and not gpus:
        raise ValueError(f"trainer.strategy=fsdp shards over GPUs: {NO_GPU}")
    if trainer.devices == -1 and not gpus:
        raise ValueError(
            "trainer.devices=-1 means all GPUs, and none is used here: "
            "give the number of processes, as in trainer.accelerator=cpu trainer.devices=2"
        )
    if gpus and trainer.devices > gpus:
        raise ValueError(f"trainer.devices={trainer.devices}: this machine has {gpus}")
    return gpus if trainer.devices == -1 else trainer.devices
