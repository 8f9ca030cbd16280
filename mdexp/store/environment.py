"""Describes a run's environment for its manifest: versions, commit and machine."""

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import mdexp

VERSION = mdexp.__version__
PACKAGES = ("torch", "transformers", "peft", "pytorch-lightning", "hydra-core", "pydantic-monty")


def environment() -> dict[str, Any]:
    """Versions, commit (None outside a checkout; `+` marks uncommitted changes) and machine."""
    versions = {"mdexp": VERSION, "python": platform.python_version()}
    return {
        "versions": versions | {name: _version(name) for name in PACKAGES},
        "commit": commit(),
        "machine": {"system": platform.platform(), "cores": os.cpu_count()},
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"


def commit() -> str | None:
    """The checkout's commit."""
    folder = Path(__file__).parent
    git = ["git", "-C", str(folder)]
    try:
        head = subprocess.run(
            [*git, "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10
        )
        dirty = subprocess.run([*git, "status", "--porcelain"], capture_output=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if head.returncode:
        return None
    return head.stdout.strip() + ("+" if dirty.stdout else "")
