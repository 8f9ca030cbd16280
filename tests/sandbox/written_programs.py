"""Programs of the kind that a model writes for a word problem, made by hypothesis.

They always end. Many fail (a division by zero, text plus number): failures have to agree too.
"""

from hypothesis import strategies as st

NAMES = ("a", "b", "total", "price")
INTEGERS = st.one_of(st.integers(-20, 20), st.integers(-(10**7), 10**7)).map(str)
AMOUNTS = st.integers(-(10**6), 10**6).map(lambda cents: repr(cents / 100))
FLOATS = st.floats(-1e6, 1e6, allow_nan=False).map(repr)
TEXTS = st.text(alphabet="ab %d,.é", max_size=6).map(repr)
LEAVES = st.one_of(INTEGERS, AMOUNTS, FLOATS, st.sampled_from(NAMES), st.sampled_from(NAMES))
SIGNS = st.sampled_from(["+", "-", "*", "/", "//", "%"])
COMPARISONS = st.sampled_from(["<", "<=", "==", "!=", ">", ">="])
FORMATS = st.sampled_from(["", ".2f", ".0f", ",", ",.1f", "8.3f", "e", "05d", ">9", "%"])


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(inner, inner)
    return st.one_of(
        st.tuples(inner, SIGNS, inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(inner, st.integers(-2, 4)).map(lambda t: f"round({t[0]}, {t[1]})"),
        st.tuples(st.sampled_from(["round", "abs", "int", "float", "str"]), inner).map(
            lambda t: f"{t[0]}({t[1]})"
        ),
        st.tuples(inner, st.integers(0, 3)).map(lambda t: f"({t[0]}) ** {t[1]}"),
        st.tuples(st.sampled_from(["min", "max"]), pairs).map(
            lambda t: f"{t[0]}({t[1][0]}, {t[1][1]})"
        ),
        st.lists(inner, min_size=1, max_size=3).map(lambda items: f"sum([{', '.join(items)}])"),
        st.tuples(inner, inner, COMPARISONS, inner).map(
            lambda t: f"({t[0]} if {t[1]} {t[2]} {t[3]} else 1)"
        ),
        pairs.map(lambda t: f"({t[0]} < {t[1]})"),
    )


NUMBERS = st.recursive(LEAVES, _larger, max_leaves=6)
FORMATTED = st.tuples(NUMBERS, FORMATS).map(lambda t: f'f"{{{t[0]}:{t[1]}}}"')
WORDS = st.one_of(
    TEXTS,
    FORMATTED,
    st.tuples(TEXTS, TEXTS).map(lambda t: f"({t[0]} + {t[1]}).replace({t[1]}, 'x')"),
    st.tuples(TEXTS, st.integers(-1, 3)).map(lambda t: f"{t[0]} * {t[1]}"),
    st.tuples(TEXTS, st.sampled_from(["upper", "strip", "title", "split"])).map(
        lambda t: f"{t[0]}.{t[1]}()"
    ),
    st.tuples(TEXTS, NUMBERS).map(lambda t: f"({t[0]} + {t[1]})"),
)
VALUES = st.one_of(NUMBERS, NUMBERS, NUMBERS, WORDS)


@st.composite
def statements(draw: st.DrawFn) -> list[str]:
    name, value = draw(st.sampled_from(NAMES)), draw(NUMBERS)
    match draw(st.integers(0, 6)):
        case 0:
            return [f"print({draw(VALUES)}, {draw(VALUES)})"]
        case 1:
            return [f"for i in range({draw(st.integers(0, 5))}):", f"    {name} += i * {value}"]
        case 2:
            return [f"if {value} {draw(COMPARISONS)} {draw(NUMBERS)}:", f"    {name} = {value}"]
        case 3:
            limit = draw(st.integers(1, 5))
            return [
                "steps = 0",
                f"while steps < {limit}:",
                f"    {name} = {value}",
                "    steps += 1",
            ]
        case 4:
            return [
                f"def share(part, of={value}):",
                "    return part / of",
                f"{name} = share({draw(NUMBERS)})",
            ]
        case 5:
            return [
                "try:",
                f"    {name} = {value}",
                "except ZeroDivisionError as error:",
                "    print(error)",
            ]
        case _:
            return [f"{name} = {value}"]


@st.composite
def programs(draw: st.DrawFn) -> str:
    lines = [f"{name} = {draw(LEAVES.filter(lambda leaf: leaf not in NAMES))}" for name in NAMES]
    for _ in range(draw(st.integers(0, 3))):
        lines += draw(statements())
    value = draw(VALUES)
    match draw(st.integers(0, 3)):
        case 0:
            lines.append(f"print({value})")
        case 1:
            lines = ["def solution():", *(f"    {line}" for line in lines), f"    return {value}"]
        case 2:
            lines.append(f"answer = {value}")
        case _:
            lines.append(f"ans = {value}")
    return "\n".join(lines) + "\n"
