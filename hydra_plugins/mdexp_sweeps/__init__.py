"""Hydra's hooks for sweeps; it looks for plug-ins in the package `hydra_plugins` alone.

`hydra/launcher=processes` runs each job in a process of its own, one for each GPU at a time;
`hydra/sweeper=mdexp_points` is what `resume=FOLDER` runs the rest of a sweep by.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

# Of the command's own overrides of Hydra, those that say how a sweep is run and not how a job is.
OF_SWEEPS = ("hydra/launcher", "hydra.launcher", "hydra/sweeper", "hydra.sweep", "hydra.mode")


class Processes(Launcher):
    """Each job in a process of its own; `num_jobs` at a time, by default one for each GPU."""

    def __init__(self, num_jobs: int | None) -> None:
        self.num_jobs = num_jobs

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.hydra_context, self.config = hydra_context, config

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        from mdexp.sweeps.jobs import validation_accuracy
        from mdexp.sweeps.live_jobs import LiveJobs
        from mdexp.sweeps.processes import places, run_jobs, visible_devices

        numbered = enumerate(job_overrides, start=initial_job_idx)
        work = [self._job(number, list(overrides)) for number, overrides in numbered]
        at = places(visible_devices(os.environ), self.num_jobs)
        with LiveJobs(work) as live:
            results = run_jobs(work, at, finished=live.ended, begun=live.begun)
        returns = []
        for result in results:
            returned = JobReturn(overrides=result.overrides, status=JobStatus.COMPLETED)
            returned.return_value = validation_accuracy(result.metrics)
            returns.append(returned)
        return returns

    def _job(self, number: int, overrides: list[str]) -> Any:
        from mdexp.sweeps.processes import Job

        composed = self.hydra_context.config_loader.load_sweep_config(self.config, overrides)
        with open_dict(composed):
            composed.hydra.job.id = composed.hydra.job.num = number
        HydraConfig.instance().set_config(composed)  # ${hydra:job.num} is read from it
        folder = Path(composed.hydra.sweep.dir) / str(composed.hydra.sweep.subdir)
        own = [word for word in overrides if not word.startswith(OF_SWEEPS)]
        of_hydra = [
            word for word in self.config.hydra.overrides.hydra if not word.startswith(OF_SWEEPS)
        ]
        quoted = str(folder).replace("'", "\\'")
        place = [f"hydra.run.dir='{quoted}'", "hydra.mode=RUN", f"hydra.job.num={number}"]
        sources = composed.hydra.runtime.config_sources
        given = [f"--config-dir={s.path}" for s in sources if s.provider == "command-line"]
        return Job(
            number=int(folder.name) if folder.name.isdecimal() else number,
            overrides=own,
            folder=folder,
            arguments=[*given, *own, *of_hydra, *place],
        )


class Points(Sweeper):
    """The jobs of the sweep in `folder` that are missing or failed, each in its own folder."""

    def __init__(self, folder: str, **_: Any) -> None:
        self.folder = Path(folder)

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.config = config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        from mdexp.sweeps.sweep_plan import read_sweep, unfinished

        left = unfinished(self.folder, read_sweep(self.folder).points)
        # A launcher counts its jobs afresh, so the folder of each is said outright.
        batch = [[*result.overrides, f"hydra.sweep.subdir={result.job}"] for result in left]
        OmegaConf.save(self.config, self.folder / "multirun.yaml")
        return self.launcher.launch(batch, initial_job_idx=0) if batch else []


store = ConfigStore.instance().store
launcher = {"_target_": f"{__name__}.Processes", "num_jobs": None}
store(group="hydra/launcher", name="processes", node=launcher, provider="mdexp")
# Beside `folder` what the basic sweeper takes, since a command may have set it.
of_basic = {"params": {}, "max_batch_size": None}
sweeper = {"_target_": f"{__name__}.Points", "folder": "${hydra.sweep.dir}", **of_basic}
store(group="hydra/sweeper", name="mdexp_points", node=sweeper, provider="mdexp")
