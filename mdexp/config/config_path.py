"""Finds the configuration folder that comes with mdexp."""

from pathlib import Path

CONFIG_NAME = "config"


def config_folder() -> Path:
    """conf/ at the top of a checkout; within the package where that came from a wheel."""
    package = Path(__file__).resolve().parents[1]
    places = (package.parent / "conf", package / "conf")
    for folder in places:
        if (folder / f"{CONFIG_NAME}.yaml").is_file():
            return folder
    raise FileNotFoundError(
        f"mdexp's own configuration is missing: no {CONFIG_NAME}.yaml in "
        f"{' or '.join(map(str, places))}; install mdexp again"
    )
