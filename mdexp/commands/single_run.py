"""Runs one experiment in this process, as a library call: no sweep, no launcher, no exit code."""

from collections.abc import Sequence
from pathlib import Path

from mdexp.config.composition import single_run
from mdexp.config.judging import judge
from mdexp.sweeps.job_name import identity
from mdexp.teacher.command_id import new_command


def run_here(overrides: Sequence[str], folder: Path | None, config_dir: str | None) -> Path:
    """Run an experiment; returns its folder, which is `folder` unless `overrides` name an earlier
    run. CommandError or SettingsError before anything is bought or trained."""
    config, place = single_run(overrides, config_dir)
    settings = judge(config)
    from mdexp.experiment import run_experiment  # loads torch

    # run=FOLDER continues the run in that folder.
    place = place if folder is None or settings.run else folder
    with new_command():
        run_experiment(settings, identity(place, config))
    return place
