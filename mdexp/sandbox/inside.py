"""What runs inside a Monty worker, beside the program. Monty is fed the text of this file.

Written in Monty's own subset of Python and never called by mdexp itself: `answer` executes hostile
text, which only Monty may do. `exact_round` is here because Monty's own `round` is wrong for 2 % of
amounts of money (it gives 2.68 for round(2.675, 2), where CPython gives 2.67).
"""

from typing import Any

LARGEST_INTEGER = 10**1000  # more digits are no answer; json itself reads back up to 4300
INFINITY = float("inf")


def exact_round(number: Any, ndigits: Any = None) -> Any:
    """CPython's `round`: the decimal nearest to the exact binary value, ties to even."""
    if type(number) is not float or type(ndigits) is not int:
        return round(number, ndigits)
    if number != number or number in (INFINITY, -INFINITY) or ndigits > 323:
        return number
    if ndigits >= 0:
        return float(format(number, f".{ndigits}f"))
    if ndigits < -308:
        return 0.0 * number
    whole = int(abs(number))
    significant = len(str(whole)) + ndigits
    if significant <= 0:
        unit = 10**-ndigits
        above_half = 2 * whole > unit or (2 * whole == unit and abs(number) > whole)
        return float(unit if number > 0 else -unit) if above_half else 0.0 * number
    rounded = float(format(number, f".{significant - 1}e"))
    if rounded in (INFINITY, -INFINITY):
        raise OverflowError("rounded value too large to represent")
    return rounded


def answer(program: str, max_text: int) -> list[Any]:
    """Run a program in names of its own; give [what was found, its value].

    `nothing` leaves the answer to what was printed; `other` is the type of what is no answer.
    """
    names: dict[str, Any] = {"__name__": "__main__", "round": exact_round}
    exec(program, names)  # noqa: S102  this text runs inside Monty, never in our process
    value = names.get("ans")
    if value is None:
        value = returned(names)
    for name in ("answer", "result"):
        if value is None and type(names.get(name)).__name__ != "function":
            value = names.get(name)
    return portable(value, max_text)


def returned(names: dict[str, Any]) -> Any:
    """What the program's entry point returns, if it has one that needs no arguments."""
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
    """A value as it may leave the sandbox: a plain scalar of bounded size."""
    kind = type(value)
    if value is None:
        return ["nothing", None]
    if kind is bool or kind is float:
        return ["value", value]
    if kind is int and abs(value) < LARGEST_INTEGER:
        return ["value", value]
    if kind is str and len(value) <= max_text:
        return ["value", value]
    if kind.__name__ == "Decimal":
        return ["value", float(value)]
    excess = " beyond its size limit" if kind in (int, str) else ""
    return ["other", kind.__name__ + excess]
