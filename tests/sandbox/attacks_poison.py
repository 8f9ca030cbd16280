"""Attacks on the next program: to change what it finds. The probes say what it has to find."""

from tests.sandbox.attacks import Attack

_POISON = "change what the next program finds"
_WAYS = {
    "math": "import math\nmath.sqrt = math.floor = lambda x: 13\nmath.pi = 3",
    "builtins": "import builtins\nbuiltins.sum = builtins.len = builtins.round = lambda *x: 13",
    "builtins of the globals": "__builtins__['abs'] = __builtins__['max'] = lambda *x: 13",
    "builtins taken away": (
        "import builtins\nfor name in list(vars(builtins)): delattr(builtins, name)"
    ),
    "sys.modules": (
        "import sys\nsys.modules['math'] = sys.modules['json'] = sys.modules['re'] = sys"
    ),
    "all of sys.modules": "import sys\nsys.modules.clear()",
    "sys.path": "import sys\nsys.path[:] = ['/tmp']\nsys.meta_path.clear()",
    "import hook": (
        "import sys\n"
        "class Hook:\n"
        "    def find_spec(self, *args): raise ImportError('no more')\n"
        "sys.meta_path.insert(0, Hook())\n"
        "for name in ('math', 'json', 'decimal', 'random'): sys.modules.pop(name, None)"
    ),
    "__import__": "import builtins\nbuiltins.__import__ = lambda *args, **kwargs: None",
    "json": "import json\njson.dumps = json.loads = lambda *x, **k: '13'",
    "random": "import random\nrandom.seed(7)\nrandom.random = lambda: 13",
    "random state": "import random\nfor _ in range(999): random.random()",
    "decimal context": (
        "import decimal\ndecimal.getcontext().prec = 2\ndecimal.DefaultContext.prec = 2"
    ),
    "recursion limit": "import sys\nsys.setrecursionlimit(60)",
    "digits": "import sys\nsys.set_int_max_str_digits(0)",
    "trace": "import sys\nsys.settrace(lambda *args: 1 / 0)",
    "profile": (
        "import sys, threading\nsys.setprofile(lambda *args: 1 / 0)\nthreading.setprofile(print)"
    ),
    "audit hook": ("import sys\ndef hook(*args): raise SystemExit\nsys.addaudithook(hook)"),
    "standard output": "import sys, io\nsys.stdout = io.StringIO()",
    "printed part of a line": "print('13', end='')",
    "printed to the real output": "import sys\nsys.__stdout__.write('13')\nsys.__stdout__.flush()",
    "written to descriptor 1": "import os\nos.write(1, b'13\\n')",
    "classes": "import collections\ncollections.Counter.most_common = lambda *x: 13",
    "object's attributes": (
        "import ctypes, gc\n"
        "names = gc.get_referents(float.__dict__)[0]\n"
        "names['is_integer'] = lambda self: 13\n"
        "names['__round__'] = lambda *x: 13"
    ),
    "small integers": ("import numpy, ctypes\nctypes.memmove(id(7) + 24, id(8) + 24, 4)"),
    "interned texts": "import sys\nfor n in range(99999): sys.intern(f'n{n}')",
    "default arguments": "import json\njson.dumps.__kwdefaults__.update(indent=4, skipkeys=True)",
    "collector": "import gc\ngc.disable()\ngc.set_threshold(0)\ngc.freeze()",
    "switch interval": "import sys\nsys.setswitchinterval(1000)",
    "warnings": "import warnings\nwarnings.simplefilter('error')\nwarnings.warn_explicit = None",
    "locale": "import locale\nlocale.setlocale(locale.LC_ALL, 'C')\nlocale.format_string = 13",
    "main module": "import sys, __main__\n__main__.__dict__.clear()",
    "names left over": "x = left = 13\nglobal_left = 13\ndef solution(): return 13",
    "exit handlers": "import atexit\natexit.register(print, 13)\natexit._run_exitfuncs()",
    "hash": "import sys\nsys.flags = None\nhash = 13",
    "regex cache": "import re\nre.compile = re.search = lambda *x: None\nre._cache = {}",
    "time": "import time\ntime.time = time.sleep = lambda *x: 13",
    "numpy": "import numpy\nnumpy.sum = numpy.array = lambda *x: 13\nnumpy.ndarray = int",
    "numpy errors": "import numpy\nnumpy.seterr(all='raise')\nnumpy.set_printoptions(precision=1)",
    "numpy random": "import numpy\nnumpy.random.seed(9)",
    "sympy": "import sympy\nsympy.solve = sympy.Symbol = lambda *x, **k: [13]",
    "sympy cache": (
        "import sympy\n"
        "from sympy.core.cache import clear_cache\n"
        "sympy.Add._from_args = None\nsympy.core.numbers.Integer.__add__ = lambda *x: 13"
    ),
    "sympy singletons": ("import sympy\nsympy.S.One.p = 13\nsympy.core.numbers.One.p = 13"),
    "sympy assumptions": (
        "import sympy\nsympy.Symbol('x', positive=True)\nsympy.Symbol.is_real = 13"
    ),
    # Without a statement that looks like a change.
    "sympy by a loop": (
        "import sympy\nfor sympy.S.One.p in [13]: pass\nfor sympy.solve in [13]: pass"
    ),
    "sympy by a comprehension": "import sympy\nx = [0 for sympy.solve in [13]]",
    "sympy by a context": "import sympy\nwith sympy.evaluate(False) as sympy.Symbol: pass",
    "sympy by a deletion": "import sympy\ndel sympy.solve, sympy.Symbol",
    "sympy by an unpacking": "import sympy\n(sympy.solve, [*sympy.Symbol]) = 13, [13]",
    "sympy by setattr": "import sympy\nsetattr(sympy, 'solve', 13)",
    "sympy by its names": "import sympy\nvars(sympy).update(solve=13)\nsympy.__dict__.clear()",
    "sympy left inside a context": (
        "import sympy\n"
        "def inside():\n"
        "    with sympy.evaluate(False): yield sympy.Symbol('x')\n"
        "kept = inside()\nans = str(next(kept))"
    ),
    "sympy settings": (
        "import sympy\n"
        "sympy.init_printing(order='none')\n"
        "sympy.StrPrinter._default_settings.update(full_prec=True)"
    ),
    "sympy lists": "import sympy\nsympy.core.all_classes.clear()\nsympy.abc._clash.clear()",
    "sympy by a text": "import sympy\nsympy.sympify(\"__import__('sympy').__dict__.clear()\")",
    "sympy by lambdify": (
        "import sympy\n"
        "f = sympy.lambdify([], \"__import__('sympy').__dict__.clear()\", modules='sympy')\nf()"
    ),
    "sympy by format": (
        "import sympy\nans = '{0.__class__.__init__.__globals__}'.format(sympy.S.One)"
    ),
    "math by a loop": "import math, sympy\nfor math.sqrt in [13]: pass\nans = sympy.sqrt(4)",
    "names of builtins": (
        "import sympy\nlen = sum = abs = str = int = 13\n"
        "def max(*x):\n    global round\n    round = 13\nmax()\nans = sympy.sqrt(4)"
    ),
}
# What one and the same process is changed by: without a child of its own, the next one sees it.
_SHARED = {
    "math",
    "builtins",
    "sys.modules",
    "json",
    "decimal context",
    "numpy",
    "sympy",
    "classes",
}

