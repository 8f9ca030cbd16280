"""Reads the YAML files of a study; what is wrong in one is named by its key and value."""

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError


class StudyError(ValueError):
    """A plan or a result that cannot be used; the message names the file, the key and the value."""


class Entry(BaseModel):
    """A part of a study's YAML; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


EntryT = TypeVar("EntryT", bound=Entry)


def read_entry(file: Path, kind: type[EntryT]) -> EntryT:
    """A file of YAML; StudyError names the file, its faulty keys and their values."""
    try:
        return kind.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise StudyError(f"{file} cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise StudyError(f"{file} is no YAML: {error}") from error
    except ValidationError as error:
        raise StudyError("\n".join(fault_lines(file, error))) from error


def fault_lines(file: Path, error: ValidationError) -> list[str]:
    """A line for each fault that pydantic found in a file: the key, what is wrong, the value."""
    return [
        f"{file}: {'.'.join(map(str, fault['loc'])) or 'all'}: {fault['msg']}, "
        f"got {str(fault['input'])[:80]}"
        for fault in error.errors(include_url=False)
    ]
