"""Programs: one form for all, and the same answer before and after they were brought to it."""

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdexp.answers import canonical
from mdexp.records import Expected
from mdexp.sandbox.executor import Sandbox
from mdexp.thoughts.pot import ProgramOfThought
from mdexp.transcripts.prompting import load_exemplars

POT = ProgramOfThought(instruction="", cue="")


def read(text: str) -> str:
    return POT.read(text, Expected()).text


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(timeout_s=2, memory_mib=64, output_kib=4, workers=1) as sandbox:
        yield sandbox


@pytest.mark.parametrize(
    "text",
    [
        "a = 1\nans = a",
        "```python\na = 1\nans = a\n```",
        "Here it is:\n```Python\na = 1\nans = a\n```\nIt prints 1.",
        "```py\na = 1\nans = a",
        "1. Do it:\n   ```\n   a = 1\n   ans = a\n   ```",
        "Here is the program:\n\na = 1\nans = a",
        "First we add.\n\nThen (see above,\n\na = 1\nans = a",
        "Here it is:\n    a = 1\n    ans = a",
        "A: a = 1\nans = a\n\nQ: And 9?\nA: ans = 9",
        "  a = 1\n  ans = a\n",
        "a = 1\r\nans = a\r\n",
        "a = 1\rans = a",
    ],
)
def test_fences_and_prose_are_left_out(text):
    assert read(text) == "a = 1\nans = a"


@pytest.mark.parametrize(
    ("text", "program"),
    [
        (
            """
            import math
            import numpy as np

            def solution():
                '''How many
                Question: repeated'''
                # a half
                half = 8 / 2

                return math.floor(half)
            """,
            "import math\n# a half\nhalf = 8 / 2\nans = math.floor(half)",
        ),
        ("def solver():\n\tx = 4\n\treturn x\n\nans = solver()", "x = 4\nans = x"),
        ("def solve():\n    x = 4\n    return x * 2\nprint(solve())", "x = 4\nans = x * 2"),
        ("def solution():\n    return (4 +\n        3)", "ans = (4 +\n        3)"),
        ("def solution():\n    return (y := 4)", "ans = (y := 4)"),
        ("def solution():\n    x = 4\n# so\n    return x", "x = 4\n# so\nans = x"),
        ("answer = 5", "answer = 5\nans = answer"),
        ("x = 5\nprint(x)", "x = 5\nans = x"),
        ("x = 5\nprint(x + 1)", "x = 5\nprint(x + 1)"),
    ],
)
def test_a_program_becomes_straight_code_that_binds_ans(text, program):
    assert read(textwrap.dedent(text)) == program


AS_THEY_ARE = {
    "early return": "def solution():\n    if 3 > 2:\n        return 1\n    return 0",
    "unreachable": "def solution():\n    return 1\n    x = 2",
    "inner function": "def solution():\n    def f(x):\n        return x + 1\n    return f(2)",
    "inner lambda": "def solution():\n    f = lambda x: x + 1\n    return f(2)",
    "comprehension": "def solution():\n    k = 2\n    return sum([k * x for x in [1, 2]])",
    "own name": "def solution():\n    again = solution\n    return 4",
    "global name": "rate = 5\ndef solution():\n    return rate * 2",
    "later global": "def solution():\n    return rate * 2\nrate = 5",
    "later import": "def solution():\n    return math.sqrt(4)\nimport math",
    "helper": "def two():\n    return 2\ndef solution():\n    return two() + 1",
    "decorator": "def same(f):\n    return f\n@same\ndef solution():\n    return 3",
    "text of lines": "def solution():\n    s = '''a\n    b'''\n    return len(s)",
    "formatted lines": "def solution():\n    s = f'''a\n    {1}'''\n    return len(s)",
    "semicolon": "def solution():\n    a = 1; return a",
    "one line": "def solution(): a = 1; return a",
    "long head": "def solution(\n):\n    return 4",
    "no value": "def solution():\n    x = 1\n    return",
    "global statement": "def solution():\n    global z\n    z = 3\n    return z",
}


@pytest.mark.parametrize("program", AS_THEY_ARE.values(), ids=AS_THEY_ARE)
def test_a_function_is_called_where_its_statements_would_mean_something_else(program):
    assert read(program) == f"{program}\nans = solution()"


