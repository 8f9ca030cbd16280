"""Cuts a completion where the model invents a next question."""

import re

# Looked for once in a run of white space: at each of its newlines, thousands of them would take
# seconds.
_RUN_ON = re.compile(r"(?<!\s)(?=\s*?\n)\s+(?:Q|Question)\s*:", re.IGNORECASE)
_LEAD = re.compile(r"\s*(?:(?:A|Answer)\s*:\s*)?", re.IGNORECASE)


def cut_run_on(text: str) -> str:
    """The text without its lead ("A:") and without a further invented question."""
    whole = up_to_run_on(text)
    text = text if whole is None else whole
    return text[_lead(text) :].strip()


def up_to_run_on(text: str) -> str | None:
    """A growing text up to an invented next question, once there is one.

    Nothing else is cut off: a later statement could be another one, so that a text that is cut at
    its first reads differently from the whole.
    """
    match = _RUN_ON.search(text, _lead(text))
    return text[: match.start()] if match else None


def _lead(text: str) -> int:
    lead = _LEAD.match(text)
    return lead.end() if lead else 0
