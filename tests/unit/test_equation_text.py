"""Equations as models write them: LaTeX, Markdown, numbers of equations, remarks, rates."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdexp.records import ProgramResult
from mdexp.sandbox.equations import solve_equations
from mdexp.thoughts.eot import EquationOfThought
from tests.read_texts import NUMBER

EOT = EquationOfThought(instruction="", cue="")


def solved(text: str) -> ProgramResult:
    """The result of what is read from a text; what is left to sympy is `unsupported`."""
    unsolved = ProgramResult(status="unsupported", error="left to sympy")
    (result,) = solve_equations(
        [EOT.read(text, NUMBER).text], lambda programs: [unsolved] * len(programs)
    )
    return result


RIGHT = [
    ("\\frac{x}{3} = 4\nans = x", 12),
    ("\\frac12 x = 6\nans = x", 12),
    ("x = 2\\frac{1}{2}\nans = x", 2.5),
    ("x = 2½\nans = x", 2.5),
    ("ans = \\frac{\\sqrt{16}}{2}", 2),
    ("\\begin{aligned}\nx + y &= 15 \\\\\nx - y &= 9\n\\end{aligned}\nans = x", 12),
    ("$$\\begin{cases} x + y = 15 \\\\ x - y = 9 \\end{cases}$$\n$ans = x$", 12),
    (
        "\\[\n\\begin{align*}\n\\text{All} &= 3 \\times 4 \\\\\n&= 12 \\\\\n"
        "\\text{ans} &= \\text{All}\n\\end{align*}\n\\]",
        12,
    ),
    ("x_{\\text{red}} = 5\nx_{\\text{blue}} = 7\nans = x_{\\text{red}} + x_{\\text{blue}}", 12),
    ("x_\\text{a} = 3\nans = 4x_\\text{a}", 12),
    ("ans = 3 \\text{ bags} \\times 4 \\text{ apples per bag}", 12),
    ("cost = \\$3 \\cdot 4\nans = cost", 12),
    ("x = 9{,}500\nans = x", 9500),
    ("x = 12\\,000\nans=x", 12000),
    ("x + y = 15 (1)\nx - y = 9 (2)\nans = x", 12),
    ("(1) x + y = 15\n(2) x - y = 9\nans = x", 12),
    ("x + y = 15 ... (1)\nx - y = 9 ... (2)\nans = x", 12),
    ("x + y = 15 --- (1)\nx - y = 9 --- (2)\nans = x", 12),
    ("x + y = 15, (1)\nx - y = 9. (2)\nans = x", 12),
    ("x + y = 15 [1]\nx - y = 9 [2]\nans = x", 12),
    ("x + y = 15 (Eq. 1)\nx - y = 9 (Eq. 2)\nans = x", 12),
    ("x + y = 15 \\quad (1)\nx - y = 9 \\tag{2}\nans = x", 12),
    ("x + y = 15 (1)\nx - y = 9 (2)\n2x = 24 (1) + (2)\nans = x", 12),
    ("x + y = 15 (1)\nx - y = 9 (2)\nAdding (1) and (2): 2x = 24\nans = x", 12),
    ("x + y = 15 (1)\nx - y = 9 (2)\nx = 15 - y (from (1))\nans = x", 12),
    ("x + y = 15 (1), x - y = 9 (2)\nans = x", 12),
    ("1) 3x = 36\n2) ans = x", 12),
    ("1. 3x = 36\n2. ans = x", 12),
    ("(1) 3x = 36\n(2) ans = x", 12),
    ("a) 3x = 36\nb) ans = x", 12),
    ("- 3x = 36\n- ans = -x", 12),
    ("* 3x = 36\n* ans = x", 12),
    ("• 3x = 36\n• ans = x", 12),
    ("(3) + x = 15\nans = x", 12),
    ("(2)(x + 3) = 30\nans = x", 12),
    ("ans = 3 (4)", 12),
    ("ans = 3(4)", 12),
    ("x = 2**3 + 4\nans = x", 12),
    ("**x = 12**\n**ans = x**", 12),
    ("**Equation 1:** 3x = 36\n**Answer:** ans = x", 12),
    ("So **x = 12**\nans = x", 12),
    ("*x = 12*\nans = x", 12),
    ("x = 2\ny = x **2 + 8\nans = y", 12),
    ("b = 3 (bags)\nans = 4b (apples)", 12),
    ("b = 3 (given)\nans = 4b", 12),
    ("b = 3 (number of bags)\nans = 4b", 12),
    ("b = 3 (given, number of bags)\nans=4b", 12),
    ("b = 3 (in total)\nans = 4b", 12),
    ("b (bags) = 3\nans = 4b", 12),
    ("b = 3 (since 6 / 2 = 3)\nans = 4b", 12),
    ("x = 144\nans = sqrt (x)", 12),
    ("x + 3 = 15 => x = 12\nans = x", 12),
    ("x + 3 = 15 → x = 12\nans = x", 12),
    ("x + 3 = 15 \\Rightarrow x = 12\nans = x", 12),
    ("∴ ans = 12", 12),
    ("x + 3 = 15 ∴ x = 12 => ans = x", 12),
    ("x + 3 = 15, so x = 12\nans = x", 12),
    ("=> ans = 12", 12),
    ("-> ans = 12", 12),
    ("pay = $5.00/hour * 8 hours\nans = pay", 40),
    ("rate = 60 miles/hour\nans = rate * 2 hours", 120),
    ("ans = 4 apples/bag * 3 bags", 12),
    ("ans = 4/bag * 3 bags", 12),
    ("ans = 36/bags\nbags = 3", 12),
    ("ans = $2.50 per apple * 4 apples", 10),
    ("ans = 5/day * 7 days", 35),
    ("wage = $12/hr\nans = wage * 3 hrs", 36),
    ("\\(x = 3 \\times 4\\) and \\(ans = x\\)", 12),
    ("We know that \\(3x = 36\\), so \\(x = 12\\).\nans = x", 12),
    ("We know that $3x = 36$, so $x = 12$.\nans = x", 12),
    ("cost = $5 + $3 = $8\nans = cost", 8),
    ("Let \\(x\\) = the number of bags\n\\(3x = 36\\)\nans = x", 12),
    ("\\boxed{ans = 12}", 12),
    ("x = 12\n\\boxed{ans = x}", 12),
    ("```latex\n3x = 36\nans = x\n```", 12),
    ('```json\n{"x": 3}\n```\n3x = 36\nans = x', 12),
    ("x = 10^{2} - 88\nans = x", 12),
    ("\\mathrm{ans} = 12", 12),
    ("\\left(3 + 1\\right) \\times x = 48\nans = x", 12),
    ("x = \\frac{3}{4} \\times 16\nans = x", 12),
    ("x \\approx 12\nans = x", 12),
    ("ans = \\frac{24}{2}.", 12),
    ("x_1 = 5, x_2 = 7\nans = x_1 + x_2", 12),
    ("ans = 20\\% \\times 60", 12),
    ("x &= 12\nans &= x", 12),
    ("ans = x \\\\\nx = 12 \\\\", 12),
    ("3 \\text{ bags} = x / 4\nans = x", 12),
    ("x = 12 (a)\nans = x", 12),
    ("x + y = 15 (i)\nx - y = 9 (ii)\nans = x", 12),
    ("x + y = 15 (A)\nx - y = 9 (B)\nans = x", 12),
    ("(i) x + y = 15\n(ii) x - y = 9\nans = x", 12),
    ("(a) x + y = 15\n(b) x - y = 9\nans = x", 12),
    ("x+y=15\t(1)\nx-y=9\t(2)\nans=x", 12),
    ("x = 15 - 3   (2)\nans = x", 12),
    ("x + y = 15 ①\nx - y = 9 ②\nans = x", 12),
    ("Step 1: 3x = 36\nStep 2: ans = x", 12),
    ("### Equations\n3x = 36\nans = x", 12),
    ("> 3x = 36\n> ans = x", 12),
    ("`3x = 36`\n`ans = x`", 12),
    ("ans = 3 · 4", 12),
    ("x = 3 \\cdot 4 = 12\nans = x", 12),
    ("total\\_bags = 12\nans = total\\_bags", 12),
    ("x = \\dfrac{36}{3}\nans = x", 12),
    ("ans = 3 \\; \\times \\; 4", 12),
    ("2x + 3 = 27 \\implies x = 12\nans = x", 12),
    ("x = 12\\ \\text{apples}\nans = x", 12),
    ("ans = x\\text{ apples}\nx = 12", 12),
    ("price = \\$5.00/\\text{hour}\nans = price * 8", 40),
    ("x = 4 (1)\nans = 3x (2)", 12),
    ("**1.** 3x = 36\n**2.** ans = x", 12),
    ("1. **3x = 36**\n2. **ans = x**", 12),
    ("- **Bags:** b = 3\n- **Total:** ans = 4 * b", 12),
]
# Not understood, so no answer; above all not that of another system.
NOT_UNDERSTOOD = [
    "x_{n+1} = 5\nx_{n-1} = 7\nans = x_{n+1}",
    "bags = 3 (bags)\nans = 4 * bags",
    "apples = 12 (apples)\nans = apples",
    "ans = 12 (3 bags of 4)",
    "x \\geq 3\nans = x",
    "ans = \\foo{3}",
    "x = 3 \\pm 2\nans = x",
    "a:b = 2\nb = 3\nans = a",
    "bags : boxes = 2\nboxes = 3\nans = bags",
    "x = {36 \\over 3}\nans = x",
    "f(1) = 5\nans = f(2)",
    "ans = 4 * 3 (apples in 3 bags)",
    "ans = 12/bags",
    "x = 3\nans = 4 (bags)\nbags = 2",
    "ans = (given + 3) * 2",
]


@pytest.mark.parametrize(("text", "answer"), RIGHT)
def test_an_equation_means_what_a_person_reads(text: str, answer: float) -> None:
    result = solved(text)
    assert (result.status, result.answer) == ("ok", pytest.approx(answer)), EOT.read(
        text, NUMBER
    ).text


@pytest.mark.parametrize("text", NOT_UNDERSTOOD)
def test_what_is_not_understood_has_no_answer(text: str) -> None:
    result = solved(text)
    assert (result.status != "ok", result.answer) == (True, None), EOT.read(text, NUMBER).text


@pytest.mark.parametrize("text", [*(text for text, _ in RIGHT), *NOT_UNDERSTOOD])
def test_equations_that_were_found_read_as_themselves(text: str) -> None:
    once = EOT.read(text, NUMBER).text
    assert EOT.read(once, NUMBER).text == once


prose = st.sampled_from(
    [
        "We let x be the number of red pens.",
        "# Equations",
        "From the problem we know the sum of both.",
        "Let x = the number of pens",
        "Adding both gives what we look for.",
        "",
        "% The pens are red = not blue",
    ]
)
forms = st.sampled_from(
    [
        "{}",
        "- {}",
        "**{}**",
        "${}$",
        "\\({}\\).",
        "\\[ {} \\]",
        "{} (given)",
        "{} (in all, both)",
        "So, {}.",
        "=> {}",
        "∴ {}",
        "{} \\\\",
    ]
)


@given(
    st.integers(1, 99),
    st.integers(1, 99),
    st.lists(st.tuples(forms, prose), min_size=3, max_size=3),
    st.sampled_from(["{0}", "{0}   ({1})", "({1}) {0}", "{0} ... ({1})", "{1}) {0}", "{1}. {0}"]),
)
def test_a_planted_system_is_solved_among_prose(
    x: int, y: int, around: list[tuple[str, str]], number: str
) -> None:
    equations = [f"x + y = {x + y}", f"x - y = {x - y}", "ans = x"]
    around = [("{}" if form == "- {}" and "(" in number else form, b) for form, b in around]
    lines = [
        f"{beside}\n{number.format(form.format(equation), place)}"
        for place, (equation, (form, beside)) in enumerate(zip(equations, around, strict=True), 1)
    ]
    result = solved("\n".join(lines))
    assert result.answer in (x, None)
    if number in ("{0}", "{1}. {0}"):
        assert result.answer == x


@given(st.text(alphabet="x3 =()[]{}\\$&*_^;:,.-+>/abf\n", max_size=200))
def test_no_text_is_read_as_another_one_the_second_time(text: str) -> None:
    once = EOT.read(text, NUMBER).text
    assert EOT.read(once, NUMBER).text == once
