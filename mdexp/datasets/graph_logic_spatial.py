"""Spatial puzzles: a walk on a grid without crossings; how far is its end from its start?"""

from random import Random

from mdexp.datasets.graph_logic_puzzle import Fact, Puzzle, variable

Cell = tuple[int, int]  # steps east, steps north
STEPS: dict[str, Cell] = {
    "north": (0, 1), "north-east": (1, 1), "east": (1, 0), "south-east": (1, -1),
    "south": (0, -1), "south-west": (-1, -1), "west": (-1, 0), "north-west": (-1, 1),
}  # fmt: skip
WORDINGS = (
    "{subject} is one step {relation} of {object}.",
    "One step {relation} of {object} is {subject}.",
    "{subject} stands one step to the {relation} of {object}.",
    "Go one step {relation} from {object} and you meet {subject}.",
    "From {object}, a single step {relation} leads to {subject}.",
)
# For each direction: the index of its coordinate and the sign of a step.
_ASKED = {"east": (0, 1), "west": (0, -1), "north": (1, 1), "south": (1, -1)}


def spatial_puzzle(chance: Random, hops: int, names: list[str]) -> Puzzle:
    """A puzzle that asks how many steps east (or west, north, south) of its start a walk ends: 0 or
    more."""
    cells = _walk(chance, hops)
    people, others = names[: hops + 1], names[hops + 1 :]
    chain = [
        Fact(people[n + 1], _direction(cells[n], cells[n + 1]), people[n]) for n in range(hops)
    ]
    asked = _asked(chance, cells[-1])
    counts = [_ASKED[asked][1] * STEPS[fact.relation][_ASKED[asked][0]] for fact in chain]
    return Puzzle(
        chain=tuple(chain),
        inverse=tuple(Fact(f.object, _opposite(f.relation), f.subject) for f in chain),
        branch=_branch(chance, people, cells, others[0]),
        apart=(Fact(others[1], chance.choice(list(STEPS)), others[2]),),
        question=f"How many steps {asked} of {people[0]} is {people[-1]}?",
        answer=sum(counts),
        reasoning=_reasoning(chain, counts, asked),
        program=_lines(people, counts),
        equations=_lines(people, counts),
        wordings=WORDINGS,
    )


def _walk(chance: Random, hops: int) -> list[Cell]:
    """The cells of a walk from (0, 0) that visits none twice."""
    cells = [(0, 0)]
    while len(cells) <= hops:
        free = [cell for cell in (_moved(cells[-1], step) for step in STEPS) if cell not in cells]
        cells = [*cells, chance.choice(free)] if free else [(0, 0)]
    return cells


def _moved(cell: Cell, direction: str) -> Cell:
    east, north = STEPS[direction]
    return cell[0] + east, cell[1] + north


def _direction(start: Cell, end: Cell) -> str:
    return next(direction for direction in STEPS if _moved(start, direction) == end)


def _opposite(direction: str) -> str:
    return _direction(STEPS[direction], (0, 0))


def _asked(chance: Random, end: Cell) -> str:
    """The direction to ask for: one in which the end lies, or one with distance 0."""
    east_west = "east" if end[0] > 0 else "west" if end[0] < 0 else chance.choice(["east", "west"])
    north_south = (
        "north" if end[1] > 0 else "south" if end[1] < 0 else chance.choice(["north", "south"])
    )
    return chance.choice([east_west, north_south])


def _branch(chance: Random, people: list[str], cells: list[Cell], other: str) -> tuple[Fact, ...]:
    """A place beside a place of the walk."""
    places = [
        (person, direction)
        for person, cell in zip(people, cells, strict=True)
        for direction in STEPS
        if _moved(cell, direction) not in cells
    ]
    person, direction = chance.choice(places)
    return (Fact(other, direction, person),)


def _reasoning(chain: list[Fact], counts: list[int], asked: str) -> tuple[str, ...]:
    lines, total = [f"{chain[0].object} is 0 steps {asked}."], 0
    for fact, count in zip(chain, counts, strict=True):
        sign = "-" if count < 0 else "+"
        lines.append(
            f"{fact.subject} is {fact.relation} of {fact.object}: "
            f"{total} {sign} {abs(count)} = {total + count}."
        )
        total += count
    return tuple(lines)


def _lines(people: list[str], counts: list[int]) -> str:
    """The walk as assignments, which are also equations."""
    lines = [f"{variable(people[0])} = 0"]
    for before, after, count in zip(people, people[1:], counts, strict=False):
        sign = "-" if count < 0 else "+"
        lines.append(f"{variable(after)} = {variable(before)} {sign} {abs(count)}")
    return "\n".join([*lines, f"ans = {variable(people[-1])}"])
