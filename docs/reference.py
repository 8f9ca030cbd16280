"""Writes the configuration reference into configuration.md, from conf/ and settings.py.

A hook of mkdocs: the page holds a mark, and what stands there is made anew by every build.
"""

import re
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import yaml
from pydantic import BaseModel

from mdexp.config.config_path import config_folder
from mdexp.config.settings import Settings
from mdexp.ports.parts import TARGET, component_class

PAGE = "configuration.md"
MARK = "<!-- reference -->"
KEY = re.compile(r"^(\w+):\s*(.*?)(?:\s+#\s*(.*))?$")
ROOT = ("lambda", "num_paths", "seed", "stages", "store", "run", "rounds")
HEAD = ("| key | values | here | meaning |", "|---|---|---|---|")
PRESETS = ("experiment", "sweep")


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """mkdocs calls it for every page."""
    return markdown.replace(MARK, reference()) if page.file.src_uri == PAGE else markdown


def reference() -> str:
    conf = config_folder()
    groups = sorted(folder for folder in conf.iterdir() if folder.is_dir())
    parts = [
        "## Keys of the root\n",
        "\n".join([*HEAD, *_rows(conf / "config.yaml", Settings, ROOT), ""]),
    ]
    for folder in groups:
        files = sorted(folder.glob("*.yaml"))
        parts += [f"## {folder.name}\n", _options(files)]
        if folder.name not in PRESETS:
            parts += [_table_of(file) for file in files if not _is_variant(file)]
    return "\n".join(parts)


def _options(files: list[Path]) -> str:
    rows = [f"| `{file.parent.name}={file.stem}` | {_cell(_about(file))} |" for file in files]
    return "\n".join(["| option | what it is |", "|---|---|", *rows, ""])


def _about(file: Path) -> str:
    """The first comment of a yaml, which says what it is."""
    lines = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("# @package"):
            continue
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# "))
    return " ".join(lines)


def _is_variant(file: Path) -> bool:
    """Whether it has the keys of another option of its group and changes some."""
    return "defaults:" in file.read_text(encoding="utf-8") and file.stem != "auto"


def _table_of(file: Path) -> str:
    options = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    group = file.parent.name
    options = options.get(group, options)
    target = options.get(TARGET)
    model = component_class(target) if target else _block(group)
    prefix = f"thoughts.{file.stem}" if group == "thought" else group
    if not any(name != TARGET for name in options):
        return ""
    rows = _rows_of_part(file, model, options, f"{prefix}.")
    return "\n".join([f"### {group}={file.stem}\n", *HEAD, *rows, ""])


def _rows_of_part(
    file: Path, model: type[BaseModel], options: dict[str, Any], prefix: str
) -> list[str]:
    """A row for each key of a part, and for those of the parts within it."""
    inner = {n: part for n, part in options.items() if isinstance(part, dict) and TARGET in part}
    rows = _rows(file, model, [n for n in options if n not in (TARGET, *inner)], prefix)
    for name, part in inner.items():
        rows += _rows_of_part(file, component_class(part[TARGET]), part, f"{prefix}{name}.")
    return rows


def _block(group: str) -> type[BaseModel]:
    found = Settings.model_fields[group].annotation
    assert isinstance(found, type) and issubclass(found, BaseModel)
    return found


def _rows(file: Path, model: type[BaseModel], keys: Any, prefix: str = "") -> list[str]:
    """A row for each key: its type, its value in the yaml, and the comment behind it."""
    stated = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        if match := KEY.match(line.strip()):
            stated[match[1]] = (match[2], match[3] or "")
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    rows = []
    for key in keys:
        value, comment = stated.get(key, ("", ""))
        values = _values(fields[key].annotation, fields[key].metadata)
        shown = f"`{_cell(value)}`" if value else ""
        rows.append(f"| `{prefix}{key}` | {_cell(values)} | {shown} | {_cell(comment)} |")
    return rows


def _values(kind: Any, metadata: Any = ()) -> str:
    """What a key takes, in words."""
    inner = [bound for found in metadata for bound in getattr(found, "metadata", [found])]
    bounds = {
        sign: getattr(bound, name)
        for bound in inner
        for name, sign in (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"))
        if hasattr(bound, name)
    }
    said = " ".join(f"{sign} {value}" for sign, value in bounds.items())
    if get_origin(kind) is Literal:
        return ", ".join(str(value) for value in get_args(kind))
    if arguments := get_args(kind):
        if hasattr(kind, "__metadata__"):
            return _values(arguments[0], kind.__metadata__)
        if get_origin(kind) in (tuple, list, dict):
            return "mapping" if get_origin(kind) is dict else "list"
        return " or ".join(dict.fromkeys(_values(a, metadata) for a in arguments))
    names = {
        type(None): "null",
        bool: "true, false",
        str: "text",
        int: "whole number",
        float: "number",
    }
    name = names.get(kind, "mapping")
    return f"{name} {said}".strip() if kind in (int, float) else name


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
