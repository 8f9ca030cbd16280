"""Out-of-distribution test sets: other datasets, named in `dataset.ood`.

They have the defaults of their yaml. Where that leaves `path` open, the main dataset's path is
used; so is its `limit_test`, if set. A dataset from the user's own folder (--config-dir) is written
as `{name: options}`, so that a run's settings are complete.
"""

from typing import Annotated, Any, cast

from pydantic import AfterValidator

from mdexp.config.config_path import config_folder
from mdexp.ports import Dataset, OodSet
from mdexp.ports.parts import build_part


def load_ood(dataset: Dataset) -> tuple[Dataset, ...]:
    """The datasets that `dataset.ood` names, in that order."""
    return tuple(_load(entry, dataset) for entry in dataset.ood)


def ood_name(entry: OodSet) -> str:
    return entry if isinstance(entry, str) else next(iter(entry))


def shipped_names() -> list[str]:
    return sorted(file.stem for file in (config_folder() / "dataset").glob("*.yaml"))


def shipped_options(name: str) -> dict[str, Any]:
    """The options in the yaml of a dataset of conf/; ValueError for another name."""
    if name not in shipped_names():
        raise ValueError(f"no dataset {name!r}; available: {', '.join(shipped_names())}")
    import yaml

    return yaml.safe_load(
        (config_folder() / "dataset" / f"{name}.yaml").read_text(encoding="utf-8")
    )


def _load(entry: OodSet, main: Dataset) -> Dataset:
    options = shipped_options(entry) if isinstance(entry, str) else entry[ood_name(entry)]
    path = options["path"] or main.path
    limit = main.limit_test or options["limit_test"]
    return cast(Dataset, build_part(options | {"path": path, "limit_test": limit}))


def _known(entries: tuple[OodSet, ...]) -> tuple[OodSet, ...]:
    available = shipped_names()
    for entry in entries:
        if isinstance(entry, str) and entry not in available:
            raise ValueError(
                f"no dataset {entry!r}; available: {', '.join(available)}, "
                "and those of your own --config-dir"
            )
    names = [ood_name(entry) for entry in entries]
    if len(set(names)) < len(names):
        raise ValueError(f"a dataset is named twice in {names}")
    return entries


OodNames = Annotated[tuple[OodSet, ...], AfterValidator(_known)]
