"""The Batch API of the loopback server: files, batches, and all that can go wrong with them.

    server.batches.misbehave("expired", "missing lines")    # the next two batches; then none

Results come in reverse order, and a batch is done when it has been asked about a few times.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

Line = dict[str, Any]
Answer = Callable[[dict[str, Any]], tuple[int, str]]


class BatchDesk:
    """`answer` gives status and text for the body of a call."""

    def __init__(self, answer: Answer) -> None:
        self.files: dict[str, str] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.polls_until_done = 2
        self.starts: list[str] = []  # how the next starts of a batch are replied to, once made
        self.num_not_found = 0  # questions about a batch that are denied, though it is there
        self.is_down = False  # whether nothing but an upload is answered
        self.page_size = 100  # of the list of batches
        self.lists_for_ever = False  # whether each page says that there are more
        self.frozen = False  # whether no batch ever ends
        self.spoil: Callable[[str], str] = lambda line: line  # the first line of the next results
        self._answer = answer
        self._faults: list[str] = []
        self._num_files = 0

    def misbehave(self, *faults: str) -> None:
        self._faults = list(faults)

    def get(self, path: str, query: Mapping[str, str]) -> tuple[int, str]:
        if self.is_down:
            return _error(503, "down")
        if match := re.fullmatch(r"/v1/files/([\w-]+)/content", path):
            if match[1] not in self.files:
                return _error(404, "No such file")
            return 200, self.files[match[1]]
        if match := re.fullmatch(r"/v1/batches/([\w-]+)", path):
            if match[1] not in self.batches or self.num_not_found:
                self.num_not_found -= match[1] in self.batches
                return _error(404, "No such batch")
            self._work(self.batches[match[1]])
            return 200, json.dumps(self.batches[match[1]])
        names = [*self.batches]
        first = names.index(query["after"]) + 1 if "after" in query else 0
        page = [self.batches[name] for name in names[first : first + self.page_size]]
        has_more = self.lists_for_ever or first + self.page_size < len(names)
        return 200, json.dumps({"object": "list", "data": page, "has_more": has_more})

    def post(self, path: str, raw: bytes) -> tuple[int, str]:
        if path == "/v1/files":
            name = self._file(
                "\n".join(re.findall(r'^{"custom_id".*$', raw.decode(), re.MULTILINE))
            )
            return 200, json.dumps({"id": name, "object": "file"})
        if self.is_down:
            return _error(503, "down")
        return self._start(json.loads(raw))

    def _start(self, body: Mapping[str, Any]) -> tuple[int, str]:
        name = f"batch_{len(self.batches)}"
        lines = [json.loads(line) for line in self.files[body["input_file_id"]].splitlines()]
        assert {line["url"] for line in lines} == {body["endpoint"]}
        self.batches[name] = {
            **body,
            "id": name,
            "object": "batch",
            "status": "validating",
            "created_at": 0,
            "polls": 0,
            "fault": self._faults.pop(0) if self._faults else "",
            "request_counts": {"total": len(lines), "completed": 0, "failed": 0},
        }
        match self.starts.pop(0) if self.starts else "":
            case "cut":
                raise ConnectionError("the reply is lost")
            case "502":
                return _error(502, "bad gateway")
            case "garbage":
                return 200, "[" * 100_000
            case "502, then down":
                self.is_down = True
                return _error(502, "bad gateway")
        return 200, json.dumps(self.batches[name])

    def _work(self, batch: dict[str, Any]) -> None:
        batch["polls"] += 1
        if self.frozen or batch["status"] not in ("validating", "in_progress"):
            return
        batch["status"], counts = "in_progress", batch["request_counts"]
        counts["completed"] = counts["total"] * batch["polls"] // self.polls_until_done
        if batch["polls"] >= self.polls_until_done:
            self._finish(batch)

    def finish_all(self) -> None:
        """Work off the batches that nobody asks about: they are charged all the same."""
        for batch in self.batches.values():
            if batch["status"] in ("validating", "in_progress"):
                self._finish(batch)

    def _finish(self, batch: dict[str, Any]) -> None:
        lines = [json.loads(line) for line in self.files[batch["input_file_id"]].splitlines()]
        fault, done, failed = batch["fault"], [], []
        batch["status"] = fault if fault in ("expired", "failed", "cancelled") else "completed"
        if fault == "failed":
            reason = {"code": "token_limit_exceeded", "message": "too many enqueued tokens"}
            batch["errors"] = {"object": "list", "data": [reason]}
            return
        for number, line in enumerate(lines):
            spoiled = fault and number % 2 == 1
            if spoiled and fault == "missing lines":
                continue
            (failed if spoiled else done).append(self._result(line, fault if spoiled else ""))
        stranger = {"custom_id": "not-ours", "response": None, "error": {"code": "x"}}
        first, *others = [json.dumps(row) for row in (*reversed(done), *done[:1])]
        lines = [json.dumps(stranger), self.spoil(first), *others]
        batch["output_file_id"], self.spoil = self._file("\n".join(lines)), lambda line: line
        if failed:
            batch["error_file_id"] = self._file(_jsonl(failed) + "\n{broken")

    def _result(self, line: Line, fault: str) -> Line:
        row = {"id": "r", "custom_id": line["custom_id"], "response": None, "error": None}
        match fault:
            case "expired" | "cancelled":
                row["error"] = {"code": f"batch_{fault}", "message": "not reached"}
            case "":
                status, text = self._answer(line["body"])
                row["response"] = {"status_code": status, "body": json.loads(text)}
            case _:
                status, text = _error(*_FAULTS[fault])
                row["response"] = {"status_code": status, "body": json.loads(text)}
        return row

    def _file(self, content: str) -> str:
        self._num_files += 1
        name = f"file-{self._num_files - 1}"
        self.files[name] = content
        return name


_FAULTS: dict[str, tuple[int, str, str | None]] = {
    "partly failed": (500, "oops", None),
    "partly filtered": (400, "no", "content_filter"),
    "partly refused": (400, "Unsupported parameter: 'top_k'", None),
}


def _error(status: int, message: str, code: str | None = None) -> tuple[int, str]:
    return status, json.dumps({"error": {"message": message, "code": code}})


def _jsonl(rows: list[Line]) -> str:
    return "\n".join(json.dumps(row) for row in rows)
