"""Brings a teacher's programs to one form: straight-line code that sets `ans`.

Docstrings repeat the question and unused imports cost tokens, so both go; a lone solution() or
solver() is unwrapped where its body means the same outside; an answer that is left elsewhere is
bound. What does not parse is left as it is: running it says what is wrong.
"""

import ast
from typing import Any

from mdexp.thoughts.printed_answer import printed_answer

_SCOPES = (
    ast.FunctionDef
    | ast.AsyncFunctionDef
    | ast.Lambda
    | ast.ClassDef
    | ast.Global
    | ast.Nonlocal
    | ast.Yield
    | ast.YieldFrom
    | ast.comprehension
)
MAX_CHARS = 8_000  # of a program; a longer one is not parsed, which takes too long
ENTRY_POINTS = ("solution", "solver", "solve")
ANSWER_NAMES = ("answer", "result")


def canonical_form(code: str) -> str:
    """The program without docstrings and unused imports, unwrapped, binding `ans`."""
    tree = syntax_tree(code)
    for rewrite in (_drop_docstrings, _drop_unused_imports, _unwrap_function, _bind_answer):
        if tree is None:
            break  # left as it is: running it says what is wrong
        rewritten = rewrite(code, tree)
        if rewritten != code:
            code, tree = rewritten, syntax_tree(rewritten)
    return code.strip("\n")


def syntax_tree(code: str) -> ast.Module | None:
    """The syntax tree of a program, which is not run; None if it has none or is too long."""
    if len(code) > MAX_CHARS:
        return None
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _drop_docstrings(code: str, tree: ast.Module) -> str:
    """Docstrings of teachers repeat the question."""
    strings = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.Module) and len(node.body) > 1:
            first = node.body[0]
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
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
    """`def solution(): ...; return x` becomes its body with `ans = x`, if nothing else is there."""
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    if len(functions) != 1 or not _is_straight(functions[0]):
        return code
    function, last = functions[0], functions[0].body[-1]
    if not isinstance(last, ast.Return) or last.value is None or not _is_all(tree, function):
        return code
    lines = code.split("\n")
    head, body = lines[: function.lineno - 1], lines[function.lineno : last.lineno - 1]
    before_return = lines[last.lineno - 1][: last.col_offset]
    if function.body[0].lineno == function.lineno or before_return.strip():
        return code  # statements that share a line with `def` or `return`
    imports = [line for line in head if line.strip() and not line.lstrip().startswith("#")]
    indent = " " * function.body[0].col_offset
    inner = "\n".join(_dedented(line, indent) for line in body).strip("\n")
    answer = f"ans = {_source(code, last.value)}"
    unwrapped = "\n".join(part for part in (*imports, inner, answer) if part)
    return code if syntax_tree(unwrapped) is None else unwrapped


def _is_all(tree: ast.Module, function: ast.FunctionDef) -> bool:
    """Whether the code is only imports, then this function, then calls of it."""
    place = tree.body.index(function)
    return all(isinstance(node, ast.Import | ast.ImportFrom) for node in tree.body[:place]) and all(
        _only_calls(node, function.name) for node in tree.body[place + 1 :]
    )


def _is_straight(function: ast.FunctionDef) -> bool:
    """Whether it is an entry point whose statements mean the same outside, up to its `return`."""
    nodes = [node for node in ast.walk(function) if node is not function]
    returns = [node for node in nodes if isinstance(node, ast.Return)]
    return (
        function.name in ENTRY_POINTS
        and not _takes_arguments(function)
        and not function.decorator_list
        and returns == [function.body[-1]]
        and not any(isinstance(node, _SCOPES) for node in nodes)
        and not any(isinstance(node, ast.Name) and node.id == function.name for node in nodes)
        # The lines of a string cannot be dedented.
        and not any(
            isinstance(node, ast.Constant | ast.JoinedStr) and node.lineno != node.end_lineno
            for node in nodes
        )
    )


def _takes_arguments(function: ast.FunctionDef) -> bool:
    takes = function.args
    return bool(takes.posonlyargs or takes.args or takes.vararg or takes.kwonlyargs or takes.kwarg)


def _only_calls(node: ast.stmt, function: str) -> bool:
    """Whether a statement is `f()`, `print(f())` or `ans = f()`."""
    match node:
        case ast.Expr(value=ast.Call(func=ast.Name(id="print"), args=[call], keywords=[])):
            pass
        case ast.Expr(value=call) | ast.Assign(targets=[ast.Name(id="ans")], value=call):
            pass
        case _:
            return False
    match call:
        case ast.Call(func=ast.Name(id=name), args=[], keywords=[]):
            return name == function
    return False


def _dedented(line: str, indent: str) -> str:
    """A line of a function's body; comments and continued lines may be indented less than it."""
    return line.removeprefix(indent) if line.startswith(indent) else line.lstrip()


def _source(code: str, value: ast.expr) -> str:
    source = ast.get_source_segment(code, value) or ""
    return f"({source})" if "\n" in source or isinstance(value, ast.NamedExpr) else source


def _bind_answer(code: str, tree: ast.Module) -> str:
    """Bind `ans` by the precedence of the sandbox, where the answer is left elsewhere."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    names = {node.id for node in found if isinstance(node.ctx, ast.Store)}
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    if "ans" in names:
        return code
    for name in ENTRY_POINTS:
        if name in functions:
            function = functions[name]
            safe = function in tree.body and not _takes_arguments(function)
            return f"{code}\nans = {name}()" if safe else code
    assigned = [node.targets for node in tree.body if isinstance(node, ast.Assign)]
    top = {node.id for targets in assigned for node in targets if isinstance(node, ast.Name)}
    for name in ANSWER_NAMES:
        if name in names:
            return f"{code}\nans = {name}" if name in top else code
    if printed := printed_answer(tree):
        return f"{_without(code, tree.body[-1:])}\nans = {printed}"
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
