"""Out-of-distribution test sets: other datasets, named in `dataset.ood`.

They have the defaults of their yaml, but `path` and, if it is set, `limit_test` of the main one.
"""

from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import AfterValidator

import mdexp
from mdexp.components import build
from mdexp.ports import Dataset


def load_ood(dataset: Dataset) -> tuple[Dataset, ...]:
    """The datasets that `dataset.ood` names, in that order."""
    return tuple(_load(name, dataset) for name in dataset.ood)


def _load(name: str, main: Dataset) -> Dataset:
    defaults = _defaults(name)
    limit = main.limit_test or defaults["limit_test"]
    return cast(Dataset, build(defaults | {"path": main.path, "limit_test": limit}))


def _defaults(name: str) -> dict[str, Any]:
    import yaml

    return yaml.safe_load((_folder() / f"{name}.yaml").read_text(encoding="utf-8"))


def _folder() -> Path:
    """conf/dataset, beside the package in a checkout, within it when installed."""
    package = Path(mdexp.__file__).parent
    inside = package / "conf" / "dataset"
    return inside if inside.is_dir() else package.parent / "conf" / "dataset"


def _known(names: tuple[str, ...]) -> tuple[str, ...]:
    available = sorted(file.stem for file in _folder().glob("*.yaml"))
    for name in names:
        if name not in available:
            raise ValueError(f"no dataset {name!r}; available: {', '.join(available)}")
    if len(set(names)) < len(names):
        raise ValueError(f"a dataset is named twice in {list(names)}")
    return names


OodNames = Annotated[tuple[str, ...], AfterValidator(_known)]
