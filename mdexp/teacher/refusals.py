"""Which parameter a server refuses, and what to change: servers say it in many ways."""

import re
from collections.abc import Iterable

_FIXES = {
    "max_tokens": "teacher.max_tokens=null 'teacher.extra={max_completion_tokens: 512}'",
    "max_completion_tokens": "'teacher.extra={max_completion_tokens: null}'",
    "temperature": "teacher.temperature=null",
    "top_p": "teacher.top_p=null",
    "seed": "teacher.seed=null",
    "n": "teacher.seed=0, with which each sample is asked for alone",
    "reasoning_effort": "'teacher.extra={reasoning_effort: low}', or null in place of low",
    "messages": "teacher.instruction_role=user, which puts the instruction above the first "
    "question, for models without a system role",
    "prompt": "teacher.style=chat",
    "stop": "'teacher.extra={stop: null}'",
}


def parameter_fix(parameter: str | None, message: str, sent: Iterable[str]) -> str | None:
    """What to change where a server refuses a parameter; None if it does not say which.

    `parameter` is what the server names (`messages[0].role`, or None), `sent` what there was.
    """
    said = re.split(r"[.\[]", parameter or "")[0]
    quoted = re.findall(r"[\"'`](\w+)[\"'`]", message)
    names = [name for name in (said, *quoted) if name in set(sent)]
    if not names and re.search(r"\bsystem\b.*\brole\b|\brole\b.*\bsystem\b", message, re.I):
        names = ["messages"]
    if not names:
        return None
    fix = _FIXES.get(names[0], f"leave {names[0]} out of teacher.extra")
    return f"the server refuses the parameter {names[0]}: try {fix}"
