"""Attacks on the machine: time, memory, output, depth. Nothing of it may cost more than a limit."""

from tests.sandbox.attacks import Attack

_MEMORY = "take more memory than it has"
_TIME = "take more time than it has"
_OUTPUT = "print more than it may"
_DEPTH = "end its worker by depth"
_MEMORY_BOMBS = {
    "list": "x = [0] * 10**10",
    "growing list": "x = []\nwhile True: x.append('y' * 10000 + str(len(x)))",
    "growing text": "x = 'y'\nwhile True: x += x",
    "text": "x = 'y' * 10**10",
    "bytes": "x = bytes(10**11)",
    "bytearray": "x = bytearray(10**10)",
    "format width": "ans = f'{1:>10000000000}'",
    "percent width": "ans = '%*d' % (10**10, 1)",
    "replace": "x = 'y' * 10**6\nans = x.replace('y', x)",
    "join": "x = ['y' * 10**6] * 10**6\nans = ''.join(x)",
    "power": "ans = 10 ** 10 ** 10",
    "shift": "ans = 1 << 10 ** 11",
    "range": "ans = list(range(10**11))",
    "caught": "try:\n    x = [0] * 10**10\nexcept BaseException:\n    ans = 1",
    "caught again and again": (
        "kept = []\nwhile True:\n    try: kept.append([0] * 10**5)\n    except MemoryError: pass"
    ),
    "dictionary": "x = {}\nwhile True: x[len(x)] = str(len(x)) * 100",
    "iterators": "import itertools\nans = list(itertools.permutations(range(50)))",
    "deque": (
        "from collections import deque\nd = deque()\nwhile True: d.append(d.copy() or [0] * 9999)"
    ),
    "expandtabs": "ans = ('\\t' * 10**6).expandtabs(10**6)",
    "zfill": "ans = 'x'.zfill(10**11)",
    "translate": "ans = ('x' * 10**6).translate({120: 'y' * 10**5})",
    "nested comprehension": "ans = [[0] * 10**6 for _ in range(10**6)]",
    "numpy": "import numpy\nans = numpy.zeros((10**6, 10**6)).sum() + numpy.ones(10**10).sum()",
    "sympy": (
        "import sympy\nx, y = sympy.symbols('x y')\nans = str(sympy.expand((x + y + 1) ** 3000))"
    ),
    "mmap": "import mmap\nx = mmap.mmap(-1, 2**40)\nfor n in range(0, 2**40, 4096): x[n] = 1",
}
_TIME_BOMBS = {
    "square root": "import math\nans = math.isqrt(7 ** 4000000)",
    "factorial": "import math\nans = math.factorial(10**7) % 7",
    "powers": "x = 3\nwhile True: x = x * x % (1 << 10**6) + 1",
    "modular power": "ans = pow(3, 10**10000, 10**10000 + 1)",
    "digits": "import sys\nsys.set_int_max_str_digits(0)\nans = len(str(7 ** 3000000))",
    "digits read": "import sys\nsys.set_int_max_str_digits(0)\nans = int('7' * 3000000) % 7",
    "division": "ans = (7 ** 5000000) // (3 ** 2500000) % 7",
    "regex": "import re\nans = bool(re.match('(a+)+$', 'a' * 50 + 'b'))",
    "regex with a group": "import re\nans = bool(re.match(r'(a|aa)+\\1$', 'a' * 60 + 'b'))",
    "regex that is long": (
        "import re\nans = bool(re.match('(?:a?){50000}' + 'a' * 50000, 'a' * 50000))"
    ),
    "find": "ans = ('a' * 5 * 10**5 + 'b').find('a' * 10**5 + 'ba' + 'c')\nwhile True: pass",
    "concatenation": "x = ()\nfor n in range(10**6): x = x + (n,)",
    "hash collisions": "x = {n * (2**61 - 1) for n in range(10**6)}",
    "sort": (
        "from functools import cmp_to_key\n"
        "def never(a, b):\n"
        "    while True: pass\n"
        "ans = sorted([1, 2], key=cmp_to_key(never))"
    ),
    "equality": ("a, b = [1], [1]\nfor _ in range(60): a, b = [a, a], [b, b]\nans = a == b"),
    "repr": "a = []\nfor _ in range(60): a = [a, a]\nans = len(repr(a))",
    "decimal": (
        "from decimal import Decimal, getcontext\n"
        "getcontext().prec = 10**6\n"
        "ans = Decimal(2).sqrt().ln()"
    ),
    "fractions": "from fractions import Fraction\nx = Fraction(1, 3)\nwhile True: x = x * x + 1",
    "numpy": "import numpy\na = numpy.ones((300, 300))\nwhile True: a = a @ a / 300",
    "numpy alone": "import numpy\nans = numpy.linalg.svd(numpy.random.rand(3000, 3000))[1].sum()",
    "sympy": "import sympy\nans = sympy.factorint(10**80 + 7 * 10**40 + 9)",
    "sympy solve": (
        "import sympy\nx = sympy.Symbol('x')\n"
        "ans = sympy.integrate(sympy.exp(sympy.sin(x)) * sympy.tan(x) ** 5 / (x + 1), x)"
    ),
}
_FLOODS = {
    "print": "while True: print('x' * 100)",
    "one line": "print('x' * 10**6)",
    "lines": "for _ in range(10**6): print()",
    "letters": "for _ in range(10**6): print('é', end='')",
    "sys.stdout": "import sys\nwhile True: sys.stdout.write('x' * 1000)",
    "real standard output": "import sys\nwhile True: sys.__stdout__.write('x' * 1000)",
    "standard error": "import sys\nwhile True: sys.stderr.write('x' * 1000)",
    "descriptor 1": "import os\nwhile True: os.write(1, b'x' * 10000)",
    "descriptor 2": "import os\nwhile True: os.write(2, b'x' * 10000)",
    "caught": "while True:\n    try: print('x' * 1000)\n    except BaseException: pass",
    "warnings": (
        "import warnings\nwarnings.simplefilter('always')\nwhile True: warnings.warn('x' * 999)"
    ),
    "unraisable": (
        "class C:\n    def __del__(self): raise ValueError('x' * 9999)\nwhile True: C()"
    ),
    "control characters": "print('\\x00\\x1b[2J\\r\\x08' * 9)\nans = 1",
    "half a letter": "import sys\nsys.stdout.buffer.write(b'\\xc3')\nans = 1",
    "surrogates": "print('\\ud800')\nans = 1",
    "line ends": "print('a\\u2028b\\x85c\\x0bd')\nans = 1",
}
_DEEP = {
    "recursion": "def f(): return f()\nans = f()",
    "recursion of repr": "class C:\n    def __repr__(self): return repr(self)\nans = repr(C())",
    "recursion without a limit": (
        "import sys\nsys.setrecursionlimit(10**9)\ndef f(n): return f(n + 1)\nans = f(0)"
    ),
    "recursion in C": (
        "import sys\nsys.setrecursionlimit(10**9)\n"
        "class C:\n    def __getattr__(self, name): return getattr(self, name)\nans = C().x"
    ),
    "parentheses": "ans = " + "(" * 5000 + "1" + ")" * 5000,
    "brackets": "ans = " + "[" * 99 + "1" + "]" * 99,
    "signs": "ans = " + "-" * 20000 + "1",
    "sums": "ans = " + "1+" * 20000 + "1",
    "powers": "ans = " + "2**" * 5000 + "1",
    "attributes": "ans = x" + ".x" * 20000,
    "calls": "ans = str" + "()" * 20000,
    "comparisons": "ans = 1" + "<1" * 20000,
    "lambdas": "ans = " + "lambda: " * 5000 + "1",
    "conditions": "ans = " + "1 if 1 else " * 5000 + "1",
    "indentation": "\n".join(" " * n + "if 1:" for n in range(99)) + "\n" + " " * 99 + "ans = 1",
    "elif": "if 0: pass\n" + "elif 0: pass\n" * 4000 + "else: ans = 1",
    "strings in a row": "ans = " + "'a' " * 15000,
    "f-strings": "ans = " + "f'{" * 60 + "1" + "}'" * 60,
    "huge literal": "ans = " + "9" * 60000,
    "hexadecimal literal": "ans = 0x" + "f" * 60000,
    "exponent": "ans = 1e" + "9" * 60000,
    "folded constants": "ans = 2 ** 2 ** 2 ** 2 ** 2 ** 2 ** 2",
    "folded texts": "ans = 'x' * 4000 * 4000 * 4000 * 4000",
    "compiled": "ans = eval('(' * 100000 + ')' * 100000)",
    "parsed": "import ast\nans = ast.literal_eval('-' * 500000 + '1')",
    "deep lists": "x = []\nfor _ in range(100000): x = [x]\nans = x",
    "deep lists told": "x = []\nfor _ in range(100000): x = [x]\nans = repr(x)",
    "list in itself": "x = []\nx.append(x)\nans = x",
    "deep lists dropped": "x = None\nfor _ in range(10**6): x = (x,)\ndel x\nans = 1",
    "chained errors": (
        "e = None\n"
        "for _ in range(10**5):\n    n = ValueError('x')\n    n.__cause__ = e\n    e = n\n"
        "raise e"
    ),
    "many names": "for n in range(10**5): globals()[f'n{n}'] = n\nans = 1",
    "nothing": "",
    "only a mark": "\ufeff",
    "line ends": "ans = 1\r\rans = 2\x0c\n",
    "an encoding": "# -*- coding: utf-7 -*-\nans = '+ADw-'",
    "an unknown encoding": "# -*- coding: nonsense -*-\nans = 1",
}

EXHAUSTION = (
    *(Attack(f"memory: {way}", _MEMORY, text) for way, text in _MEMORY_BOMBS.items()),
    *(Attack(f"time: {way}", _TIME, text) for way, text in _TIME_BOMBS.items()),
    *(Attack(f"output: {way}", _OUTPUT, text) for way, text in _FLOODS.items()),
    *(Attack(f"depth: {way}", _DEPTH, text) for way, text in _DEEP.items()),
)
