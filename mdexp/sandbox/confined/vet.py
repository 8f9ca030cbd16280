"""Which programs leave a process as they found it, so that it may run the next one.

A fork costs more than most programs that need CPython. The kernel's filter keeps such a program
from everything outside; the vet keeps it from what the next program would see. It knows little and
refuses the rest, which then gets a fork of its own: modules, names and attributes out of a list, no
assignment to attributes, no class, no generator, no exception handling, no private name. Texts are
no way around it: none of what is listed takes an attribute's name as a text, and a warm process
never turns one into an expression.
"""

import ast
from collections.abc import Iterator
from typing import Any

from mdexp.sandbox.confined import listed

_NODES = (
    ast.Module, ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.NamedExpr, ast.Name,
    ast.Load, ast.Store, ast.Constant, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare,
    ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.Call, ast.keyword, ast.Attribute,
    ast.Subscript, ast.Slice, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.ListComp, ast.SetComp,
    ast.DictComp, ast.GeneratorExp, ast.comprehension, ast.IfExp, ast.If, ast.For, ast.While,
    ast.Break, ast.Continue, ast.Pass, ast.FunctionDef, ast.Return, ast.arguments, ast.arg,
    ast.Import, ast.ImportFrom, ast.alias, ast.JoinedStr, ast.FormattedValue, ast.Starred,
    ast.Lambda, ast.Assert,
)  # fmt: skip


class Vet:
    """The judge of a process that has only the standard library, or numpy and sympy as well."""

    def __init__(self, sympy_names: frozenset[str]) -> None:
        """`sympy_names` are what `import *` of sympy binds; empty where it is not loaded."""
        self._modules = listed.STANDARD | (listed.NUMERIC if sympy_names else {})
        self._unlisted = sympy_names - listed.SYMPY

    def passes(self, tree: ast.Module) -> bool:
        """Whether a program may share its process."""
        nodes = list(ast.walk(tree))
        starred = set(_starred(nodes))
        hidden = self._unlisted if starred & listed.SYMPY else frozenset()
        bound, loaded = starred, set()
        for node in nodes:
            if not isinstance(node, _NODES) or not self._harmless(node):
                return False
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                loaded.add(node.id)
            else:
                bound.update(_bound(node))
        # What is bound nowhere fails, and its program would have to run again.
        return _ordinary(bound, hidden) and loaded <= bound | listed.BUILTINS

    def _harmless(self, node: ast.AST) -> bool:
        if isinstance(node, ast.FunctionDef):
            return not node.decorator_list
        if isinstance(node, ast.Attribute):
            return node.attr in listed.ATTRIBUTES and isinstance(node.ctx, ast.Load)
        if isinstance(node, ast.keyword):
            return _harmless_keyword(node.arg)
        if isinstance(node, ast.Import):
            return all(clause.name in self._modules for clause in node.names)
        if isinstance(node, ast.ImportFrom):
            return self._import_from(node)
        return True

    def _import_from(self, node: ast.ImportFrom) -> bool:
        module = node.module or ""
        if module in listed.SYMPY_PARTS:
            module = "sympy"
        known = self._modules.get(module)
        if known is None or node.level != 0:
            return False
        return all(
            clause.name in known or (clause.name == "*" and node.module in _STARS)
            for clause in node.names
        )


_STARS = {"math": listed.STANDARD["math"], "sympy": listed.SYMPY}


def _starred(nodes: list[ast.AST]) -> Iterator[str]:
    """The names that `import *` binds and that may be used."""
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            yield from _STARS.get(node.module or "", ())


def _bound(node: ast.AST) -> Iterator[str]:
    """The names that a node binds."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.FunctionDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        for clause in node.names:
            if clause.name != "*":
                yield clause.asname or clause.name.partition(".")[0]


def _ordinary(names: set[str], hidden: frozenset[str]) -> bool:
    """Whether none is private, and none is also bound by `import *` to what is not listed."""
    return names.isdisjoint(hidden) and not any(name[:1] == "_" for name in names)


def _harmless_keyword(name: str | None) -> bool:
    return name is not None and name[:1] != "_" and name not in listed.KEYWORDS_REFUSED


def builtins_of(full: dict[str, Any]) -> dict[str, Any]:
    """The builtins of a vetted program, in a dict of its own."""
    return {name: full[name] for name in (*listed.BUILTINS, "__import__")}