POISON = tuple(
    Attack(f"poison: {way}", _POISON, text, control=way in _SHARED) for way, text in _WAYS.items()
)

# Programs with the answers of a process in which nothing else ran: for every tier ...
PROBES: dict[str, str | int | float] = {
    """\
import math
ans = 0
for n in (1, 4, 9): ans += math.sqrt(n) + math.floor(2.5) + round(2.5) + abs(-1) + max(0, n)
ans += sum([1, 2]) + len('abc')
""": 41.0,
    """\
def depth(n): return 0 if n == 0 else 1 + depth(n - 1)
ans = depth(200)
""": 200,
    "print(7 + 0 * 8)\nprint(2 ** 7)": "128",
}
# ... for CPython ...
CPYTHON_PROBES: dict[str, str | int | float] = {
    """\
from collections import Counter
from decimal import Decimal
import json
import re
text = json.dumps({'a': [1, 2.5]})
found = re.search('[0-9]+', 'a12b').group(0)
most = Counter('hello').most_common(1)[0][0]
ans = f'{text} {found} {most} {Decimal(1) / Decimal(3)}'
""": '{"a": [1, 2.5]} 12 l 0.3333333333333333333333333333',
}
# ... and for CPython with these libraries.
HEAVY_PROBES: dict[str, str | int | float] = {
    """\
import numpy as np
import sympy
x = sympy.Symbol('x')
(root,) = sympy.solve(3 * x - 12, x)
ans = int(root) + int(np.sum(np.array([1, 2]))) + len(str(np.float64(1) / 3))
ans += int(sympy.Integer(1) + sympy.Integer(1)) + (sympy.Symbol('x').is_real is None)
""": 28,
}
