"""A dataset by the name of its yaml, for tests."""

from pathlib import Path
from typing import Any

import yaml

from mdexp.ports.parts import build_part, with_options

CONF = Path(__file__).parents[1] / "conf" / "dataset"


def dataset(name: str, /, **options: Any) -> Any:
    """The dataset with the defaults of its yaml, but for the given options."""
    return build_part(with_options(yaml.safe_load((CONF / f"{name}.yaml").read_text()), options))
