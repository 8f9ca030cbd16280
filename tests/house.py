"""The shape of the package: rooms, arrows between them, floors, lines, the lengths of functions.

`python -m tests.house [FOLDER]` prints it for a checkout, and exits with 1 where a public name is
defined twice or there are more than MOST_ARROWS. A room is a folder or a loose module directly
below the package; an arrow is one room importing another.
"""

import ast
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = "mdexp"
SHARED_NAMES = {"main"}  # the entry point of each command
MOST_ARROWS = 130


def modules(root: Path = ROOT) -> dict[str, ast.Module]:
    """The syntax tree of each module, by its dotted name."""
    files = sorted((root / PACKAGE).rglob("*.py"))
    names = [".".join(file.relative_to(root).with_suffix("").parts) for file in files]
    return {
        name.removesuffix(".__init__"): ast.parse(file.read_text(encoding="utf-8"))
        for name, file in zip(names, files, strict=True)
    }


def public_names(root: Path = ROOT) -> dict[str, list[str]]:
    """The modules that define each public function or class."""
    found: dict[str, list[str]] = defaultdict(list)
    for module, tree in modules(root).items():
        for node in tree.body:
            is_named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            if is_named and not node.name.startswith("_"):
                found[node.name].append(module)
    return dict(found)


def defined_twice(root: Path = ROOT) -> dict[str, list[str]]:
    """Public names that more than one module defines."""
    names = public_names(root).items()
    return {n: where for n, where in names if len(where) > 1 and n not in SHARED_NAMES}


def arrows(root: Path = ROOT) -> dict[str, set[str]]:
    """The rooms that each room imports."""
    trees = modules(root)
    found: dict[str, set[str]] = {_room(module): set() for module in trees}
    for module, tree in trees.items():
        for target in _imports(tree):
            if _room(target) != _room(module):
                found[_room(module)].add(_room(target))
    return found


def doors(root: Path = ROOT) -> list[str]:
    """The rooms that are one line each, which calls a command: `python -m mdexp.X` needs them."""
    targets, trees = arrows(root), modules(root)
    return [
        room
        for room, below in targets.items()
        if below == {f"{PACKAGE}.commands"}
        and not any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in trees[room].body)
    ]


def floors(root: Path = ROOT) -> int:
    """The number of rooms on the longest way down; CycleError where rooms import in a circle."""
    below = arrows(root)
    depth: dict[str, int] = {}
    for room in TopologicalSorter(below).static_order():
        depth[room] = 1 + max((depth[other] for other in below[room]), default=0)
    return max(depth.values())


def function_lengths(root: Path = ROOT) -> list[int]:
    """Lines of each function, sorted."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    nodes = (node for tree in modules(root).values() for node in ast.walk(tree))
    return sorted(n.end_lineno - n.lineno + 1 for n in nodes if isinstance(n, kinds))


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] == PACKAGE:
                whole = module == PACKAGE
                yield from (f"{module}.{n.name}" for n in node.names) if whole else [module]
            case ast.Import():
                yield from (n.name for n in node.names if n.name.split(".")[0] == PACKAGE)


def _room(module: str) -> str:
    return ".".join(module.split(".")[:2])


def _lines(root: Path) -> dict[str, int]:
    lines: dict[str, int] = defaultdict(int)
    for file in (root / PACKAGE).rglob("*.py"):
        name = ".".join(file.relative_to(root).with_suffix("").parts)
        lines[_room(name)] += len(file.read_text(encoding="utf-8").splitlines())
    return dict(lines)


def faults(root: Path = ROOT) -> list[str]:
    """What is not as it should be, a line each."""
    number = sum(map(len, arrows(root).values()))
    found = [f"{name} is public in {', '.join(w)}" for name, w in defined_twice(root).items()]
    return found + [f"{number} arrows, at most {MOST_ARROWS}"] * (number > MOST_ARROWS)


def main() -> int:
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT
    lengths = function_lengths(root)
    number = sum(map(len, arrows(root).values()))
    try:
        height = f"{floors(root)} floors"
    except CycleError as error:
        height = f"a circle: {' -> '.join(error.args[1])}"
    rooms = f"{len(arrows(root))} rooms, of which {len(doors(root))} are doors of commands"
    print(f"{rooms}; {number} arrows, {height}")
    p90 = lengths[int(0.9 * len(lengths))]
    median = statistics.median(lengths)
    print(f"{len(lengths)} functions: median {median:g}, p90 {p90}, longest {lengths[-1]} lines")
    print("\n".join(faults(root)) or "no public name is defined twice")
    for room, count in sorted(_lines(root).items(), key=lambda pair: -pair[1]):
        print(f"{count:>6}  {room}")
    return int(bool(faults(root)))


if __name__ == "__main__":
    sys.exit(main())
