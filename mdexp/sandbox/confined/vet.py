"""Which sympy programs leave a process as they found it, so that it may run the next one.

A fork with sympy loaded costs more than most programs that need it. The kernel filter keeps such a
program from everything outside; the vet keeps it from what the next program would see. It knows
little and refuses the rest, which then gets a fork of its own: imports of sympy and math, names and
attributes out of a list, no assignment to attributes, no class, no exception handling, no private
name. Texts are no way around it: a warm process also never turns one into an expression.
"""

import ast
import math
from typing import Any

_BUILTINS_WORDS = """
abs all any bool complex dict divmod enumerate filter float int isinstance len list map max min
pow print range reversed round set sorted str sum tuple zip
"""
BUILTINS = frozenset(_BUILTINS_WORDS.split())
_SYMPY_WORDS = """
Abs Add And E Eq Equality Expr FiniteSet Float Ge Gt I Integer Interval Le Lt Matrix Max Min Mod
Mul N Ne Number Or Piecewise Poly Pow Rational Reals Rel Sum Symbol acos apart asin atan atan2
binomial cancel cbrt ceiling collect cos cosh cot csc deg degree denom diff discriminant
divisors erf exp expand factor factorial factorint fibonacci floor fraction gcd im integrate
is_sequence isprime lcm legendre limit linear_eq_to_matrix linsolve ln log nextprime nonlinsolve
npartitions nsimplify numer oo pi prevprime prime primefactors primepi product rad radsimp
ratsimp re real_roots reduced rem resultant root roots sec series sign simplify sin sinh solve
solve_linear solve_linear_system solve_poly_system solve_univariate_inequality
reduce_inequalities solveset sqrt summation symbols tan tanh terms_gcd together totient trigsimp
zoo
"""
SYMPY = frozenset(_SYMPY_WORDS.split())
_ATTRIBUTES_WORDS = """
T append args as_numer_denom as_real_imag coeff coeffs copy count degree det diff doit evalf
expand extend factor free_symbols get index inv is_Integer is_Rational is_complex is_finite
is_integer is_negative is_number is_positive is_rational is_real is_zero items keys lhs limit n
p pop q real rhs rref simplify solve sort subs sum together update values
"""
_ATTRIBUTES = frozenset(_ATTRIBUTES_WORDS.split())
_MATH = frozenset(name for name in dir(math) if not name.startswith("_"))
_NODES = (
    ast.Module, ast.Expr, ast.Assign, ast.AugAssign, ast.Name, ast.Load, ast.Store, ast.Constant,
    ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.operator, ast.unaryop, ast.boolop,
    ast.cmpop, ast.Call, ast.keyword, ast.Attribute, ast.Subscript, ast.Slice, ast.List,
    ast.Tuple, ast.Dict, ast.Set, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp,
    ast.comprehension, ast.IfExp, ast.If, ast.For, ast.While, ast.Break, ast.Continue, ast.Pass,
    ast.FunctionDef, ast.Return, ast.arguments, ast.arg, ast.Import, ast.ImportFrom, ast.alias,
    ast.JoinedStr, ast.FormattedValue, ast.Starred, ast.Lambda,
)  # fmt: skip


def passes(tree: ast.AST, sympy_names: frozenset[str]) -> bool:
    """Whether a program may share its process; `sympy_names` are what `import *` of sympy binds."""
    unlisted = sympy_names - SYMPY
    return all(_harmless(node, unlisted) for node in ast.walk(tree))


def _harmless(node: ast.AST, unlisted: frozenset[str]) -> bool:
    if not isinstance(node, _NODES):
        return False
    if isinstance(node, ast.Name | ast.arg):
        return _ordinary(node.id if isinstance(node, ast.Name) else node.arg, unlisted)
    if isinstance(node, ast.FunctionDef):
        return _ordinary(node.name, unlisted) and not node.decorator_list
    if isinstance(node, ast.Attribute):
        listed = node.attr in _ATTRIBUTES or node.attr in SYMPY or node.attr in _MATH
        return listed and isinstance(node.ctx, ast.Load)
    if isinstance(node, ast.Import):
        return all(
            clause.name in {"sympy", "math"} and _bound(clause, unlisted) for clause in node.names
        )
    if isinstance(node, ast.ImportFrom):
        return _import_from(node, unlisted)
    return True


def _import_from(node: ast.ImportFrom, unlisted: frozenset[str]) -> bool:
    module = node.module or ""
    if module == "math":
        known = _MATH
    elif module.partition(".")[0] == "sympy" and "_" not in module:
        known = SYMPY
    else:
        return False
    stars = module in {"math", "sympy"}
    return node.level == 0 and all(
        (clause.name in known or (clause.name == "*" and stars)) and _bound(clause, unlisted)
        for clause in node.names
    )


def _bound(clause: ast.alias, unlisted: frozenset[str]) -> bool:
    return clause.asname is None or _ordinary(clause.asname, unlisted)


def _ordinary(name: str, unlisted: frozenset[str]) -> bool:
    """Whether a name is no private one, and no function that the vet does not know."""
    return not name.startswith("_") and name not in unlisted


def builtins_of(full: dict[str, Any]) -> dict[str, Any]:
    """The builtins of a vetted program, in a dict of its own."""
    return {name: full[name] for name in (*BUILTINS, "__import__")}
