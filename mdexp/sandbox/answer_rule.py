"""Runs inside every tier beside the program, and defines what its answer is.

Written in Monty's own subset of Python: Monty is fed the text of this file, and the child process
that runs CPython imports it. mdexp itself never calls it, since `returned` runs hostile code.
"""

from typing import Any

LARGEST_INTEGER = 10**1000  # more digits are no answer; json itself reads back up to 4300


def bound(names: dict[str, Any]) -> Any:
    """The answer of a program that was run in `names`; None if it has none."""
    value = names.get("ans")
    if value is None:
        value = returned(names)
    for name in ("answer", "result"):
        if value is None and type(names.get(name)).__name__ != "function":
            value = names.get(name)
    return value


def returned(names: dict[str, Any]) -> Any:
    """The return value of the program's entry point, if it has one without required arguments."""
    for name in ("solution", "solver", "solve"):
        if type(names.get(name)).__name__ != "function":
            continue
        try:
            value = names[name]()
        except TypeError as error:
            if not str(error).startswith(f"{name}() missing"):
                raise
            continue
        if value is not None:
            return value
    return None


def portable(value: Any, max_text: int) -> list[Any]:
    """A value that may leave the sandbox (a plain scalar of bounded size), and its kind.

    With `nothing` the printed text is the answer; `other` comes with the type of a value that
    cannot be an answer.
    """
    kind = type(value)
    if value is None:
        return ["nothing", None]
    if kind is str and len(value) <= max_text:
        return ["value", value]
    found = number(value)
    if found is not None:
        return ["value", found]
    excess = " beyond its size limit" if kind in (int, str) else ""
    return ["other", kind.__name__ + excess]


def number(value: Any) -> Any:
    """A plain number for a number of any kind; None if the value is not a number or is too
    large."""
    kind = type(value)
    if kind is bool or kind is float:
        return value
    if kind is int:
        return value if abs(value) < LARGEST_INTEGER else None
    if kind is complex:
        return value.real if value.imag == 0 else None
    if kind.__name__ in ("Decimal", "Fraction"):
        as_float = float(value)
        if abs(as_float) < float("inf") and value == int(value):
            return int(value)
        return as_float
    return None
