"""Templates of programs that use sympy or numpy, as bench/programs.py fills them."""

# Two thirds of the sympy programs of models use no more than these names.
SOLVING = """
from sympy import symbols, Eq, solve
x = symbols('x')
ans = solve(Eq(<a> * x + <b>, <c>), x)[0]
---
from sympy import *
x, y = symbols('x y')
solution = solve([Eq(x + y, <a>), Eq(x - y, <b>)], [x, y])
ans = solution[x]
---
from sympy import symbols, solve
x = symbols('x', positive=True)
ans = solve(x**2 + <a> * x - <b> * <c>, x)[0]
---
import sympy as sp
price, count = sp.symbols('price count')
found = sp.solve((price * <a> - <b>, count - <c> * price), (price, count))
ans = float(found[count])
---
from sympy import Rational
ans = Rational(<a>, <b>) + Rational(<c>, <d>)
---
from sympy import sqrt, simplify
ans = simplify(sqrt(<a>) * sqrt(<a>) + <b>)
---
from sympy import symbols, simplify
x = symbols('x')
expression = simplify((x**2 - <a>**2) / (x - <a>))
ans = expression.subs(x, <b>)
---
from sympy import symbols, Eq, solve
def solution():
    cats, dogs = symbols('cats dogs')
    legs = Eq(4 * cats + 3 * dogs, 4 * <a> + 3 * <b>)
    found = solve((Eq(cats + dogs, <a> + <b>), legs), (cats, dogs))
    return int(found[cats])
---
from sympy import Symbol, solve
n = Symbol('n')
ans = max(solve(n * (n + 1) / 2 - <a> * (<a> + 1) / 2, n))
---
from sympy import symbols, Eq, solve
x = symbols('x')
roots = solve(Eq(x**2 - (<a> + <b>) * x + <a> * <b>, 0), x)
ans = sum(roots)
---
from sympy import symbols, solve
v = symbols('v')
ans = solve(<a> / v + <b> / (v + <c>) - 2, v)[-1].evalf()
---
from sympy import symbols, Eq, solve
x = symbols('x')
equation = Eq(x + 0.<a> * x, <b>)
ans = round(float(solve(equation, x)[0]), 2)
---
from sympy import symbols, Eq, solve
a, b, c = symbols('a b c')
found = solve([Eq(a + b + c, <a>), Eq(a - b, <b>), Eq(b - c, <c>)], [a, b, c])
ans = found[a]
---
from sympy import symbols, solve, Eq
r = symbols('r', positive=True)
ans = float(solve(Eq(<a> * (1 + r)**2, <a> + <b>), r)[0])
"""

SYMPY = """
from sympy import symbols, expand, factor
x = symbols('x')
ans = expand((x + <a>) * (x - <b>)).coeff(x, 1)
---
from sympy import symbols, diff
x = symbols('x')
ans = diff(<a> * x**3 + <b> * x**2 + <c>, x).subs(x, <d>)
---
from sympy import symbols, integrate
x = symbols('x')
ans = integrate(<a> * x**2 + <b>, (x, 0, <c>))
---
from sympy import symbols, limit, oo
n = symbols('n')
ans = limit((<a> * n + <b>) / (<c> * n + 1), n, oo)
---
from sympy import gcd, lcm
ans = lcm(<a>, <b>) // gcd(<a>, <b>)
---
from sympy import factorint
ans = max(factorint(<a> * <b> * <c>))
---
from sympy import isprime, nextprime
ans = nextprime(<a> * <b>)
---
from sympy import divisors
ans = len(divisors(<a> * <b>))
---
from sympy import binomial, factorial
ans = binomial(<a>, 3) + factorial(5) * <b>
---
from sympy import Matrix
m = Matrix([[<a>, <b>], [<c>, <d>]])
ans = m.det()
---
from sympy import symbols, linsolve
a, b = symbols('a b')
[solution] = linsolve([a + b - <a>, <c> * a - b - <b>], (a, b))
ans = solution[0] + solution[1]
---
from sympy import Rational, nsimplify
ans = float(Rational(<a>, <b>) * <x>)
---
from sympy import pi, N
ans = N(pi * <a>**2)
---
from sympy import symbols, summation
k = symbols('k')
ans = summation(<a> * k + <b>, (k, 1, <c>))
---
from sympy import floor, ceiling, Rational
ans = ceiling(Rational(<a> * 10, <b>)) - floor(Rational(<c>, 3))
---
from sympy import symbols, Poly
x = symbols('x')
ans = Poly(<a> * x**3 + <b> * x + <c>, x).eval(<d>)
---
from sympy import sin, cos, pi, simplify, Rational
ans = simplify(<a> * sin(pi / 6) + <b> * cos(pi / 3))
---
from sympy import log, exp, simplify
ans = simplify(exp(log(<a>)) + <b>)
---
from sympy import symbols, solveset, S
x = symbols('x')
ans = list(solveset(<a> * x - <b> * <c>, x, domain=S.Reals))[0]
---
import sympy
x = sympy.Symbol('x', real=True)
found = sympy.solve(sympy.Abs(x - <a>) - <b>, x)
ans = max(found)
"""

NUMPY = """
import numpy as np
ans = np.array([<a>, <b>, <c>]).mean()
---
import numpy as np
ans = np.dot(np.array([<a>, <b>]), np.array([<c>, <d>]))
---
import numpy as np
a = np.array([[<a>, 1], [1, -<b>]])
ans = np.linalg.solve(a, np.array([<c>, <d>]))[0]
---
import numpy as np
ans = np.sum(np.arange(1, <a> + 1) * <b>)
---
import numpy as np
ans = np.round(np.std([<a>, <b>, <c>, <d>]), 2)
---
import numpy as np
ans = float(np.linalg.det(np.array([[<a>, 2], [3, <b>]])))
---
import numpy as np
ans = np.max(np.cumsum([<a>, -<b>, <c>]))
---
import numpy as np
ans = np.roots([1, -(<a> + <b>), <a> * <b>]).max()
"""
