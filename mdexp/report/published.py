"""Accuracies that papers state for a dataset, and how well each is known (published.yaml)."""

from collections.abc import Collection
from functools import cache
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field


class Figure(BaseModel):
    """An accuracy in percent, as published."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    paper: str
    dataset: str
    student: str
    method: str
    accuracy: float = Field(ge=0, le=100)
    evidence: Literal["abstract", "page", "derived", "note"]


def published(datasets: Collection[str]) -> list[Figure]:
    """Figures for these test sets, in the file's order."""
    return [figure for figure in _figures() if figure.dataset in datasets]


@cache
def _figures() -> tuple[Figure, ...]:
    text = (files("mdexp.report") / "published.yaml").read_text(encoding="utf-8")
    return tuple(Figure.model_validate(row) for row in yaml.safe_load(text))