@pytest.mark.parametrize(
    "program",
    [
        "def solution(n):\n    return n",
        "def solve(n=3):\n    return 1 if n == 0 else n * solve(n - 1)",
        "def solve(n=3):\n    return n\nanswer = 5",
        "def solve(n=3):\n    return n\nx = 5\nprint(x)",
        "if 1:\n    answer = 3\nx = 4\nprint(x)",
        "if 0:\n    answer = 3\nresult = 4",
        "x = 3\nprint(x, end='')",
        "'doc'; ans = 1",
        "import math; ans = 1",
        "s = 'a\tb'\nans = len(s)",
        "ans = max(3,\n    4)",
        "s = '''a\n\nQ: b\n'''\nans = len(s)",
        "from math import (\n    sqrt,\n)\nans = sqrt(4)",
        "# Question: how many?\nans = 5",
        "x = (1\nans = 2",
        "def solution()\n    return 3",
        "ans = 5 apples",
    ],
)
def test_what_cannot_be_improved_or_does_not_parse_stays_as_it_is(program):
    assert read(program) == program


PROGRAMS = [
    "import math\ndef solution():\n    '''Doc.'''\n    side = math.sqrt(16)\n    return side * 2",
    "def solver():\n    s = '# no comment'\n    return len(s)\nans = solver()",
    "def solution():\n    ans = 3\n    return ans + 1\nprint('The answer is', solution())",
    "def solution():\n    for i in range(3):\n        x = i\n    return x\nsolution()",
    "def solution():\n    try:\n        x = 1\n    finally:\n        x = 2\n    return x",
    "def solution():\n    x = yield 3\n    return x",
    "def solution():\n    assert 1 > 2\n    return 3",
    "def solution():\n    return 3\nresult = solution() + 1\nprint(result)",
    "def solution():\n    return 1\ndef solve():\n    return 2",
    "def solution():\n    global result\n    result = 7\nsolution()",
    "def solution():\n    print(5)",
    "def f():\n    ans = 3\n    return ans\nresult = f() + 1",
    "class A:\n    'doc'\n    x = 3\nans = A.x",
    "answer = None\nresult = 4",
    "x = True\nprint(x)",
    "x = [1]\nprint(x)",
    "x, y = 4, 5\nprint(x)\nprint(y)",
    "x = 4\nprint(unknown)",
    "s = 'é'; t = 1\nans = len(s)",
    "a = 1\n\x0cans = a",
    "ans = 1 / 0",
    *AS_THEY_ARE.values(),
    *(row["pot"] for row in load_exemplars()),
]


def test_a_program_gives_the_same_answer_before_and_after(sandbox):
    before = sandbox.run(PROGRAMS)
    after = sandbox.run([read(program) for program in PROGRAMS])
    for program, old, new in zip(PROGRAMS, before, after, strict=True):
        assert canonical(new.answer) == canonical(old.answer), program
        assert (new.status == "ok") == (old.status == "ok") or old.answer == "[1]", program


def test_exemplars_run_to_their_answers(sandbox):
    rows = load_exemplars()
    results = sandbox.run([POT.read(row["pot"], Expected()).program for row in rows])
    assert [result.answer for result in results] == [row["answer"] for row in rows]


@pytest.mark.parametrize("program", [*PROGRAMS, "", "x\0y", "\ud800"], ids=range(len(PROGRAMS) + 3))
def test_a_read_program_reads_as_itself(program):
    assert read(read(program)) == read(program)


def test_what_has_no_program_has_none_to_run():
    for text in ("", "\n\n", "```python\n\n```", "import math"):
        assert POT.read(text, Expected()).program is None


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000,
        "x = " + "[" * 10_000,
        "-" * 19_000 + "1",
        "a=" * 5_000 + "1",
        "```" * 6_000,
        "hello world\n" * 1_600,
        "a = (\n" * 3_000,
        "ans=" + "lambda:" * 2_500 + "1",
        "def solution():\n    return 1\nans = 1" + "+1" * 3_000,
        "def solution():\n    return (1" + "\n+1" * 3_000 + ")",
        "def solution(a=1" + "+1" * 3_000 + "):\n    return 1",
        "x = 1\rimport math\rans = x",
    ],
    ids=lambda text: repr(text[:12]),
)
@pytest.mark.timeout(30)  # quadratic reading would take hours
def test_hostile_text_is_read_to_its_end(text):
    assert len(POT.read(text, Expected()).text) <= len(text) + len("\nans = solution()")
    assert POT.complete(text) is None or text.startswith(POT.complete(text))


@given(st.text("ab=1 \n\t\"'`#():,;.+Qdef", max_size=60))
def test_reading_any_text_twice_changes_nothing(text):
    assert read(read(text)) == read(text)
