"""What people call a student: by where its weights come from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def student_name(options: Mapping[str, Any]) -> str:
    """The last part of a folder or repository, or a package, as they are looked for; else the
    class."""
    source = options.get("path") or options.get("package") or options.get("repo")
    return Path(source).name if source else options.get("_target_", "").rpartition(".")[2]
