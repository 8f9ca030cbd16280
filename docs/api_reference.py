"""Writes the reference of `mdexp.api` into api.md, from its signatures and docstrings.

A hook of mkdocs: the page holds a mark, and every build replaces it.
"""

import inspect
import re
from functools import cached_property
from typing import Any

from mdexp import api

PAGE = "api.md"
MARK = "<!-- api -->"
NOISE = re.compile(r"\bmdexp(\.\w+)+\.(?=\w)|\bpathlib\.|\bcollections\.abc\.|\btyping\.")


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """mkdocs calls it for every page."""
    return markdown.replace(MARK, reference()) if page.file.src_uri == PAGE else markdown


def reference() -> str:
    """A section for each name of `mdexp.api.__all__`."""
    names = sorted(api.__all__, key=lambda name: inspect.isclass(getattr(api, name)))
    return "\n".join(_section(name, getattr(api, name)) for name in names)


def _section(name: str, found: Any) -> str:
    signature = f"{name}{inspect.signature(found)}"
    shown = NOISE.sub("", signature.replace("'pd.DataFrame'", "DataFrame"))
    parts = [f"### {name}\n", f"```python\n{shown}\n```\n", f"{inspect.getdoc(found)}\n"]
    attributes = {
        key: inspect.getdoc(value)
        for key, value in vars(found).items()
        if isinstance(value, cached_property)
    }
    rows = [f"| `{key}` | {' '.join((text or '').split())} |" for key, text in attributes.items()]
    table = ["| attribute | what it holds |", "|---|---|", *rows, ""] if rows else []
    return "\n".join([*parts, *table])
