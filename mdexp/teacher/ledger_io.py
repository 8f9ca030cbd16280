"""What a ledger says of itself: what was bought, for how much; and how answers leave it and enter.

An exported row is one that teacher=replay plays (`id`, `thought`, `completion`, `model`) with the
request and the number of the sample, by which another ledger takes it for its own.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mdexp.records import REFUSED
from mdexp.teacher.leases import utc_now
from mdexp.teacher.ledger import THINKING_REPLY, Ledger, Thoughts
from mdexp.teacher.request import Request

IMPORTED = "import"  # stands where the command's name does

_SAMPLES = f"""
    SELECT problem_id, thought, sample, text, finish_reason, coalesce(nullif(calls.model, ''),
    requests.model), command, settled_at, content, samples.call, {THINKING_REPLY}
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
    """An answer and where it came from. One that was made for several problems comes several times;
    `id` and `thought` are None where the ledger, an old one, does not know them."""

    id: str | None
    thought: str | None
    sample: int
    completion: str
    finish_reason: str
    model: str
    command: str
    settled_at: str
    request: dict[str, Any]
    thinking: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """Of one command on one model. Unknown calls count with the most that they can have cost."""

    model: str
    endpoint: str
    command: str
    answers: int
    calls: int
    failed: int
    unknown: int
    open: int
    micro_usd: int | None  # None: no price was known for any
    unpriced: int  # calls


def samples(ledger: Ledger) -> Iterator[Sample]:
    """All answers, by request and sample."""
    names = tuple(Sample.__dataclass_fields__)
    thinking: dict[tuple[int, int], str] = {}  # an answer made for several problems comes again
    thoughts = Thoughts()
    for *values, content, call, reply in ledger.db.execute(_SAMPLES):
        fields = dict(zip(names, values, strict=False))
        fields["finish_reason"] = fields["finish_reason"] or "unknown"
        key = (call, fields["sample"])
        if key not in thinking:
            thinking[key] = thoughts.before(fields["completion"], call, reply)
        yield Sample(**fields, request=json.loads(content), thinking=thinking[key])


def spending(ledger: Ledger) -> list[Spending]:
    """By model, endpoint and command, in the order of first calls."""
    names = tuple(Spending.__dataclass_fields__)
    return [Spending(**dict(zip(names, row, strict=True))) for row in ledger.db.execute(_SPENDING)]


def take_in(ledger: Ledger, file: Path) -> tuple[int, int]:
    """Add the answers of an exported file, all or none; give how many were new and how many were
    there. ValueError naming the line of a row that does not fit."""
    new = old = 0
    with ledger.writing(), file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                added = _take_in_row(ledger, _row(line, f"{file}:{number}"))
                new, old = new + added, old + (not added)
    return new, old


def _row(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
        row["request"] = Request(**row["request"])
        for key, kind in (("id", str), ("thought", str), ("completion", str), ("sample", int)):
            if not isinstance(row[key], kind):
                raise TypeError(f"{key} is {row[key]!r}")
        if not isinstance(row.get("thinking") or "", str):
            raise TypeError(f"thinking is {row['thinking']!r}")
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{where}: no row of an export ({type(error).__name__}: {error}); recorded answers "
            "without their request are played by teacher=replay as they are"
        ) from error
    return dict(row)


def _take_in_row(ledger: Ledger, row: Mapping[str, Any]) -> bool:
    request: Request = row["request"]
    number = ledger.number(request)
    ledger.db.execute(
        "INSERT OR IGNORE INTO askers VALUES (?, ?, ?)", (number, row["id"], row["thought"])
    )
    if row["sample"] not in ledger.missing(request, row["sample"] + 1):
        return False
    call = ledger.db.execute(
        "INSERT INTO calls (request, state, num_asked, command, lease_until, price_micro_usd,"
        " opened_at, settled_at, model, reply) VALUES (?, 'answered', 1, ?, 0, 0, ?, ?, ?, ?)",
        (
            number,
            IMPORTED,
            utc_now(),
            row.get("settled_at") or utc_now(),
            row.get("model") or "",
            _reply(row),
        ),
    ).lastrowid
    ledger.db.execute(
        "INSERT OR REPLACE INTO samples (request, sample, call, text, finish_reason)"
        " VALUES (?, ?, ?, ?, ?)",
        (number, row["sample"], call, row["completion"], row.get("finish_reason") or "unknown"),
    )
    return True


def _reply(row: Mapping[str, Any]) -> str | None:
    """The part of the server's reply that a row keeps beside its text, in the server's form."""
    if not (thinking := row.get("thinking")):
        return None
    message = {"content": row["completion"], "reasoning": thinking}
    return json.dumps(
        {"choices": [{"message": message, "finish_reason": row.get("finish_reason")}]}
    )
