"""Faults put into right programs: one site each, chosen by a seed (after PaD, arXiv 2305.13888).

PaD names error injection into syntax trees and not its operators; these eight are ours. An operator
gives a faulty program, or None where the program has no site for it. Whether that is wrong is for
the executor to say: swapping the terms of a sum is not.
"""

import ast
import random
import re
from collections.abc import Callable, Iterator
from typing import TypeVar

from mdexp.answers import NUMBER_IN_TEXT

Node = TypeVar("Node", bound=ast.AST)
Operator = Callable[[str, str, random.Random], str | None]

_SWAPS: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub, ast.Mult),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div, ast.Add),
    ast.Div: (ast.Mult, ast.Sub),
}
_SYMBOL = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_PUNCTUATION = re.compile(r"[()=+*]")


def op_swap(program: str, question: str, chance: random.Random) -> str | None:
    """Another arithmetic operator."""
    sites = [node for node in _nodes(program, ast.BinOp) if type(node.op) in _SWAPS]
    if not sites:
        return None
    node = chance.choice(sites)
    symbol = _SYMBOL[chance.choice(_SWAPS[type(node.op)])]
    left, right = _source(program, node.left), _source(program, node.right)
    return _replaced(program, node, f"{left} {symbol} {right}")


def operand_swap(program: str, question: str, chance: random.Random) -> str | None:
    """The operands of a difference or a quotient in the other order."""
    sites = [n for n in _nodes(program, ast.BinOp) if isinstance(n.op, ast.Sub | ast.Div)]
    if not sites:
        return None
    node = chance.choice(sites)
    left, right = _source(program, node.left), _source(program, node.right)
    return _replaced(program, node, f"{right} {_SYMBOL[type(node.op)]} {left}")


def drop_term(program: str, question: str, chance: random.Random) -> str | None:
    """One operand in place of an operation."""
    if not (sites := list(_nodes(program, ast.BinOp))):
        return None
    node = chance.choice(sites)
    return _replaced(program, node, _source(program, chance.choice([node.left, node.right])))


def const_other(program: str, question: str, chance: random.Random) -> str | None:
    """Another number of the question in place of a number, else one more or less."""
    sites = [n for n in _nodes(program, ast.Constant) if type(n.value) in (int, float)]
    if not sites:
        return None
    node = chance.choice(sites)
    own = _source(program, node)
    others = sorted({n.replace(",", "") for n in NUMBER_IN_TEXT.findall(question)} - {own})
    near = f"{own} {chance.choice('+-')} 1"
    return _replaced(program, node, chance.choice(others) if others else f"({near})")


def name_other(program: str, question: str, chance: random.Random) -> str | None:
    """Another bound name in place of one that is read."""
    names = list(_nodes(program, ast.Name))
    bound = sorted({n.id for n in names if isinstance(n.ctx, ast.Store)})
    sites = [n for n in names if isinstance(n.ctx, ast.Load) and n.id in bound]
    if not sites or len(bound) < 2:
        return None
    node = chance.choice(sites)
    return _replaced(program, node, chance.choice([name for name in bound if name != node.id]))


def name_undefined(program: str, question: str, chance: random.Random) -> str | None:
    """A name that is read, misspelt."""
    names = list(_nodes(program, ast.Name))
    bound = {n.id for n in names if isinstance(n.ctx, ast.Store)}
    sites = [n for n in names if isinstance(n.ctx, ast.Load) and n.id in bound]
    if not sites:
        return None
    node = chance.choice(sites)
    misspelt = [name for name in (node.id[:-1], f"{node.id}s") if name and name not in bound]
    return _replaced(program, node, chance.choice(misspelt)) if misspelt else None


def drop_line(program: str, question: str, chance: random.Random) -> str | None:
    """A line less, which is not the last."""
    lines = program.split("\n")
    sites = [n for n, line in enumerate(lines[:-1]) if line.strip() and not line.startswith(" ")]
    if not sites:
        return None
    gone = chance.choice(sites)
    return "\n".join(line for n, line in enumerate(lines) if n != gone)


def syntax(program: str, question: str, chance: random.Random) -> str | None:
    """A bracket or an operator less."""
    if not (sites := list(_PUNCTUATION.finditer(program))):
        return None
    site = chance.choice(sites)
    return program[: site.start()] + program[site.end() :]


VALUE_FAULTS: tuple[Operator, ...] = (op_swap, operand_swap, const_other, drop_term)
NAME_FAULTS: tuple[Operator, ...] = (name_other, name_undefined, drop_line)
SYNTAX_FAULTS: tuple[Operator, ...] = (syntax,)
OPERATORS = (*VALUE_FAULTS, *NAME_FAULTS, *SYNTAX_FAULTS)


def _nodes(program: str, kind: type[Node]) -> Iterator[Node]:
    try:
        tree = ast.parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    yield from (node for node in ast.walk(tree) if isinstance(node, kind))


def _source(program: str, node: ast.expr) -> str:
    source = ast.get_source_segment(program, node) or ""
    return f"({source})" if isinstance(node, ast.BinOp) else source


def _replaced(program: str, node: ast.expr, by: str) -> str | None:
    """The program with other source in place of a node; None where that spans several lines."""
    if node.lineno != node.end_lineno or node.end_col_offset is None:
        return None
    lines = program.split("\n")
    line = lines[node.lineno - 1].encode()
    lines[node.lineno - 1] = (
        line[: node.col_offset] + by.encode() + line[node.end_col_offset :]
    ).decode()
    return "\n".join(lines)
