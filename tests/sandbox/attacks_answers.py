"""Attacks by way of the answer itself: code that runs, or data that hurts, while it is carried."""

from tests.sandbox.attacks import Attack

_CARRIED = "do harm while its answer is carried"
_METHODS = {
    "eq": "def __eq__(self, other): return {act}\n    __hash__ = None",
    "repr": "def __repr__(self): return str({act})\n    __str__ = __format__ = __repr__",
    "abs and order": (
        "def __abs__(self): return {act}\n    __lt__ = __gt__ = __le__ = lambda self, other: {act}"
    ),
    "number": "def __float__(self): return {act}\n    __int__ = __index__ = __bool__ = __float__",
    "length": "def __len__(self): return {act}\n    __iter__ = __getitem__ = __len__",
    "attribute": "def __getattribute__(self, name): return {act}",
    "class": "__class__ = property(lambda self: {act})",
    "pickle": "def __reduce_ex__(self, version): return (exec, ('1 / 0',))\n    __reduce__ = None",
    "item": (
        "shape = (1,)\n"
        "    def item(self): return {act}\n"
        "    numerator = denominator = property(item)"
    ),
    "delete": "def __del__(self): {act}",
}
_PARENTS = ("int", "str", "float", "object")
_ACTS = {"that raises": "1 / 0", "that never ends": "[0 for _ in iter(int, 1)]"}
_DATA = {
    "nan": "ans = float('nan')",
    "infinity": "ans = -float('inf')",
    "huge float": "ans = 1e308 * 10",
    "huge integer": "ans = 10 ** 4000",
    "more digits than are told": "ans = 10 ** 20000",
    "huge text": "ans = 'x' * 10**7",
    "text of controls": "ans = '\\0\\x1b[2J\\n\\r'",
    "surrogate": "ans = '\\ud800'",
    "nested": "ans = [[[[1]]]]",
    "complex": "ans = complex('nan') + 1j",
    "bytes": "ans = b'\\xff'",
    "type": "ans = int",
    "module": "import math\nans = math",
    "function": "def ans(): return 13",
    "generator": "ans = (n for n in iter(int, 1))",
    "range": "ans = range(10**18)",
    "decimal nan": "from decimal import Decimal\nans = Decimal('sNaN')",
    "decimal that is huge": "from decimal import Decimal\nans = Decimal('1e999999')",
    "fraction that is huge": "from fractions import Fraction\nans = Fraction(10**9999, 3)",
    "fraction that lies": (
        "from fractions import Fraction\nans = Fraction(1, 2)\nans._denominator = 0"
    ),
    "numpy nan": "import numpy\nans = numpy.float64('nan')",
    "numpy object": "import numpy\nans = numpy.array([[0].append], dtype=object)",
    "numpy record": "import numpy\nans = numpy.array(0, dtype='V8')",
    "numpy that is huge": "import numpy\nans = numpy.broadcast_to(numpy.int8(1), (10**9, 10**9))",
    "sympy nan": "import sympy\nans = sympy.nan",
    "sympy infinity": "import sympy\nans = sympy.zoo",
    "sympy that is huge": "import sympy\nans = sympy.Integer(9) ** sympy.Integer(9) ** 9",
    "sympy that is not done": "import sympy\nans = sympy.Pow(9, sympy.Pow(9, 99), evaluate=False)",
    "sympy that is slow": (
        "import sympy\nx = sympy.Symbol('x')\n"
        "ans = sympy.Sum(1 / x ** 2 + sympy.sin(x), (x, 1, 10**12))"
    ),
    "names that are none": "globals().clear()",
    "names that lie": (
        "class D(dict):\n    def get(self, name): return 13\n"
        "ans = D()\nglobals()[1] = globals()[(2,)] = 13"
    ),
    "solution that is endless": "def solution():\n    while True: pass",
    "solution that is deep": "def solution(): return solution()",
    "solution that lies": (
        "class function:\n    def __call__(self): raise SystemExit\nsolution = function()"
    ),
    "type error that lies": (
        "class E(TypeError):\n    def __str__(self): 1 / 0\ndef solution(): raise E"
    ),
}

ANSWERS = (
    *(
        Attack(
            f"{parent} with {name} {act}",
            _CARRIED,
            f"class C({parent}):\n    {text.format(act=made)}\nans = C()",
        )
        for parent in _PARENTS
        for name, text in _METHODS.items()
        for act, made in _ACTS.items()
        # Every method once, and the ones that numbers and texts are carried by on each of them.
        if (parent == "object" or name in ("eq", "repr", "abs and order")) and "{act}" in text
    ),
    Attack("pickle", _CARRIED, f"class C:\n    {_METHODS['pickle']}\nans = C()"),
    *(Attack(f"answer: {name}", _CARRIED, text) for name, text in _DATA.items()),
    Attack(
        "class of classes",
        _CARRIED,
        "class M(type):\n    __name__ = property(lambda c: 'Decimal')\n"
        "    def __eq__(c, o): return True\n    __hash__ = None\n"
        "class C(metaclass=M):\n"
        "    def __float__(self): return [0 for _ in iter(int, 1)]\n"
        "ans = C()",
    ),
)
