"""Describes what a path computes independently of its names, to decide which own paths are
distinct.

Rejection-sampling fine-tuning (Yuan et al. 2023, arXiv 2308.01825) keeps one path for each list of
equations. Here that list is

    of a program     its syntax tree, names replaced in the order in which they come
    of equations     the same of their text
    of prose         the equations in it (`3 + 4 = 7`); without any, its words

Texts are parsed and never run.
"""

import ast
import re
from collections.abc import Callable, Collection, Mapping

from mdexp.answers.equality import canonical
from mdexp.lessons.strategy import strategy_of
from mdexp.ports import Thought
from mdexp.records import VerifiedPath
from mdexp.thoughts.program_form import syntax_tree

_NUMBER = r"\d[\d,]*(?:\.\d+)?"
_SIGN = r"[-+*/×÷−]"
_EQUATION = re.compile(
    rf"\$?{_NUMBER}%?(?:\s*{_SIGN}\s*\$?{_NUMBER}%?)+\s*=\s*\$?{_NUMBER}%?", re.UNICODE
)
_NAME = re.compile(r"[^\W\d]\w*")
_TOKEN = re.compile(rf"{_NUMBER}|{_SIGN}|=")
_SIGNS = str.maketrans("×÷−", "*/-")


def equations_of(path: VerifiedPath, thoughts: Mapping[str, Thought]) -> str:
    """The equations of a path in one text, equal for paths that compute alike."""
    _, thought, text = strategy_of(path, thoughts)
    if thought.unit == "sentence":
        return of_prose(text)
    tree = syntax_tree(text)
    return _renamed_text(text) if tree is None else _renamed_tree(tree)


def of_prose(text: str) -> str:
    """The equations that a text states, numbers in one form; its words where it states none."""
    found = _EQUATION.findall(text)
    if not found:
        return " ".join(text.split())
    return "\n".join(" ".join(map(_plain, _TOKEN.findall(equation))) for equation in found)


def _plain(token: str) -> str:
    return canonical(token) or token if token[0].isdigit() else token.translate(_SIGNS)


def _renamed_tree(tree: ast.Module) -> str:
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    rename = _renaming(called)
    return ast.unparse(_Renamed(rename).visit(tree))


class _Renamed(ast.NodeTransformer):
    """Renames variables in the order in which the tree has them."""

    def __init__(self, rename: Callable[[str], str]) -> None:
        self.rename = rename

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(id=self.rename(node.id), ctx=node.ctx)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.arg(arg=self.rename(node.arg))


def _renamed_text(text: str) -> str:
    rename = _renaming(frozenset())
    lines = (" ".join(line.split()) for line in text.splitlines() if line.strip())
    return "\n".join(_NAME.sub(lambda name: rename(name[0]), line) for line in lines)


def _renaming(kept: Collection[str]) -> Callable[[str], str]:
    """A function that numbers names in the order in which they are given, but for those kept."""
    numbers: dict[str, str] = {}
    return lambda name: name if name in kept else numbers.setdefault(name, f"v{len(numbers)}")
