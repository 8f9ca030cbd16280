"""Systems of equations from text to answer, beside sympy.

    python -m bench.equations

Prints systems a second of processor time (median of alternating rounds), and how many times faster
the text is solved here than by `sympy.solve` on objects that are ready, and with building them.
Only the systems are random; all ways solve the same ones, and have to agree.
"""

import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import sympy

from mdexp.sandbox.equations import solve_equations

ROUNDS = 5
MANY, FEW = 1000, 30  # systems a round: here, by sympy


@dataclass(frozen=True)
class Kind:
    """Systems of one kind: their texts, and what builds the same ones of sympy's objects."""

    texts: list[str]
    built: list[Callable[[], tuple[list[sympy.Eq], sympy.Symbol]]]


def main() -> None:
    rng = random.Random(0)
    kinds = {f"{count} unknown": linear(rng, count) for count in (1, 2, 3)}
    kinds |= {"definitions": definitions(rng), "quadratic": quadratic(rng)}
    print(f"{'':12} {'here':>8} {'ready':>8} {'built':>8}   systems a second of one core")
    for name, kind in kinds.items():
        show(name, kind)


def show(name: str, kind: Kind) -> None:
    agree(kind)
    ready = [build() for build in kind.built]
    ways: dict[str, tuple[int, Callable[[], object]]] = {
        "here": (MANY, lambda: here(kind.texts)),
        "ready": (FEW, lambda: [by_sympy(*objects) for objects in ready]),
        "built": (FEW, lambda: [by_sympy(*build()) for build in kind.built]),
    }
    rates: dict[str, list[float]] = {way: [] for way in ways}
    for way, (count, run) in list(ways.items()) * (1 + ROUNDS):
        started = time.process_time()
        run()
        rates[way].append(count / (time.process_time() - started))
    medians = {way: statistics.median(values[1:]) for way, values in rates.items()}
    shown = " ".join(f"{rate:8.0f}" for rate in medians.values())
    faster, than_built = (medians["here"] / medians[way] for way in ("ready", "built"))
    print(f"{name:12} {shown}   {faster:.0f} x ready, {than_built:.0f} x built")


def here(texts: Sequence[str]) -> list[object]:
    return [result.answer for result in solve_equations(texts, lambda programs: [])]


def by_sympy(equations: list[sympy.Eq], asked: sympy.Symbol) -> float:
    """The least answer that is not negative, or else the greatest."""
    symbols = sorted({symbol for e in equations for symbol in e.free_symbols}, key=str)
    answers = [s[asked] for s in sympy.solve(equations, symbols, dict=True)]
    return float(next((a for a in sorted(answers) if a >= 0), answers[-1]))


def agree(kind: Kind) -> None:
    for answer, build in zip(here(kind.texts), kind.built, strict=False):
        expected = by_sympy(*build())
        assert isinstance(answer, int | float) and abs(answer - expected) <= 1e-9 * abs(expected)


def linear(rng: random.Random, count: int) -> Kind:
    """Systems with one solution: the first names of x, y, z, each with a number before it."""
    kind = Kind([], [])
    names = ["x", "y", "z"][:count]
    while len(kind.texts) < MANY:
        matrix = [[rng.randint(1, 9) for _ in names] for _ in names]
        for place, row in enumerate(matrix):
            row[place] += 20  # so that it has an inverse
        right = [rng.randint(1, 200) for _ in names]
        sides = [" + ".join(f"{a}{b}" for a, b in zip(row, names, strict=True)) for row in matrix]
        lines = [f"{side} = {value}" for side, value in zip(sides, right, strict=True)]
        kind.texts.append("\n".join([*lines, f"ans = {names[-1]}"]))
        if len(kind.built) < FEW:
            kind.built.append(partial(linear_objects, matrix, right))
    return kind


def linear_objects(
    matrix: list[list[int]], right: list[int]
) -> tuple[list[sympy.Eq], sympy.Symbol]:
    symbols = sympy.symbols("x y z")[: len(matrix)]
    ans = sympy.Symbol("ans")
    rows = [sum(a * b for a, b in zip(row, symbols, strict=True)) for row in matrix]
    equations = [sympy.Eq(row, value) for row, value in zip(rows, right, strict=True)]
    return [*equations, sympy.Eq(ans, symbols[-1])], ans


def definitions(rng: random.Random) -> Kind:
    """What models mostly write: names with their values, comments between, a free unknown."""
    kind = Kind([], [])
    while len(kind.texts) < MANY:
        apples, price, tax = rng.randint(2, 50), rng.randint(2, 9), rng.randint(1, 20)
        kind.texts.append(
            f"% Ann buys {apples} apples for {price} dollars each:\napples = {apples}\n"
            f"price_each = {price}\ncost = apples * price_each\n"
            f"% With {tax}% tax she has 3 dollars left of x:\nmoney = x\n"
            f"money - 3 = cost + {tax}% * cost\nans = money"
        )
        if len(kind.built) < FEW:
            kind.built.append(partial(definition_objects, apples, price, tax))
    return kind


def definition_objects(amount: int, each: int, tax: int) -> tuple[list[sympy.Eq], sympy.Symbol]:
    apples, price, cost, money, x, ans = sympy.symbols("apples price_each cost money x ans")
    sides = [(apples, amount), (price, each), (cost, apples * price), (money, x)]
    sides += [(money - 3, cost + sympy.Rational(tax, 100) * cost), (ans, money)]
    return [sympy.Eq(left, right) for left, right in sides], ans


def quadratic(rng: random.Random) -> Kind:
    """A rectangle of which the area is known, and by how much its length exceeds its width."""
    kind = Kind([], [])
    while len(kind.texts) < MANY:
        width, excess = rng.randint(2, 40), rng.randint(1, 30)
        area = width * (width + excess)
        kind.texts.append(f"length = width + {excess}\nlength * width = {area}\nans = width")
        if len(kind.built) < FEW:
            kind.built.append(partial(quadratic_objects, excess, area))
    return kind


def quadratic_objects(excess: int, area: int) -> tuple[list[sympy.Eq], sympy.Symbol]:
    length, width, ans = sympy.symbols("length width ans")
    sides = [(length, width + excess), (length * width, area), (ans, width)]
    return [sympy.Eq(left, right) for left, right in sides], ans


if __name__ == "__main__":
    main()
