"""What a model wrote is read, run and graded, and none of it is evaluated in our own process."""

import ast
import builtins
from typing import Any

import pytest
import sympy
from sympy.parsing import sympy_parser

from mdexp.ports import Done
from mdexp.records import Expected
from mdexp.sandbox.executor import Sandbox
from mdexp.thoughts.cot import ChainOfThought
from mdexp.thoughts.eot import EquationOfThought
from mdexp.thoughts.pot import ProgramOfThought
from tests.read_texts import read_texts as read_answers

HOSTILE = [
    "__import__('os').system('touch /drop')",
    "The answer is __import__('os').getpid().",
    "So 2 + 2 = <<eval('2+2')=4>>4. #### 4",
    "x = eval('1 + 1')\nans = exec('y = 3')",
    "ans = (lambda: 7)()\nans = open",
    "```python\nans = eval('3 * 4')\n```",
    "def solution():\n    exec('global a; a = 1')\n    return 5",
    "ans = sqrt(exec) + lambda",
    "x + __builtins__ = 3\nans = x",
    "x^5 = x + 1\nans = x",
    "9**9**9\nans = 9**9**9",
    "{0.__class__}".format.__name__ + "('{0.__class__}')",
]
READERS = [
    ChainOfThought(instruction="", cue=""),
    ProgramOfThought(instruction="", cue=""),
    EquationOfThought(instruction="", cue=""),
]


def test_no_text_of_a_model_is_evaluated_here(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = compile

    def reached(*_: Any, **__: Any) -> None:
        raise AssertionError("a text was to be evaluated")

    def parse_only(source: Any, filename: Any, mode: str, flags: int = 0, **options: Any) -> Any:
        assert flags & ast.PyCF_ONLY_AST, "a text was to be compiled"
        return compiled(source, filename, mode, flags, **options)

    texts = [(reader, text, Expected()) for reader in READERS for text in HOSTILE]
    with Sandbox(timeout_s=2, memory_mib=64, output_kib=2, workers=1) as sandbox:
        before = read_answers(texts, sandbox)
        with monkeypatch.context() as patched:
            for name in ("eval", "exec"):
                patched.setattr(builtins, name, reached)
            patched.setattr(builtins, "compile", parse_only)
            for name in ("sympify", "S", "parse_expr"):
                patched.setattr(sympy, name, reached)
            patched.setattr(sympy_parser, "parse_expr", reached)
            after = read_answers(texts, sandbox)
    assert [_seen(read) for read in after] == [_seen(read) for read in before]
    answered = {read.answer for read in after}
    assert {"4", 12, 5} <= answered  # of the texts that have an answer


def _seen(read: Done) -> tuple[object, ...]:
    return read.text, read.answer, read.status, read.error
