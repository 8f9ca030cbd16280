"""Program-of-Thought (Chen et al. 2022, arXiv 2211.12588): Python that is run to get the answer.

Programs come as bare assignments, as solution() or solver() functions with their imports, in fences,
with prose around them. `read` brings them to one form, which is what is run, verified and trained on:
straight-line code that binds `ans`. Reading parses a program; it never runs it.
"""

import ast
import re
import textwrap
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from mdexp.ports import Reading
from mdexp.records import Answer
from mdexp.thoughts.prose import cut_run_on, up_to_run_on

MAX_CHARS = 20_000
_FENCE = re.compile(r"```[ \t]*(?:python3?|py)?[ \t]*\n(?P<code>.*?)(?:\n[ \t]*```|\Z)", re.DOTALL)
_CLOSED = re.compile(r".*?```.*?\n```", re.DOTALL)
_BOUND = re.compile(r"(?:.*\n)??ans\s*=[^\n]+(?=\n[ \t]*\n)", re.DOTALL)
_ENTRY_POINTS = ("solution", "solver", "solve")
_ANSWER_NAMES = ("answer", "result")


class ProgramOfThought(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    instruction: str
    cue: str

    def exemplar(self, row: Mapping[str, Any]) -> str:
        return row["pot"]

    def read(self, text: str) -> Reading:
        program = _canonical(_code(text))
        return Reading(text=program, program=program) if program else Reading(text="")

    def complete(self, text: str) -> str | None:
        # A closed fence, or an `ans = ...` with a blank line after it: a program may bind it again.
        end = _CLOSED.match(text) or _BOUND.match(text)
        return text[: end.end()] if end else up_to_run_on(text)

    def target(self, text: str, answer: Answer) -> str:
        return text


def _code(text: str) -> str:
    """The program within a reply: the first fenced block, else everything from the first code line."""
    text = text[:MAX_CHARS].replace("\r\n", "\n").replace("\t", "    ")
    if fence := _FENCE.search(text):
        return textwrap.dedent(fence["code"]).strip("\n")
    lines = cut_run_on(text.lstrip("\n")).split("\n")
    while len(lines) > 1 and _parse(lines[0]) is None and not lines[0].rstrip().endswith((":", "(", "[", "{", "\\")):
        lines.pop(0)  # prose before the program
    return "\n".join(lines).rstrip()


def _parse(code: str) -> ast.Module | None:
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _canonical(code: str) -> str:
    """The program without docstrings and unused imports, unwrapped, binding `ans`."""
    for rewrite in (_drop_docstrings, _drop_unused_imports, _unwrap_function, _bind_answer):
        tree = _parse(code)
        if tree is None:
            return code.strip("\n")  # left as it is: running it says what is wrong
        code = rewrite(code, tree)
    return code.strip("\n")


def _drop_docstrings(code: str, tree: ast.Module) -> str:
    """Docstrings of teachers repeat the question."""
    strings = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.Module) and len(node.body) > 1:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
                strings.append(first)
    return _without(code, strings)


def _drop_unused_imports(code: str, tree: ast.Module) -> str:
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    unused = []
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {(alias.asname or alias.name).split(".")[0] for alias in node.names}
            if not names & used and "*" not in names:
                unused.append(node)
    return _without(code, unused)


def _unwrap_function(code: str, tree: ast.Module) -> str:
    """`def solution(): ...; return x` becomes its body with `ans = x`, where nothing else is there."""
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    if len(functions) != 1 or functions[0].name not in _ENTRY_POINTS:
        return code
    function = functions[0]
    last = function.body[-1]
    returns = [node for node in ast.walk(function) if isinstance(node, ast.Return)]
    plain = not (ast.unparse(function.args) or function.decorator_list or _has_inner_scope(function))
    if not plain or returns != [last] or not isinstance(last, ast.Return) or last.value is None:
        return code
    call = ast.unparse(ast.Call(ast.Name(function.name), [], []))
    others = [node for node in tree.body if node is not function]
    calls = [node for node in others if ast.unparse(node) in (f"ans = {call}", f"print({call})", call)]
    if any(not isinstance(node, ast.Import | ast.ImportFrom) for node in others if node not in calls):
        return code
    lines = code.split("\n")
    start, end = function.body[0].lineno, last.lineno - 1
    if start == function.lineno:  # a body on the line of its `def`
        return code
    start = function.lineno + 1 if not ast.unparse(function.args) else start
    head = [line for line in lines[: function.lineno - 1]]
    body = textwrap.dedent("\n".join(lines[start - 1 : end]))
    imports = "\n".join(line for line in head if line.strip() and not line.lstrip().startswith("#"))
    value = ast.get_source_segment(code, last.value) or ast.unparse(last.value)
    if "\n" in value:
        value = ast.unparse(last.value)
    return "\n".join(part for part in (imports, body.strip("\n"), f"ans = {value}") if part)


def _has_inner_scope(function: ast.FunctionDef) -> bool:
    inner = ast.FunctionDef | ast.Lambda | ast.ClassDef | ast.Global | ast.Nonlocal | ast.Yield | ast.comprehension
    return any(isinstance(node, inner) for node in ast.walk(function) if node is not function)


def _bind_answer(code: str, tree: ast.Module) -> str:
    """Bind `ans` by the precedence of the sandbox, where the program leaves its answer elsewhere."""
    bound = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    if "ans" in bound:
        return code
    functions = {n.name for n in tree.body if isinstance(n, ast.FunctionDef) and not ast.unparse(n.args)}
    for name in _ENTRY_POINTS:
        if name in functions:
            return f"{code}\nans = {name}()"
    top = {t.id for n in tree.body if isinstance(n, ast.Assign) for t in n.targets if isinstance(t, ast.Name)}
    for name in _ANSWER_NAMES:
        if name in top:
            return f"{code}\nans = {name}"
    last = tree.body[-1] if tree.body else None
    match last:
        case ast.Expr(value=ast.Call(func=ast.Name(id="print"), args=[value], keywords=[])):
            if isinstance(value, ast.Name):
                return f"{_without(code, [last])}\nans = {value.id}"
    return code


def _without(code: str, nodes: list[Any]) -> str:
    """The code without whole statements. One that shares its line with another stays."""
    lines: list[str | None] = list(code.split("\n"))
    for node in nodes:
        before = (lines[node.lineno - 1] or "").encode()[: node.col_offset]
        after = (lines[node.end_lineno - 1] or "").encode()[node.end_col_offset :]
        if before.strip() or after.split(b"#")[0].strip():
            continue
        for number in range(node.lineno - 1, node.end_lineno):
            lines[number] = None
    return "\n".join(line for line in lines if line is not None)
