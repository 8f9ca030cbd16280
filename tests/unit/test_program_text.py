"""Programs in the replies of models: the right piece of several, and what stays an error."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdexp.answers import canonical
from mdexp.sandbox.executor import Sandbox
from mdexp.thoughts.eot import EquationOfThought
from mdexp.thoughts.pot import ProgramOfThought
from tests.read_texts import NUMBER
from tests.read_texts import read_texts as read_answers

POT = ProgramOfThought(instruction="", cue="")
EOT = EquationOfThought(instruction="", cue="")
PROSE = "Let me think about the pens and the boxes. " * 700

# Each gives 12; most have decoys that give something else.
TWELVE = [
    # Which block of several.
    "```bash\npip install sympy\n```\n\n```python\nans = 12\n```",
    '```json\n{"pens": 3}\n```\n```python\nans = 12\n```',
    '```json\n{"pens": 3}\n```\nThe program:\n\nans = 12\n',
    "```javascript\nlet ans = 5;\n```\n```python\nans = 12\n```",
    "```text\nans = 5\n```\n```python\nans = 12\n```",
    "```python\nans = 3 * 5\n```\nThat is wrong. Corrected:\n```python\nans = 3 * 4\n```",
    "```python\nans = 12\n```\nOutput:\n```\ntotal = 7\n```",
    "```python\nans = 12\n```\nCheck:\n```python\ncheck = 12 / 4\nprint(check)\n```",
    "```python\ns = '''never closed\n```\n\n```python\nans = 12\n```",
    "```python\nnote = '''\n```\nold\n```\n'''\nans = 12\n```",
    # Pieces that belong together.
    "```python\npens = 3\n```\nNow:\n```python\nans = pens * 4\n```",
    "```\npens = 3\n```\n```\nans = pens * 4\n```",
    "```python\npens = 3\n```\n```python\ntotal = pens * 4\n```\n```python\nprint(total)\n```",
    "```python\ndef solution():\n    return 12\n```\nUsage:\n```python\nprint(solution())\n```",
    "```python\ndef four(x):\n    return x * 4\n```\n```python\nans = four(3)\n```",
    "```python\nans = 2\n```\n```python\nans += 10\n```",
    "```python\nimport math\n```\n```python\nans = math.sqrt(144)\n```",
    "```python\npens = 5\n```\n```python\npens = 3\nans = pens * 4\n```",
    # How a block is marked.
    "```Python\nans = 12\n```",
    "``` python3\nans = 12\n```",
    "```{.python}\nans = 12\n```",
    '```python title="a.py"\nans = 12\n```',
    "```tool_code\nprint(3 * 4)\n```",
    "````python\nans = 12\n````",
    "~~~python\nans = 12\n~~~\nDone.",
    "Here: ```python\nans = 12\n```",
    "```python ans = 12```",
    "The program is ```ans = 12```.",
    "```python\nans = 12```",
    "```python\nans = 12\n``` This is it.",
    "```python\nans = 12\n\nThis multiplies pens by boxes.",
    "ans = 12\n```\nThis is it.",
    "1. Do it:\n   ```python\n   pens = 3\n   ans = pens * 4\n   ```",
    "<code>\nans = 12\n</code>",
    "So <code>x</code> it is.\n<python>\nans = 12\n</python>",
    "[PYTHON]\nans = 12\n[/PYTHON]\nThis is it.",
    "<|python_tag|>ans = 12",
    "<llm-code>\nans = 12\n</llm-code>\n<llm-code-output>\n7\n</llm-code-output>",
    "\\begin{verbatim}\nans = 12\n\\end{verbatim}",
    "tool_code\nans = 12",
    "python\nans = 12",
    "`ans = 12`",
    # Recorded sessions.
    "```pycon\n>>> pens = 3\n>>> ans = pens * 4\n>>> ans\n12\n```",
    "```python\n>>> ans = 12\n```",
    "Here:\n>>> def f():\n...     return 12\n...\n>>> ans = f()\n",
    # Prose beside bare code.
    "Here is the program.\n\nans = 12\n\nThis multiplies pens by boxes.",
    "ans = 12\nThis multiplies pens by boxes.",
    "ans = 12\n\n**Explanation**\nThere are 3 boxes.",
    "ans = 12\n\nExplanation:\n- pens: the pens\n- ans = 3 * 5 = 15",
    "ans = 12\n\n12 pens",
    "pens = 3\n\nThen we multiply:\n\nans = pens * 4\n\nSo there are 12 pens.",
    "def solution():\n    pens = 3\n    return pens * 4\n\nThe function returns 12 pens.",
    "First, the pens.\n\n    pens = 3\n    ans = pens * 4\n\nThat is it.",
    # A long text before it.
    f"{PROSE}\n```python\nans = 12\n```",
    f"{PROSE}\n\nans = 12\n",
    f"```python\nx = 3\n```\n{PROSE}\n```python\nans = 4 * x\n```",
    # What follows an invented question is not read.
    "```python\nans = 12\n```\n\nQ: How many?\n```python\nans = 5\n```",
    "```python\ndef solution():\n    '''\n    Question: how many?\n    '''\n    return 12\n```",
    # Printed answers.
    'pens = 3\ntotal = pens * 4\nprint(f"Total: {total} pens")',
    'pens = 3\ntotal = pens * 4\nprint(f"Ann has {total} pens in {pens} boxes.")',
    'pens = 3\nprint(f"In {pens} boxes there are {pens * 4} pens.")',
    'total = 3 * 4\nprint("The answer is:", total)',
    'total = 12\nprint("Total:", total, "pens")',
    'total = 12\nprint("There are %d pens" % total)',
    'total = 12\nprint("There are {} pens".format(total))',
    'total = 12.0\nprint(f"Total: {total:.2f}")',
    'total = 12\nprint("Total: " + str(total) + " pens")',
    'text = f"Total: {3 * 4}"\nprint(text)',
    'pens = 3\nprint(f"{pens} pens")\nprint(f"Total: {pens * 4}")',
    'for i in range(13):\n    x = i\nprint("Total", x)',
]
NONE = [
    "ans = 5 pens",
    "x = (1\nans = 2",
    "pens = 5\neach has 3 caps\nans = pens * 3",
    "if 3 > 2\n    ans = 12",
    "print 12",
    "ans = 3 *\n",
    "```python\nans = 3 *\n```",
    "```python\nans = 12 pens\n```\nThe answer is 12.",
    "```\n12\n```",
    '```json\n{"ans": 12}\n```',
    "I do not know the answer to this.",
    'print("12 or 13")',
    'print("At 12:30")',
    'a = 5 - 1\nb = 5 - 2\nprint("Values", a, b)',
    'total = 12\nprint("Total:", total)\nprint("Done")',
]


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(timeout_s=2, memory_mib=64, output_kib=4, workers=1) as sandbox:
        yield sandbox


def test_the_program_of_a_reply_is_found(sandbox):
    reads = read_answers([(POT, text, NUMBER) for text in TWELVE], sandbox)
    for text, read in zip(TWELVE, reads, strict=True):
        assert canonical(read.answer) == "12", (text[-200:], read)


def test_what_is_broken_or_unclear_has_no_answer(sandbox):
    reads = read_answers([(POT, text, NUMBER) for text in NONE], sandbox)
    for text, read in zip(NONE, reads, strict=True):
        assert canonical(read.answer) is None, (text, read)


@pytest.mark.parametrize("text", [*TWELVE, *NONE])
def test_a_program_that_was_found_reads_as_itself(text):
    once = POT.read(text, NUMBER).text
    assert POT.read(once, NUMBER).text == once


@pytest.mark.parametrize("text", NONE[:9])
def test_broken_code_is_a_syntax_error(text, sandbox):
    (read,) = read_answers([(POT, text, NUMBER)], sandbox)
    assert read.status in ("syntax_error", "no_answer")
    assert (read.status == "syntax_error") == (text != "```\n12\n```")


sentences = st.lists(
    st.sampled_from(
        ["We count the pens.", "There are 3 boxes, so we multiply.", "", "Then 3 * 4."]
    ),
    max_size=4,
).map("\n".join)
decoys = st.sampled_from(
    [
        '```json\n{"ans": 5}\n```',
        "```bash\npip install numpy\n```",
        "```\n5\n```",
        "```text\nans = 5\n```",
        "~~~\nans: 5\n~~~",
        "```python\nans = 5\n```",
        "```python\nans = = 5\n```",
        "```latex\nans = 5\n```",
    ]
)
before = st.lists(sentences | decoys, max_size=5)
after = st.lists(sentences | decoys.filter(lambda text: "python\nans = 5" not in text), max_size=4)
planted = st.sampled_from(["ans = {}", "x = {}\nans = x", "def solution():\n    return {}"])
wrapped = st.sampled_from(["```python\n{}\n```", "~~~py\n{}\n~~~", "```tool_code\n{}\n```"])


@given(before, planted, wrapped, st.integers(10, 99), after)
def test_a_planted_program_is_found_among_decoys(before, planted, wrapped, number, after):
    program = planted.format(number)
    text = "\n".join([*before, wrapped.format(program), *after])
    if program.startswith("def"):  # what binds `ans` comes before what returns it
        text = text.replace("```python\nans = 5", "```python\nx = 5")
    assert POT.read(text, NUMBER).text == POT.read(program, NUMBER).text


pieces = st.sampled_from(
    [
        *("ans = x", "x = 3", "print(x)", "```", "```python", "~~~", "'''", '"""', "Q: And", "A:"),
        *(">>> x = 3", "<code>", "</code>", "", "So it is.", "\\[ x = 3 \\]", "x = 3 (1)", "\t"),
        *("\r\n", "Question: x", "    y = 2", "# note", "**x = 4**", "(a) y = 3", "$y = 3$"),
    ]
) | st.text(max_size=6)


