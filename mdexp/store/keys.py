"""Computes the key of a stage from its name and version, the files it reads and its settings."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mdexp.store.files import plain_data
from mdexp.store.integrity import file_hash

KEY_LENGTH = 16


def stage_key(
    name: str, version: int, reads: Mapping[str, Path], settings: Mapping[str, Any]
) -> str:
    """A hash of everything that a stage's output depends on."""
    content = {file: file_hash(path) for file, path in sorted(reads.items())}
    what = {"stage": name, "version": version, "reads": content, "settings": plain_data(settings)}
    return hashlib.sha256(_canonical_json(what).encode()).hexdigest()[:KEY_LENGTH]


def _canonical_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)
