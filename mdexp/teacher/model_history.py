"""What a model's earlier answers in the ledger say: bytes per token, and how much it writes."""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from statistics import fmean, median

from mdexp.teacher.ledger import Ledger
from mdexp.teacher.prices import token_counts
from mdexp.teacher.request import Request

MAX_CALLS = 1000  # the latest

_CALLS = """
    SELECT calls.id, content, usage, opened_at, settled_at,
    (SELECT count(*) FROM samples WHERE call = calls.id AND text IS NOT NULL),
    (SELECT min(thought) FROM askers WHERE askers.request = calls.request)
    FROM calls JOIN requests ON requests.id = request
    WHERE state = 'answered' AND usage IS NOT NULL AND requests.model = ? AND endpoint = ?
    ORDER BY calls.id DESC LIMIT ?
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelHistory:
    """The history of one model at one endpoint; None and empty if nothing was asked yet."""

    num_calls: int = 0
    tokens_per_byte: float | None = None  # of prompts
    answer_tokens: dict[str, float] = field(default_factory=dict)  # mean of an answer, by thought
    latency_s: float | None = None  # median


def model_history(ledger: Ledger, endpoint: str, model: str) -> ModelHistory:
    """The history from a model's latest answers."""
    num_bytes = prompt_tokens = 0
    written: dict[str, list[float]] = defaultdict(list)
    latencies = []
    for _, content, raw, opened, settled, num_answers, thought in ledger.db.execute(
        _CALLS, (model, endpoint, MAX_CALLS)
    ):
        counts = token_counts(json.loads(raw))
        if counts is None:
            continue
        num_bytes += sum(len(text.encode()) for text in Request(**json.loads(content)).texts)
        prompt_tokens += counts[0]
        if num_answers:
            written[thought or ""].append(counts[1] / num_answers)
        latencies.append(_seconds(opened, settled))
    if not latencies:
        return ModelHistory()
    return ModelHistory(
        num_calls=len(latencies),
        tokens_per_byte=prompt_tokens / num_bytes if num_bytes and prompt_tokens else None,
        answer_tokens={thought: fmean(tokens) for thought, tokens in written.items()},
        latency_s=median(latencies),
    )


def _seconds(opened: str, settled: str) -> float:
    return (datetime.fromisoformat(settled) - datetime.fromisoformat(opened)).total_seconds()
