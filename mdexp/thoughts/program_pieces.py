"""Chooses the program among several pieces of code, with the earlier pieces that it needs."""

import ast
import builtins
from collections.abc import Sequence

from mdexp.thoughts.program_form import ANSWER_NAMES, ENTRY_POINTS, syntax_tree

_BUILTINS = frozenset(dir(builtins))


def program_of(pieces: Sequence[str]) -> str | None:
    """The last piece that binds `ans`, else the last that gives an answer another way.

    Earlier pieces stand before it from the first on whose names it uses. None if no piece that
    parses gives an answer.
    """
    parsed = [
        (piece, tree) for piece in pieces if (tree := syntax_tree(piece)) is not None and tree.body
    ]
    for gives_answer in (_binds_ans, _gives_answer):
        for place in reversed(range(len(parsed))):
            if gives_answer(parsed[place][1]):
                first = _first_needed([tree for _, tree in parsed[: place + 1]])
                return "\n".join(piece for piece, _ in parsed[first : place + 1])
    return None


def _first_needed(trees: Sequence[ast.Module]) -> int:
    """The place of the first tree that binds what the last one, or one between, uses."""
    first = len(trees) - 1
    needed = _needed(trees[-1])
    for place in reversed(range(first)):
        if needed & _bound(trees[place]):
            first = place
            needed |= _needed(trees[place])
    return first


def _binds_ans(tree: ast.Module) -> bool:
    return "ans" in _bound(tree)


def _gives_answer(tree: ast.Module) -> bool:
    return not _bound(tree).isdisjoint((*ENTRY_POINTS, *ANSWER_NAMES)) or any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
        and not all(isinstance(argument, ast.Constant) for argument in node.args)
        for node in ast.walk(tree)
    )


def _needed(tree: ast.Module) -> set[str]:
    """Names that a piece uses before it binds them."""
    needed: set[str] = set()
    bound: set[str] = set(_BUILTINS)
    for statement in tree.body:
        targets = _targets(statement)
        inner = _bound(statement) - targets
        needed |= _used(statement) - inner - bound
        bound |= _bound(statement)
    return needed


def _targets(statement: ast.stmt) -> set[str]:
    """Names that an assignment binds: after its value has been worked out."""
    match statement:
        case ast.Assign(targets=targets):
            return set().union(*map(_bound, targets))
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
            return _bound(target)
    return set()


def _used(statement: ast.stmt) -> set[str]:
    used = {
        node.id
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    return used | _targets(statement) if isinstance(statement, ast.AugAssign) else used


def _bound(tree: ast.AST) -> set[str]:
    """Names that a piece binds anywhere."""
    bound: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                bound.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                bound.add(name)
            case ast.alias(name=name, asname=other):
                bound.add((other or name).split(".")[0])
    return bound
