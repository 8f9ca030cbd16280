"""Out-of-distribution test sets: other datasets, named in `dataset.ood`.

They have the defaults of their yaml. Where that leaves `path` open, the main dataset's path is
used; so is its `limit_test`, if set. `{name: options}` changes single options of a set. One from
the user's own folder (--config-dir) is written with all, so that a run's settings are complete.
"""

from typing import Annotated, Any, cast

from pydantic import AfterValidator, ValidationError

from mdexp.config.config_path import config_folder
from mdexp.config.faults import faults_of
from mdexp.ports import Dataset, OodSet
from mdexp.ports.parts import TARGET, build_part, with_options


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
    options = set_options(entry)
    path = options["path"] or main.path
    limit = main.limit_test or options["limit_test"]
    return cast(Dataset, build_part(options | {"path": path, "limit_test": limit}))


def set_options(entry: OodSet) -> dict[str, Any]:
    """All options of a set; ValueError if it is none of ours and not complete."""
    if isinstance(entry, str):
        return shipped_options(entry)
    [(name, own)] = entry.items()
    return own if TARGET in own else with_options(shipped_options(name), own)


def _known(entries: tuple[OodSet, ...]) -> tuple[OodSet, ...]:
    available = shipped_names()
    for entry in entries:
        if isinstance(entry, dict) and len(entry) != 1:
            raise ValueError(f"expected one name with its options, got {', '.join(entry) or entry}")
        is_complete = isinstance(entry, dict) and TARGET in entry[ood_name(entry)]
        if not is_complete and ood_name(entry) not in available:
            raise ValueError(
                f"no dataset {ood_name(entry)!r}; available: {', '.join(available)}, "
                "and those of your own --config-dir, by name alone"
            )
        _judge(entry)
    names = [ood_name(entry) for entry in entries]
    if len(set(names)) < len(names):
        raise ValueError(f"a dataset is named twice in {names}")
    return entries


def _judge(entry: OodSet) -> None:
    """ValueError, with the key, if the set cannot be built of its options."""
    try:
        build_part(set_options(entry))
    except ValidationError as error:
        found = faults_of(error, ood_name(entry))
        raise ValueError("; ".join(f"{key}: {fault}" for key, fault in found.items())) from error


OodNames = Annotated[tuple[OodSet, ...], AfterValidator(_known)]
