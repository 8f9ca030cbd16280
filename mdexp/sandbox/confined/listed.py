"""What vetted programs may name: functions, constants and types that keep nothing of a call.

Left out is what holds or hands out state that outlives a program (contexts, caches, generators of
random numbers, settings of printing), what reaches an attribute by its name as a text (`format`,
`attrgetter`), and what shows memory as it was found (`numpy.empty`).
"""

import math

_BUILTINS_WORDS = """
abs all any bin bool chr complex dict divmod enumerate filter float format frozenset hex int
isinstance iter len list map max min next oct ord pow print range repr reversed round set slice
sorted str sum tuple zip
"""
BUILTINS = frozenset(_BUILTINS_WORDS.split())

_STANDARD_WORDS = {
    "bisect": "bisect bisect_left bisect_right insort insort_left insort_right",
    "collections": "Counter OrderedDict defaultdict deque",
    "datetime": "date datetime time timedelta",
    "decimal": """
        Decimal ROUND_CEILING ROUND_DOWN ROUND_FLOOR ROUND_HALF_DOWN ROUND_HALF_EVEN ROUND_HALF_UP
        ROUND_UP
    """,
    "fractions": "Fraction",
    "functools": "partial reduce",
    "heapq": "heapify heappop heappush heappushpop heapreplace merge nlargest nsmallest",
    "itertools": """
        accumulate chain combinations combinations_with_replacement compress count cycle dropwhile
        filterfalse groupby islice pairwise permutations product repeat starmap takewhile
        zip_longest
    """,
    "math": " ".join(name for name in dir(math) if not name.startswith("_")),
    "operator": "add floordiv ge gt itemgetter le lt mod mul neg pow sub truediv",
    "re": "IGNORECASE findall finditer fullmatch match search split",
    "statistics": """
        fmean geometric_mean harmonic_mean mean median median_high median_low mode multimode pstdev
        pvariance stdev variance
    """,
    "string": "ascii_letters ascii_lowercase ascii_uppercase digits punctuation",
    "typing": "Dict List Optional Set Tuple Union",
}
STANDARD = {module: frozenset(words.split()) for module, words in _STANDARD_WORDS.items()}

_SYMPY_WORDS = """
Abs Add And E Eq Equality Expr FiniteSet Float Ge Gt I Integer Interval Le Lt Matrix Max Min Mod
Mul N Ne Number Or Piecewise Poly Pow Rational Reals Rel S Sum Symbol acos apart asin atan atan2
binomial cancel cbrt ceiling collect cos cosh cot csc deg degree denom diff discriminant
divisors erf exp expand factor factorial factorint fibonacci floor fraction gcd im integrate
isprime lcm legendre limit linear_eq_to_matrix linsolve ln log nextprime nonlinsolve
npartitions nsimplify numer oo pi prevprime prime primefactors primepi product rad radsimp
ratsimp re real_roots reduced rem resultant root roots sec series sign simplify sin sinh solve
solve_linear solve_linear_system solve_poly_system solve_univariate_inequality
reduce_inequalities solveset sqrt summation symbols tan tanh terms_gcd together totient trigsimp
zoo
"""
SYMPY = frozenset(_SYMPY_WORDS.split())
_SYMPY_PARTS_WORDS = """
sympy.core sympy.core.numbers sympy.core.symbol sympy.functions sympy.geometry sympy.matrices
sympy.ntheory sympy.polys sympy.polys.polytools sympy.simplify sympy.simplify.simplify
sympy.solvers sympy.solvers.inequalities sympy.solvers.solveset
"""
# Modules that hold some of the same names.
SYMPY_PARTS = frozenset(_SYMPY_PARTS_WORDS.split())
_NUMPY_WORDS = """
abs absolute add all allclose amax amin any append arange arccos arcsin arctan argmax argmin
argsort around array array_equal asarray average ceil clip column_stack concatenate cos
count_nonzero cross cumprod cumsum deg2rad degrees diag diff divide dot e exp eye flip float64
floor full gcd hstack identity inf int32 int64 interp isclose isfinite isinf isnan lcm linalg
linspace log log10 log2 max maximum mean median meshgrid min minimum mod multiply nan ndim newaxis
ones ones_like outer percentile pi poly1d polyfit polyval power prod ptp quantile rad2deg radians
ravel repeat reshape roots round shape sign sin size sort sqrt square stack std subtract sum tan
tile trace transpose tril triu trunc unique var vstack where zeros zeros_like
"""
_LINALG_WORDS = "det eig eigh eigvals eigvalsh inv lstsq matrix_power matrix_rank norm pinv solve"
# Loaded in the full template alone.
NUMERIC = {
    "numpy": frozenset(_NUMPY_WORDS.split()),
    "numpy.linalg": frozenset(_LINALG_WORDS.split()),
    "sympy": SYMPY,
}

_METHODS_WORDS = """
Half One T Zero add all_coeffs append appendleft args as_integer_ratio as_numer_denom as_real_imag
as_tuple astype bit_length capitalize casefold center clear coeff coeffs conjugate copy count
day days degree denominator det difference discard doit elements end endswith evalf expand
extend extendleft factor find flatten free_symbols from_iterable fromkeys get group groups hour
imag index insert intersection inv is_Integer is_Rational is_complex is_finite is_integer
is_negative is_number is_positive is_rational is_real is_zero isalnum isalpha isdigit isdisjoint
isleap islower isnumeric isoformat isoweekday isspace issubset issuperset isupper item items join
keys lhs limit_denominator ljust lower lstrip microsecond minute month most_common n ndim
numerator p partition pop popitem popleft q quantize real remove removeprefix removesuffix replace
reverse rfind rhs rindex rjust rotate rpartition rref rsplit rstrip second seconds setdefault
shape simplify size sort span split splitlines start startswith strip subs swapcase
symmetric_difference title to_integral_value tolist total total_seconds union update upper values
weekday year zfill
"""
_TABLES = (*STANDARD.values(), *NUMERIC.values())
ATTRIBUTES = frozenset(_METHODS_WORDS.split()).union(*_TABLES)
# Of a call: what writes to an array, and what leaves an element of a new one unwritten.
KEYWORDS_REFUSED = frozenset({"out", "where"})
