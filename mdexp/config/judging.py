"""Validates a composed configuration: builds every part and checks the rules between parts.

Hydra composes, this file validates, and both happen before anything slow is imported.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from mdexp.config.earlier_parts import as_part
from mdexp.config.faults import UNKNOWN_KEY, faults_of
from mdexp.config.hints import did_you_mean, key_paths
from mdexp.config.rules import RULES
from mdexp.config.settings import Settings, SettingsError
from mdexp.ports import (
    Dataset,
    Decoder,
    Grader,
    LessonMaker,
    Logger,
    Objective,
    PrefixScorer,
    RoundMethod,
    StudentConfig,
    Teacher,
    Thought,
    VoteRule,
)
from mdexp.ports.parts import TARGET, ComponentError, build_part

COMPONENTS: dict[str, Any] = {
    "teacher": Teacher,
    "student": StudentConfig,
    "dataset": Dataset,
    "objective": Objective,
    "round": RoundMethod,
    "scorer": PrefixScorer,
    "decoding": Decoder,
    "vote": VoteRule,
    "grader": Grader,
    "logger": Logger,
}
OPTIONAL = ("round", "scorer")  # parts that a run may lack
# Parts by name, filled by a group, as in the example.
FILLED: dict[str, tuple[Any, str]] = {
    "thoughts": (Thought, "thought=[cot,pot]"),
    "lessons": (LessonMaker, "lesson=[paths]"),
}


def judge(config: Mapping[str, Any]) -> Settings:
    """The validated settings of a composed configuration; SettingsError lists every fault."""
    faults: dict[str, str] = {}
    values = dict(config)
    for name, kind in COMPONENTS.items():
        if name in config and not (name in OPTIONAL and config[name] is None):
            values[name] = _built(name, as_part(name, config[name]), kind, faults)
    for name, (kind, example) in FILLED.items():
        named = config.get(name)
        if not isinstance(named, Mapping):
            raise SettingsError({name: f"is filled by a group, as in {example}"})
        values[name] = {
            part: _built(f"{name}.{part}", options, kind, faults) for part, options in named.items()
        }
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        faults |= faults_of(error)
    if not faults:
        broken = next(filter(None, (rule(settings) for rule in RULES)), None)
        if broken is None:
            return settings
        faults[""] = broken
    known = [key for key in key_paths(config) if key not in faults]
    raise SettingsError({key: _hinted(key, fault, known) for key, fault in faults.items()})


def _hinted(key: str, fault: str, known: list[str]) -> str:
    return fault + did_you_mean(key, known) if fault == UNKNOWN_KEY else fault


def _built(key: str, options: Any, kind: Any, faults: dict[str, str]) -> Any:
    """The part of that kind; if it cannot be built, None, and the reason is added to `faults`."""
    try:
        part = build_part(options)
        if isinstance(part, kind):
            return part
        faults[key] = f"{options[TARGET]} is no {kind.__name__}; mdexp/ports/ says what one offers"
    except ValidationError as error:
        faults |= faults_of(error, key)
    except ComponentError as error:
        faults[key] = str(error)
    return None
