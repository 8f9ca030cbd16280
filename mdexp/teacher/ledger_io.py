"""Lists what a ledger holds and what it cost, and exports and imports its answers.

An exported row is one that teacher=replay reads (`id`, `thought`, `completion`, `model`), with the
request and the sample number by which another ledger can import it.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError, field_validator

from mdexp.records import REFUSED
from mdexp.store.json_lines import JsonLinesError, objects_of_file
from mdexp.teacher.leases import utc_now
from mdexp.teacher.ledger import THINKING_REPLY, Ledger, Thoughts
from mdexp.teacher.request import Request

Taken = Literal["new", "old", "other"]
MAX_SAMPLE = 99_999
MAX_PART = 999
IMPORTED = "import"  # stands in place of a command's name

_SAMPLES = f"""
    SELECT problem_id, thought, sample, text, finish_reason, coalesce(nullif(calls.model, ''),
    requests.model), command, settled_at, coalesce(part, 0), content, samples.call, {THINKING_REPLY}
    FROM samples JOIN calls ON calls.id = samples.call
    JOIN requests ON requests.id = samples.request
    LEFT JOIN askers ON askers.request = samples.request
    WHERE text IS NOT NULL ORDER BY samples.request, problem_id, thought, sample
"""
_SPENDING = f"""
    SELECT requests.model, endpoint, command,
    (SELECT count(*) FROM samples JOIN calls AS mine ON mine.id = samples.call
     JOIN requests AS its ON its.id = mine.request WHERE text IS NOT NULL
     AND NOT (trim(text) = '' AND coalesce(finish_reason, '') IN {REFUSED})
     AND mine.command = calls.command AND its.model = requests.model
     AND its.endpoint = requests.endpoint),
    count(*), sum(state = 'failed'), sum(state = 'unknown'), sum(state = 'open'),
    sum(price_micro_usd), sum(price_micro_usd IS NULL AND state != 'open')
    FROM calls JOIN requests ON requests.id = request
    GROUP BY requests.model, endpoint, command ORDER BY min(calls.id)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """An answer and its origin. One that was made for several problems appears several times. `id`
    and `thought` are None where an old ledger does not know them."""

    id: str | None
    thought: str | None
    sample: int
    completion: str
    finish_reason: str
    model: str
    command: str
    settled_at: str
    part: int  # how many texts of the teacher came before
    request: dict[str, Any]
    thinking: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What one command spent on one model. Unknown calls count with the most that they can have
    cost."""

    model: str
    endpoint: str
    command: str
    answers: int
    calls: int
    failed: int
    unknown: int
    open: int
    micro_usd: int | None  # None: no price was known for any call
    unpriced: int  # calls


def samples(ledger: Ledger) -> Iterator[Sample]:
    """All answers, by request and sample."""
    names = tuple(Sample.__dataclass_fields__)
    thinking: dict[tuple[int, int], str] = {}  # an answer made for several problems appears again
    thoughts = Thoughts()
    for *values, content, call, reply in ledger.db.execute(_SAMPLES):
        fields = dict(zip(names, values, strict=False))
        fields["finish_reason"] = fields["finish_reason"] or "unknown"
        key = (call, fields["sample"])
        if key not in thinking:
            thinking[key] = thoughts.before(fields["completion"], call, reply)
        yield Sample(**fields, request=json.loads(content), thinking=thinking[key])


def spending(ledger: Ledger) -> list[Spending]:
    """The spending by model, endpoint and command, in the order of their first calls."""
    names = tuple(Spending.__dataclass_fields__)
    return [Spending(**dict(zip(names, row, strict=True))) for row in ledger.db.execute(_SPENDING)]


def take_in(ledger: Ledger, file: Path) -> Counter[Taken]:
    """Add the answers of an exported file, all or none. Returns how many rows were new, already
    present, or present with another text. JsonLinesError names the line of a row that does not fit.
    """
    with ledger.writing():
        return Counter(_take_in_row(ledger, row) for row in _exported(file))


def _exported(file: Path) -> Iterator["_Exported"]:
    for number, fields in objects_of_file(file):
        try:
            row = _Exported.model_validate(fields)
            json.dumps(fields, ensure_ascii=False).encode()  # half a surrogate pair is refused
        except ValueError as error:
            raise JsonLinesError(file, number, _fault(error)) from error
        yield row


class _Exported(BaseModel):
    """A row of an exported file; extra fields are ignored."""

    id: str = Field(min_length=1)
    thought: str = Field(min_length=1)
    sample: int = Field(ge=0, le=MAX_SAMPLE, strict=True)
    completion: str
    finish_reason: str | None = None
    model: str | None = None
    settled_at: str | None = None
    thinking: str | None = None
    part: int = Field(default=0, ge=0, le=MAX_PART, strict=True)
    request: Request

    @field_validator("settled_at")
    @classmethod
    def _is_a_time(cls, text: str | None) -> str | None:
        if text is not None:
            datetime.fromisoformat(text)
        return text


def _fault(error: ValueError) -> str:
    """What is wrong with a row, and what to do with rows that are not from an export."""
    what = str(error)
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        what = f"{'.'.join(map(str, first['loc']))}: {first['msg']}, got {first['input']!r:.60}"
    return (
        f"no row of an export ({what}); recorded answers without their request are played by "
        "teacher=replay as they are"
    )


def _take_in_row(ledger: Ledger, row: _Exported) -> Taken:
    number = ledger.number(row.request)
    ledger.db.execute(
        "INSERT OR IGNORE INTO askers VALUES (?, ?, ?, ?)",
        (number, row.id, row.thought, row.part),
    )
    there = ledger.db.execute(
        "SELECT text FROM samples WHERE request = ? AND sample = ? AND text IS NOT NULL",
        (number, row.sample),
    ).fetchone()
    if there:
        return "old" if there == (row.completion,) else "other"
    call = ledger.db.execute(
        "INSERT INTO calls (request, state, num_asked, command, lease_until, price_micro_usd,"
        " opened_at, settled_at, model, reply) VALUES (?, 'answered', 1, ?, 0, 0, ?, ?, ?, ?)",
        (
            number,
            IMPORTED,
            utc_now(),
            row.settled_at or utc_now(),
            row.model or "",
            _reply(row),
        ),
    ).lastrowid
    ledger.db.execute(
        "INSERT OR REPLACE INTO samples (request, sample, call, text, finish_reason)"
        " VALUES (?, ?, ?, ?, ?)",
        (number, row.sample, call, row.completion, row.finish_reason or "unknown"),
    )
    return "new"


def _reply(row: "_Exported") -> str | None:
    """The part of the server's reply that a row keeps beside its text, in the server's form."""
    if not row.thinking:
        return None
    message = {"content": row.completion, "reasoning": row.thinking}
    choice = {"message": message, "finish_reason": row.finish_reason}
    return json.dumps({"choices": [choice]})
