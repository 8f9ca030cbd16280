"""Finds the answer that a program prints if it sets none.

`print(f"Ann has {total} apples in {bags} bags.")` prints one number that it worked out, and one
that it was given as a literal. Formatted numbers (`{total:.2f}`) are left to be printed, since the
format may round them.
"""

import ast


def printed_answer(tree: ast.Module) -> str | None:
    """The expression whose value the last statement prints as the answer; None if unclear."""
    match tree.body[-1:]:
        case [ast.Expr(value=ast.Call(func=ast.Name(id="print"), args=printed, keywords=[]))]:
            pass
        case _:
            return None
    values = _values(printed)
    assigned = _assigned(tree)
    if values is None or any(_is_text(value, assigned) for value in values):
        return None
    worked_out = [value for value in values if not _is_given(value, assigned)]
    chosen = values if len(values) == 1 else worked_out
    if len({ast.dump(value) for value in chosen}) != 1:
        return None
    bare = len(printed) == 1 and not isinstance(printed[0], ast.JoinedStr | ast.Name)
    return None if bare else ast.unparse(chosen[0])


def _values(printed: list[ast.expr]) -> list[ast.expr] | None:
    """What is printed beside literal text; None where a part of it is unknown."""
    values: list[ast.expr] = []
    for expression in printed:
        parts = expression.values if isinstance(expression, ast.JoinedStr) else [expression]
        for part in parts:
            match part:
                case ast.Constant(value=str()):
                    continue
                case ast.FormattedValue(value=value, conversion=-1, format_spec=None):
                    values.append(value)
                case ast.FormattedValue() | ast.Starred():
                    return None
                case _:
                    values.append(part)
    return values


def _assigned(tree: ast.Module) -> dict[str, list[ast.expr]]:
    """What each name is assigned anywhere; something unknown for other ways to bind it."""
    assigned: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                assigned.setdefault(name, []).append(value)
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                # Twice: what is assigned again is worked out.
                assigned.setdefault(name, []).extend([value, value])
    return assigned


def _is_given(value: ast.expr, assigned: dict[str, list[ast.expr]]) -> bool:
    """Whether a value is a literal, or a name that is bound once, to a literal."""
    if isinstance(value, ast.Name):
        return [type(found) for found in assigned.get(value.id, [])] == [ast.Constant]
    return isinstance(value, ast.Constant)


def _is_text(value: ast.expr, assigned: dict[str, list[ast.expr]]) -> bool:
    """Whether a value is a sentence that has been put together before it is printed."""
    for found in assigned.get(value.id, []) if isinstance(value, ast.Name) else [value]:
        match found:
            case ast.JoinedStr() | ast.Constant(value=str()):
                return True
            case (
                ast.Call(func=ast.Attribute(attr="format"))
                | ast.BinOp(left=ast.Constant(value=str()))
            ):
                return True
    return False
