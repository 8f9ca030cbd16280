"""The rest of a search that optuna began; `resume=FOLDER` puts it in the place of optuna's sweeper.

A new study is asked first for the points that are in the folder, in their order, so that trial k is
job k again. Jobs that are done answer from there, the others are run, and then the search goes on.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

STUDY = "resumed"


class Search(Sweeper):
    """Optuna's sweeper, which it takes the options of, with a memory of its folder."""

    def __init__(self, **options: Any) -> None:
        self.options = options

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.context = {"hydra_context": hydra_context, "task_function": task_function}
        self.config = config

    def sweep(self, arguments: list[str]) -> Any:
        from hydra_plugins.hydra_optuna_sweeper.optuna_sweeper import OptunaSweeper

        from mdexp.sweeps.jobs import collect

        results = {r.job: r for r in collect(Path(self.config.hydra.sweep.dir), [])}
        swept = _swept(self.options["params"] or {}, arguments)
        points = [
            _point(results[job].overrides, swept) if job in results else {}
            for job in range(max(results, default=-1) + 1)
        ]
        storage = _storage(self.options["direction"], points)
        search = OptunaSweeper(**self.options | {"storage": storage, "study_name": STUDY})
        search.setup(**self.context, config=self.config)
        search.sweeper.launcher = Remaining(search.sweeper.launcher, results)
        return search.sweep(arguments)


class Remaining:
    """Answers for jobs that are done, and has `launcher` run the others in their own folders."""

    def __init__(self, launcher: Launcher, results: Mapping[int, Any]) -> None:
        self.launcher, self.results = launcher, results

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> list[JobReturn]:
        asked = dict(enumerate(map(list, job_overrides), start=initial_job_idx))
        returns = {job: self._recorded(job, overrides) for job, overrides in asked.items()}
        left = [job for job, returned in returns.items() if returned is None]
        # A launcher counts its jobs afresh, so the folder of each is said outright.
        batch = [[*asked[job], f"hydra.sweep.subdir={job}"] for job in left]
        if batch:
            returns |= zip(left, self.launcher.launch(batch, initial_job_idx=0), strict=True)
        return [returned for returned in returns.values() if returned]

    def _recorded(self, job: int, overrides: list[str]) -> JobReturn | None:
        from mdexp.sweeps.jobs import validation_accuracy

        result = self.results.get(job)
        if result is None:
            return None
        if sorted(result.overrides) != sorted(o for o in overrides if not o.startswith("hydra")):
            raise RuntimeError(
                f"job {job} was run with {' '.join(result.overrides)}, and its trial asks for "
                f"{' '.join(overrides)}: this search cannot be resumed; give its command again"
            )
        if result.state != "ok":
            return None
        returned = JobReturn(overrides=overrides, status=JobStatus.COMPLETED)
        returned.return_value = validation_accuracy(result.metrics)
        return returned


def _storage(direction: Any, points: Sequence[Mapping[str, Any]]) -> Any:
    """Holds a study whose first trials are at `points`; at one that is empty, it is free."""
    import optuna

    storage = optuna.storages.InMemoryStorage()
    name = getattr(direction, "name", direction)
    study = optuna.create_study(storage=storage, study_name=STUDY, direction=name)
    for point in points:
        study.enqueue_trial(dict(point))
    return storage


def _swept(params: Mapping[Any, Any], arguments: Sequence[str]) -> set[str]:
    """The keys that are searched: a single value given for one takes it out of the search."""
    overrides = _parsed([*(f"{key}={value}" for key, value in params.items()), *arguments])
    fixed = {o.get_key_element() for o in overrides if not o.is_sweep_override()}
    return {o.get_key_element() for o in overrides} - fixed


def _point(overrides: Sequence[str], swept: set[str]) -> dict[str, Any]:
    """What a job was tried at, as optuna names it: numbers as numbers, all else as it was said."""
    point = {}
    for override in _parsed(overrides):
        value = override.value()
        is_plain = isinstance(value, bool | int | float)
        said = value if is_plain else override.get_value_element_as_str()
        point[override.get_key_element()] = said
    return {key: value for key, value in point.items() if key in swept}


def _parsed(overrides: Sequence[str]) -> list[Override]:
    return OverridesParser.create().parse_overrides(list(overrides))
