"""Turns pydantic's errors into sentences with the key and the value seen."""

from pydantic import ValidationError

UNKNOWN_KEY = "unknown key"


def faults_of(error: ValidationError, prefix: str = "") -> dict[str, str]:
    """For each pydantic error, its key path and a message with the value seen."""
    faults = {}
    for fault in error.errors(include_url=False):
        parts = [prefix, *map(str, fault["loc"])]
        key = ".".join(part for part in parts if part)
        faults[key] = _fault(fault["type"], fault["msg"], fault["input"])
    return faults


def _fault(kind: str, message: str, value: object) -> str:
    match kind:
        case "extra_forbidden":
            return UNKNOWN_KEY
        case "missing":
            return "is missing"
        case "value_error":
            return message.removeprefix("Value error, ")
        case _:
            return f"{message[0].lower()}{message[1:]}, got {value!r}"