@given(st.lists(pieces, max_size=12), st.sampled_from(["\n", "\n\n", " "]))
def test_the_cut_of_a_growing_text_changes_nothing_that_is_read(lines, between):
    text = between.join(lines)
    for thought in (POT, EOT):
        for end in range(0, len(text) + 1, 7):
            complete = thought.complete(text[:end])
            if complete is not None:
                assert text.startswith(complete)
                assert thought.read(complete, NUMBER) == thought.read(text, NUMBER)
        complete = thought.complete(text)
        assert complete is None or thought.read(complete, NUMBER) == thought.read(text, NUMBER)


@pytest.mark.skipif("MDEXP_DATA" not in os.environ, reason="MDEXP_DATA names no folder with texts")
def test_the_cut_of_a_real_text_changes_nothing_that_is_read():
    files = sorted(Path(os.environ["MDEXP_DATA"], "teacher").glob("*.jsonl"))
    texts = {
        json.loads(line)["completion"]
        for file in files
        for line in file.read_text(encoding="utf-8").split("\n")[:300]
        if line
    }
    assert len(texts) > 1000
    for text in texts:
        for thought in (POT, EOT):
            complete = thought.complete(text)
            assert complete is None or thought.read(complete, NUMBER) == thought.read(text, NUMBER)
