"""Which programs may share a process, and what they can get hold of there."""

import ast
import importlib
import warnings
from types import ModuleType
from typing import Any

import pytest

from mdexp.sandbox.confined import listed, preload
from mdexp.sandbox.confined.vet import Vet

FULL = Vet(frozenset(importlib.import_module("sympy").__all__))
SLIM = Vet(frozenset())


@pytest.mark.parametrize(
    "program",
    [
        "from sympy import *\nx = symbols('x')\nans = solve(Eq(3 * x + 5, 20), x)[0]",
        "import sympy as sp\nx = sp.Symbol('x', positive=True)\nans = max(sp.solve(x**2 - 4, x))",
        "from sympy.solvers import solve\nfrom sympy import Symbol\n"
        "def solution():\n    x = Symbol('x')\n    return solve(2 * x - 4, x)[0].evalf()",
        "from sympy import symbols, solve\na, b = symbols('a b')\n"
        "s = solve([a + b - 3, a - b - 1], [a, b], dict=True)\nprint(f'{s[0][a]} (of 3)')",
        "import numpy as np\nans = np.linalg.solve(np.array([[2, 0], [0, 4]]), [2, 4]).sum()",
        "import numpy as np\nplot = np.array([1, 2, 3])\nans = plot.mean() + np.round(plot[0], 2)",
    ],
)
def test_ordinary_numeric_programs_pass(program: str) -> None:
    assert FULL.passes(ast.parse(program))


@pytest.mark.parametrize(
    "program",
    [
        "import math\nfrom math import sqrt\nans = sum(math.floor(sqrt(n)) for n in range(9))",
        "from fractions import Fraction\nans: float = float(Fraction(1, 3).limit_denominator(9))",
        "from collections import Counter\nans = Counter('hello').most_common(1)[0][0].upper()",
        "from datetime import date, timedelta as d\nans = (date(2024, 3, 1) + d(9)).isoformat()",
        "from decimal import Decimal\nans = Decimal('1.005').quantize(Decimal('0.01'))",
        "import re, statistics\nans = statistics.mean(int(n) for n in re.findall('[0-9]+', '1 2'))",
        "from functools import reduce\nimport operator\nans = reduce(operator.mul, [1, 2, 3])",
    ],
)
def test_ordinary_programs_pass_in_both(program: str) -> None:
    assert SLIM.passes(ast.parse(program)) and FULL.passes(ast.parse(program))


