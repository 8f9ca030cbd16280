"""`run=FOLDER`: takes an earlier run's settings, so that another grader or vote needs no new
generation."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mdexp.config.settings import SettingsError
from mdexp.store.files import plain_data, read_json
from mdexp.store.run_folder import MANIFEST, RESCORED

SCORING = ("vote", "grader")
BESIDE = ("stages", "store", "logger", *SCORING)  # what may be given beside run=FOLDER
NO_RESULT = ("run", "stages", "store", "logger")  # settings that change no result


def earlier_config(config: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """The configuration of the run in folder `run`, changed by `overrides`."""
    folder = config["run"]
    said = {re.split(r"[.=@/]", override.lstrip("+~"))[0] for override in overrides}
    if refused := sorted(said - {"run", "hydra", *BESIDE}):
        raise SettingsError(
            {
                "run": f"{folder} brings its settings; beside it {', '.join(BESIDE)} can be given, "
                f"not {', '.join(refused)}"
            }
        )
    try:
        settings = json.loads((Path(folder) / MANIFEST).read_text(encoding="utf-8"))["settings"]
    except (OSError, ValueError, KeyError) as error:
        raise SettingsError({"run": f"{folder} has no {MANIFEST} with settings"}) from error
    # The logger is chosen anew and changes no result.
    replaced = {"run", "stages", "logger"} | said & set(BESIDE)
    return completed(settings, config) | {key: config[key] for key in replaced}


def run_place(config: Mapping[str, Any], overrides: Sequence[str]) -> Path | None:
    """The folder that a run with `run=FOLDER` writes to; None without it. An existing result is
    kept: another vote or grader gets a subfolder, named after `overrides`."""
    if not config["run"]:
        return None
    folder = Path(config["run"])
    manifest = read_json(folder / MANIFEST)
    scored_by = completed(manifest["settings"], config)
    is_scored = any(stage["name"] == "score" for stage in manifest.get("stages", []))
    if not is_scored or all(scored_by[key] == config[key] for key in SCORING):
        return folder
    said = [word.lstrip("+~") for word in overrides if word.lstrip("+~").startswith(SCORING)]
    # Without characters that mean something to a shell or to Hydra's grammar.
    name = "_".join(re.sub(r"[^\w.]+", "-", word).strip("-") for word in said)
    return folder / RESCORED / name


def earlier_stages(folder: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """The stages in the manifest of an earlier run, by name; without `score` if `config` asks for
    another vote or grader."""
    manifest = read_json(folder / MANIFEST)
    stages = {stage["name"]: stage for stage in manifest["stages"]}
    scored_by = completed(manifest["settings"], config)
    if any(scored_by[key] != config[key] for key in SCORING):
        stages.pop("score", None)
    return stages


def is_other_run(folder: Path, config: Mapping[str, Any]) -> bool:
    """Whether the folder holds a run whose settings differ from `config`, apart from NO_RESULT."""
    try:
        left = read_json(folder / MANIFEST)["settings"]
    except FileNotFoundError:
        return False
    except (ValueError, KeyError, TypeError):
        return True
    config = json.loads(json.dumps(plain_data(config)))  # as in a manifest
    return any(left.get(key) != value for key, value in config.items() if key not in NO_RESULT)


def completed(settings: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of an earlier run, completed by the defaults of newer keys.

    The options of a plug-in are not changed, since its class has fields of its own.
    """
    blocks = {
        key: {**config[key], **value}
        for key, value in settings.items()
        if isinstance(value, Mapping) and isinstance(config.get(key), Mapping)
        if "_target_" not in value and key not in ("thoughts", "lessons")
    }
    return {**config, **settings, **blocks}
