"""Writes the lines of a batch's input file and reads those of its results, joined by
`custom_id`."""

import json
from collections.abc import Iterator
from typing import Any

from mdexp.teacher.families import call_body
from mdexp.teacher.leases import Claim
from mdexp.teacher.refusals import judge_prompt
from mdexp.teacher.reply import BrokenReply, Reply, error_in, read_reply
from mdexp.teacher.retry import Unanswered

_MAX_DETAIL_CHARS = 300
# A server's error codes for a line that it did not process.
_NOT_REACHED = ("batch_expired", "batch_cancelled")


def input_line(custom_id: str, claim: Claim) -> str:
    """A call as a line of the input file."""
    line = {
        "custom_id": custom_id,
        "method": "POST",
        "url": f"/v1{claim.request.path}",
        "body": call_body(claim.request, len(claim.samples), claim.seed),
    }
    return json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n"


def line_outcomes(text: str) -> Iterator[tuple[str, Reply | Exception]]:
    """The custom_id of each line of a result file and what it brings: a reply, or an Unanswered,
    Filtered, SetAside or TeacherError. Lines that cannot be read are skipped: they count as
    missing."""
    for line in text.split("\n"):
        try:
            row = json.loads(line)
            yield str(row["custom_id"]), line_outcome(row)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
            continue


def line_outcome(row: dict[str, Any]) -> Reply | Exception:
    """The outcome of a line of a result file; see `line_outcomes`."""
    response, error = row.get("response") or {}, row.get("error") or {}
    status, body = response.get("status_code"), response.get("body") or {}
    if status == 200:
        try:
            return read_reply(json.dumps(body))
        except BrokenReply as broken:
            return Unanswered("broken reply", str(broken)[:_MAX_DETAIL_CHARS], charged=True)
    said = error_in(body if body.get("error") else error)
    code, detail = (*said.codes, "no response")[0], said.message[:_MAX_DETAIL_CHARS]
    if status is None:
        return Unanswered(code, detail, charged=code not in _NOT_REACHED)
    return judge_prompt(int(status), said, {}, ())