@pytest.mark.parametrize(
    "program",
    [
        "import os",
        "import random",
        "from .sympy import solve",
        # of sympy
        "from sympy import sympify",
        "from sympy import *\nsympify('1')",
        "from sympy import *\nf = lambdify",
        "from sympy import *\nif 0: lambdify = 1\nlambdify",
        "import sympy\nsympy.sympify('1')",
        "import sympy\nsympy.core.cache.clear_cache()",
        "import sympy\nsympy.pi = 3",
        "import sympy\nfor sympy.pi in [3]: pass",
        "import sympy\nsympy.solve.__globals__['x'] = 1",
        "import sympy.core.cache",
        "from sympy.core.expr import re",
        "from sympy.core import *",
        "from sympy.core import Symbol as __build_class__",
        "from sympy import solve\nsolve.x = 1",
        "from sympy import solve\nsolve(1, _x=2)",
        "import sympy\nsympy.init_printing()",
        # of numpy
        "import numpy as np\nnp.seterr(all='raise')",
        "import numpy as np\nnp.random.seed(1)",
        "import numpy.random",
        "from numpy.random import seed",
        "import numpy as np\nnp.set_printoptions(precision=1)",
        "import numpy as np\nans = np.empty(9)",
        "import numpy as np\nnp.add([1], [2], out=np.zeros(1))",
        "import numpy as np\nnp.add([1], [2], **{'where': [False]})",
        "import numpy as np\nnp.add([1], [2], where=[False])",
        "import numpy as np\nx = np.zeros(3)\nx.shape = 1",
        "import numpy as np\nx = np.lib.stride_tricks.as_strided(np.zeros(1), (9,), (8,))",
        "import numpy as np\nnp.zeros(3).view('O')",
        "import numpy as np\nnp.save('x', 1)",
        # of the standard library
        "from decimal import getcontext\ngetcontext()",
        "from decimal import setcontext, Context\nsetcontext(Context(prec=2))",
        "import decimal\ndecimal.DefaultContext",
        "from operator import attrgetter",
        "from operator import methodcaller",
        "import operator\noperator.attrgetter('x')",
        "from functools import lru_cache",
        "from functools import cached_property",
        "import statistics\nstatistics.sys",
        "import fractions\nfractions.sys",
        "from collections import namedtuple",
        "from datetime import datetime\ndatetime.now()",
        "import re\nre.purge()",
        "import string\nstring.Formatter()",
        "from string import Template",
        # of the language
        "ans = ().__class__",
        "ans = '{0.__class__}'.format(1)",
        "ans = '{0.__class__}'.format_map({})",
        "ans = list(map(str.format, ['{0.__class__}'], [1]))",
        "f = getattr",
        "from functools import reduce\nreduce(getattr, ['x'])",
        "ans = type(1)",
        "ans = vars()",
        "ans = eval('1')",
        "ans = x",
        "class A: pass",
        "try:\n    x = 1\nexcept BaseException: pass",
        "with x: pass",
        "x = 1\ndel x",
        "def f():\n    yield 1",
        "global_ = 1\ndef f():\n    global global_",
        "def f(x): pass\n@f\ndef g(): pass",
        "async def f(): pass",
        "def _f(): pass",
        "lambda _x: 1",
        "_x = 1",
        "import math as _m",
        "math = 1\n[0 for math.pi in [1]]",
    ],
)
def test_what_could_leave_something_behind_does_not_pass(program: str) -> None:
    tree = ast.parse(program)
    assert not FULL.passes(tree)
    assert not SLIM.passes(tree)


@pytest.mark.parametrize("module", listed.NUMERIC)
def test_what_is_not_loaded_does_not_pass(module: str) -> None:
    assert not SLIM.passes(ast.parse(f"import {module}"))


def _reached(root: Any, depth: int) -> dict[str, Any]:
    """What attributes that pass lead to from an object, by their path."""
    found: dict[str, Any] = {}
    seen: dict[int, Any] = {}
    level = {"": root}
    for _ in range(depth):
        after: dict[str, Any] = {}
        for path, value in level.items():
            if id(value) in seen:
                continue
            seen[id(value)] = value  # kept, so that no other gets its id
            for name in listed.ATTRIBUTES:
                try:
                    after[f"{path}.{name}"] = getattr(value, name)
                except Exception:  # not there, or only for some objects
                    continue
        found |= after
        level = after
    return found


@pytest.mark.parametrize("name", [*listed.STANDARD, *listed.NUMERIC])
def test_no_attribute_leads_to_what_is_shared_and_can_be_changed(name: str) -> None:
    module = importlib.import_module(name)
    with warnings.catch_warnings(action="ignore"):
        preload.load(numeric=True)
        first, second = _reached(module, 2), _reached(module, 2)
    shared = {
        path
        for path, value in first.items()
        if isinstance(value, dict | list | set | bytearray) and value is second.get(path)
    }
    assert not shared
    modules = {value.__name__ for value in first.values() if isinstance(value, ModuleType)}
    assert modules <= {"math", "numpy.linalg", "re", "sympy.core.evalf"}


@pytest.mark.parametrize("name", [*listed.STANDARD, *listed.NUMERIC])
def test_what_is_listed_is_there(name: str) -> None:
    names = {**listed.STANDARD, **listed.NUMERIC}[name]
    module = importlib.import_module(name)
    assert not [one for one in names if not hasattr(module, one)]


@pytest.mark.parametrize("part", sorted(listed.SYMPY_PARTS))
def test_a_part_of_sympy_has_functions_and_numbers_by_the_same_names(part: str) -> None:
    module = importlib.import_module(part)
    held = [vars(module)[name] for name in listed.SYMPY & set(vars(module))]
    assert not [one for one in held if isinstance(one, dict | list | set | ModuleType)]
