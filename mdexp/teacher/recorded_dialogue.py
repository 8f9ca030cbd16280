"""Puts recorded rows together into dialogues of several texts.

A row's `part` is the number of texts before it. Rows with `sample` belong together if problem,
thought, file and sample are equal and the question was worded the same (`request` of an exported
row). Rows without `sample` stand in order: part 0, then the parts that follow it.
"""

import json
from collections import Counter
from collections.abc import Hashable, Mapping
from typing import Any

from mdexp.teacher.request import Answer

Row = Mapping[str, Any]


class RecordedDialogues:
    """The recorded dialogues of one problem and thought. `left_out` counts rows that are not used,
    by reason."""

    def __init__(self) -> None:
        self.left_out: Counter[str] = Counter()
        self._rows: dict[Hashable, dict[int, Row]] = {}  # by transcript, then by part
        self._last: dict[str, Hashable] = {}  # by file, for rows without `sample`

    def add(self, row: Row, file: str) -> None:
        """Add a row; ValueError if it does not follow the rows before it."""
        part, sample = _number(row, "part") or 0, _number(row, "sample")
        if sample is None:
            key = self._next_in_file(file, part)
        else:
            key = (file, _opening(row, part), sample)
        parts = self._rows.setdefault(key, {})
        if part in parts:
            self.left_out["recorded twice"] += 1
        else:
            parts[part] = row

    def played(self, num_paths: int) -> list[list[Answer]]:
        """The texts of each dialogue, up to a gap."""
        whole = [parts for parts in self._rows.values() if 0 in parts]
        headless = [parts for parts in self._rows.values() if 0 not in parts]
        self.left_out["first text not recorded"] += sum(map(len, headless))
        self.left_out["beyond num_paths"] += sum(map(len, whole[num_paths:]))
        return [self._up_to_gap(parts) for parts in whole[:num_paths]]

    def _next_in_file(self, file: str, part: int) -> Hashable:
        if part == 0:
            self._last[file] = (file, len(self._rows))
        last = self._rows.get(self._last.get(file), {})
        if part and len(last) != part:
            before = f"part {len(last) - 1}" if last else "none"
            raise ValueError(
                f"part: got {part} behind {before} of this problem and thought; rows without "
                "sample stand in order"
            )
        return self._last[file]

    def _up_to_gap(self, parts: Mapping[int, Row]) -> list[Answer]:
        gap = next(n for n in range(len(parts) + 1) if n not in parts)
        self.left_out["an earlier text not recorded"] += len(parts) - gap
        return [_answer(parts[n], n) for n in range(gap)]


def _number(row: Row, key: str) -> int | None:
    number = row.get(key)
    if number is not None and (type(number) is not int or number < 0):
        raise ValueError(f"{key}: got {number!r}, expected a whole number from 0")
    return number


def _opening(row: Row, part: int) -> str:
    """The messages that asked for the first text of a row's dialogue; each text adds two: itself
    and a cue."""
    request = row.get("request")
    if not isinstance(request, dict):
        return ""
    messages = request.get("messages")
    first = messages[: len(messages) - 2 * part] if isinstance(messages, list) else messages
    return json.dumps(request | {"messages": first}, sort_keys=True)


def _answer(row: Row, part: int) -> Answer:
    return Answer(
        sample=part,
        text=row["completion"],
        finish_reason=str(row.get("finish_reason") or "stop"),
        model=row["model"],
        thinking=row.get("thinking") or "",
    )
