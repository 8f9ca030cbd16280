"""Finds why a server refused a call and what to change, from the many wordings in use."""

import re
from collections.abc import Iterable, Mapping

from mdexp.teacher.reply import ReportedError
from mdexp.teacher.retry import Filtered, SetAside, TeacherError, judge_status

_MAX_DETAIL_CHARS = 300
REFUSED_PROMPT = "prompts refused"  # the reason is not known, so it may concern every prompt
_OF_A_PROMPT = (400, 403, 413, 422)
_FILTERED = re.compile(
    r"\bcontent_(?:filter|policy_violation)|data_inspection_failed|content exists risk"
    r"|\bflagged\b|violat\w+ (?:our|the|their) (?:usage|content) polic",
    re.IGNORECASE,
)
_TOO_LONG = re.compile(
    r"context[ _](?:length|window|size)|(?:prompt|input|request)\b.{0,40}\btoo (?:long|large)"
    r"|string_above_max_length|(?:token|input|prompt)\b.{0,80}\bexceeds? the (?:max|limit|avail)"
    r"|inputs? tokens .{0,60}must be <=",
    re.IGNORECASE | re.DOTALL,
)
_SHORTEN = (
    "the prompt and its answer do not fit the model: show fewer exemplars (teacher.num_shots), ask "
    "for shorter answers (teacher.max_tokens), or take a model with a longer context"
)
_PARAMETER = re.compile(
    r"parameter|argument|unexpected|unrecognized|extra_forbidden", re.IGNORECASE
)

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
    """What to change if a server refuses a parameter; None if it does not say which.

    `parameter` is the name that the server gives (`messages[0].role`, or None), `sent` the
    parameters of the call.
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


def judge_prompt(
    status: int, said: ReportedError, headers: Mapping[str, str], sent: Iterable[str]
) -> Exception:
    """The exception for an HTTP error of a call that `sent` one prompt: Filtered or SetAside if
    only this prompt is refused, TeacherError if all would be, Unanswered if it may be temporary."""
    detail = said.message[:_MAX_DETAIL_CHARS]
    judged = judge_status(status, said.codes, detail, headers)
    words = " ".join((*said.codes, said.message))
    if not isinstance(judged, TeacherError) or status not in _OF_A_PROMPT:
        return judged
    if _FILTERED.search(words):
        return Filtered(detail)
    if status == 403:
        return judged
    if status == 413 or _TOO_LONG.search(words):
        return SetAside("prompts too long", f"{_SHORTEN} (HTTP {status}: {detail})")
    if fix := parameter_fix(said.parameter, said.message, sent):
        return TeacherError(f"{fix} (HTTP {status}: {detail})")
    if _PARAMETER.search(words):
        return judged
    return SetAside(REFUSED_PROMPT, str(judged))
