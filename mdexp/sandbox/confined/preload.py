"""The modules that a program may import in the CPython tier; they are preloaded, since it cannot
open files."""

import importlib
from typing import Any

# Harmless standard modules; what they need comes with them.
_STANDARD_WORDS = """
abc argparse array base64 binascii bisect builtins calendar cmath codecs collections
collections.abc contextlib copy csv dataclasses datetime decimal difflib enum errno fractions
functools gc hashlib heapq html inspect io itertools json json.decoder json.encoder keyword
logging math numbers operator os os.path pprint queue random re reprlib secrets statistics
string struct sys textwrap time timeit tokenize traceback types typing unicodedata uuid warnings
weakref zlib _strptime encodings.ascii encodings.idna encodings.latin_1 encodings.utf_8
encodings.utf_16 encodings.utf_8_sig encodings.unicode_escape encodings.cp1252
encodings.hex_codec encodings.rot_13
"""
STANDARD = _STANDARD_WORDS.split()

_NUMERIC_WORDS = """
mpmath numpy numpy.fft numpy.linalg numpy.ma numpy.matlib numpy.polynomial numpy.random sympy
"""
NUMERIC = _NUMERIC_WORDS.split()

# sympy imports these inside its functions.
_SYMPY_WORDS = """
abc assumptions.facts assumptions.lra_satask assumptions.satask assumptions.wrapper
calculus.finite_diff categories codegen.ast codegen.cfunctions combinatorics
combinatorics.coset_table combinatorics.fp_groups combinatorics.free_groups combinatorics.galois
combinatorics.generators combinatorics.homomorphisms combinatorics.named_groups
combinatorics.pc_groups combinatorics.perm_groups combinatorics.permutations
combinatorics.tensor_can discrete.recurrences holonomic integrals.heurisch
integrals.manualintegrate integrals.rde integrals.risch integrals.prde logic.algorithms.dpll
logic.algorithms.dpll2 logic.algorithms.lra_theory logic.algorithms.minisat22_wrapper
logic.algorithms.pycosat_wrapper matrices.expressions.fourier parsing.sympy_parser physics.units
physics.units.prefixes physics.units.quantities physics.units.util physics.vector
polys.dispersion polys.distributedmodules polys.domains.old_fractionfield
polys.domains.old_polynomialring polys.domains.quotientring polys.numberfields.resolvent_lookup
printing.c printing.cxx printing.fortran printing.lambdarepr printing.numpy printing.pycode
printing.rust sets.handlers.add sets.handlers.comparison sets.handlers.functions
sets.handlers.intersection sets.handlers.issubset sets.handlers.mul sets.handlers.power
sets.handlers.union sets.setexpr solvers.diophantine solvers.inequalities solvers.ode
solvers.ode.systems solvers.pde stats stats.sampling stats.symbolic_probability
tensor.array.expressions tensor.tensor utilities.lambdify vector
"""
_SYMPY = _SYMPY_WORDS.split()
SYMBOLIC = [f"sympy.{name}" for name in _SYMPY]


def preload_modules(*, numeric: bool) -> None:
    """Import all of it. A module that this version of a package lacks is left out."""
    for name in [*STANDARD, *(NUMERIC + SYMBOLIC if numeric else [])]:
        try:
            importlib.import_module(name)
        except ImportError:
            if name in STANDARD or name in NUMERIC:
                raise
    if numeric:
        _fill_caches()


def _fill_caches() -> None:
    """Do what programs often do, so that each finds sympy's caches filled already."""
    sympy: Any = importlib.import_module("sympy")

    x, y = sympy.symbols("x y")
    positive = sympy.Symbol("x", positive=True)
    sympy.solve(sympy.Eq(3 * x + 5, 20), x)
    sympy.solve([x + 2 * y - 11, 3 * x - y - 5], [x, y], dict=True)
    sympy.solve((x / y - 0.75, x - y - 20), (x, y))
    sympy.solve(positive**2 - 5 * positive + 6, positive)
    sympy.simplify(sympy.Rational(3, 4) + sympy.sqrt(8))
    sympy.expand((x + 1) ** 3).diff(x).subs(x, 2).evalf()
    sympy.integrate(x**2, (x, 0, 1))
    sympy.summation(x**2, (x, 1, 10))
    sympy.factor(x**2 - 1)
