"""Out-of-distribution test sets: other datasets, named in `dataset.ood`.

They have the defaults of their yaml, but `path` and, if it is set, `limit_test` of the main one.
"""

from typing import Annotated, Any, cast

from pydantic import AfterValidator

from mdexp.components import build
from mdexp.ports import Dataset
from mdexp.shipped import config_folder


def load_ood(dataset: Dataset) -> tuple[Dataset, ...]:
    """The datasets that `dataset.ood` names, in that order."""
    return tuple(_load(name, dataset) for name in dataset.ood)


def _load(name: str, main: Dataset) -> Dataset:
    defaults = _defaults(name)
    limit = main.limit_test or defaults["limit_test"]
    return cast(Dataset, build(defaults | {"path": main.path, "limit_test": limit}))


def _defaults(name: str) -> dict[str, Any]:
    import yaml

    return yaml.safe_load(
        (config_folder() / "dataset" / f"{name}.yaml").read_text(encoding="utf-8")
    )


def _known(names: tuple[str, ...]) -> tuple[str, ...]:
    available = sorted(file.stem for file in (config_folder() / "dataset").glob("*.yaml"))
    for name in names:
        if name not in available:
            raise ValueError(f"no dataset {name!r}; available: {', '.join(available)}")
    if len(set(names)) < len(names):
        raise ValueError(f"a dataset is named twice in {list(names)}")
    return names


OodNames = Annotated[tuple[str, ...], AfterValidator(_known)]
