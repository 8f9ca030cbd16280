"""An OpenAI-compatible chat server on 127.0.0.1 that counts, remembers and misbehaves on demand.

with LoopbackServer() as server:
    server.misbehave("429", "html")      # the next two replies; then it behaves
    ... base_url=server.url ...
    assert server.num_calls == 5
"""

import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl

from tests.loopback_batch import BatchDesk


def echo(question: str, number: int) -> str:
    return f"{question} #{number}"


class LoopbackServer:
    """Answers with what `answer` makes of a question and the number of answers it had so far."""

    def __init__(
        self, honours_n: bool = True, answer: Callable[[Any, int], str] = echo, port: int = 0
    ) -> None:
        self.answer = answer
        self.honours_n = honours_n  # many servers give one choice whatever is asked for
        self.has_usage = True
        self.per_minute: float | None = None  # beyond it: 429
        self.latency_s = 0.005  # so that concurrent calls overlap
        self.trickles = False  # whether files come a byte at a time, each within any limit on waits
        self.num_trickled = 0
        self.finish_reason = "stop"
        self.logprobs: Any = {"token_logprobs": [-0.25, -0.75, -0.5]}  # of a completion
        self.script: Callable[[dict[str, Any]], Reply | None] = lambda body: None
        self.models: list[str] = []  # that it lists
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.num_choices: Counter[str] = Counter()  # answers given, by question
        self.charged = 0  # millionths of a dollar, at a dollar per million tokens
        self.most_at_once = 0
        self._at_once = 0
        self._faults: list[str] = []
        self._always: str | None = None
        self._level, self._filled_at = 1.0, time.monotonic()
        self._storm: tuple[dict[str, float], random.Random] | None = None
        self._lock = threading.Lock()
        self.batches = BatchDesk(self._answer_line)
        handler = type("Handler", (_Handler,), {"loopback": self})
        self._http = _Server(("127.0.0.1", port), handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def misbehave(self, *faults: str, always: str | None = None) -> None:
        """Faults of the next replies, in order; `always` is the fault of all that follow."""
        self._faults = list(faults)
        self._always = always

    def storm(self, shares: dict[str, float], dice: random.Random) -> None:
        """From now on each reply is a fault with these probabilities."""
        self._storm = (shares, dice)

    @property
    def num_calls(self) -> int:
        return len(self.bodies)

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.shutdown()
        self._http.server_close()

    def reply(self, path: str, body: dict[str, Any], headers: dict[str, str]) -> "Reply":
        with self._lock:
            self.paths.append(path)
            self.bodies.append(body)
            self.headers.append(headers)
            fault = self._faults.pop(0) if self._faults else self._next_fault()
            if self.per_minute and not self._admits(self.per_minute / 60):
                fault = "429"
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            if scripted := self.script(body):
                return scripted
            if fault == "lost reply":
                self._answer(body)
            return _FAULTS[fault](headers) if fault else self._answer(body)
        finally:
            with self._lock:
                self._at_once -= 1

    def _admits(self, per_second: float) -> bool:
        """A token bucket as endpoints have it, of half a second."""
        now = time.monotonic()
        filled = self._level + (now - self._filled_at) * per_second
        self._level, self._filled_at = min(filled, max(1.0, per_second / 2)), now
        if self._level < 1:
            return False
        self._level -= 1
        return True

    def _next_fault(self) -> str | None:
        if self._storm is None:
            return self._always
        shares, dice = self._storm
        calm = 1 - sum(shares.values())
        return dice.choices([None, *shares], [calm, *shares.values()])[0]

    def _answer_line(self, body: dict[str, Any]) -> tuple[int, str]:
        reply = self.script(body) or self._answer(body)
        return reply.status, str(reply.text)

    def _answer(self, body: dict[str, Any]) -> "Reply":
        time.sleep(self.latency_s)
        if isinstance(body.get("prompt"), list):
            return self._complete(body)
        plain = "prompt" in body
        question = body["prompt"] if plain else body["messages"][-1]["content"]
        number = body.get("n", 1) if self.honours_n else 1
        with self._lock:
            first = self.num_choices[question]
            self.num_choices[question] += number
            self.charged += 7 + 3 * number
        texts = [self.answer(question, first + i) for i in range(number)]
        written = [{"text": t} if plain else {"message": {"content": t}} for t in texts]
        choices = [
            {"index": i, **choice, "finish_reason": self.finish_reason}
            for i, choice in enumerate(written)
        ]
        reply: dict[str, Any] = {"model": f"{body['model']}-0001", "choices": choices}
        if self.has_usage:
            reply["usage"] = {"prompt_tokens": 7, "completion_tokens": 3 * number}
        return Reply(200, json.dumps(reply))

    def _complete(self, body: dict[str, Any]) -> "Reply":
        """A completion of token ids: `answer` gets them as its question."""
        choice = {
            "index": 0,
            "text": self.answer(body["prompt"], 0),
            "finish_reason": self.finish_reason,
            "logprobs": self.logprobs,
        }
        usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
        reply = {"id": "c", "object": "text_completion", "created": 0, "model": body["model"]}
        return Reply(200, json.dumps({**reply, "choices": [choice], "usage": usage}))


class Reply:
    """`pause_s` is how long each byte takes."""

    def __init__(
        self,
        status: int,
        text: str | bytes,
        kind: str = "application/json",
        pause_s: float = 0.0,
        **headers: str,
    ):
        self.status = status
        self.text = text
        self.pause_s = pause_s
        self.headers = {"Content-Type": kind} | {k.replace("_", "-"): v for k, v in headers.items()}


def _error(status: int, message: str, code: str | None = None, **headers: str) -> Reply:
    error = {"message": message, "type": code, "code": code, "param": None}
    return Reply(status, json.dumps({"error": error}), **headers)


def _slow(headers: dict[str, str]) -> Reply:
    time.sleep(1.5)
    return _error(503, "too late")


def _cut(headers: dict[str, str]) -> Reply:
    raise ConnectionError("the connection is lost")


def _stall(headers: dict[str, str]) -> Reply:
    time.sleep(5)
    raise ConnectionError("it never answers")


_FAULTS = {
    "429": lambda headers: _error(429, "slow down", "rate_limit_exceeded", Retry_After="0.2"),
    "429 for an hour": lambda headers: _error(429, "come back later", Retry_After="3600"),
    "500": lambda headers: _error(500, "oops"),
    "html": lambda headers: Reply(200, "<html>Bad gateway</html>", "text/html"),
    "broken json": lambda headers: Reply(200, '{"choices": [{"mess'),
    "no choices": lambda headers: Reply(200, '{"choices": [], "usage": null}'),
    "quota": lambda headers: _error(429, "You exceeded your current quota", "insufficient_quota"),
    "400": lambda headers: _error(400, "Unsupported parameter: 'max_tokens'", "unsupported"),
    "401 with key": lambda headers: _error(401, f"Wrong key: {headers.get('authorization')}"),
    "200 with key": lambda headers: Reply(
        200,
        json.dumps({"choices": [{"message": {"content": f"You sent {headers['authorization']}"}}]}),
    ),
    "404": lambda headers: _error(404, "The model does not exist", "model_not_found"),
    "lost connection": _cut,
    "lost reply": _cut,  # of a call that was answered, and charged
    "slow": _slow,
    "stall": _stall,
}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no news."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    loopback: LoopbackServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        size = int(self.headers["Content-Length"])
        text = self.rfile.read(size)
        if len(text) < size:
            raise ConnectionError("the client went away")
        if self.path.startswith(("/v1/files", "/v1/batches")):
            self._send(Reply(*self.loopback.batches.post(self.path, text)))
            return
        body = json.loads(text)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._send(self.loopback.reply(self.path, body, headers))

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path == "/v1/models":
            listed = [{"id": name, "object": "model"} for name in self.loopback.models]
            self._send(Reply(200, json.dumps({"object": "list", "data": listed})))
            return
        self._send(Reply(*self.loopback.batches.get(path, dict(parse_qsl(query)))))

    def _send(self, reply: Reply) -> None:
        payload = reply.text if isinstance(reply.text, bytes) else reply.text.encode()
        self.send_response(reply.status)
        for name, value in {**reply.headers, "Content-Length": str(len(payload))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.loopback.trickles and self.path.endswith("/content"):
            self._trickle(payload)
        if not reply.pause_s:
            self.wfile.write(payload)
            return
        for byte in payload:
            self.wfile.write(bytes([byte]))
            time.sleep(reply.pause_s)

    def _trickle(self, payload: bytes) -> None:
        for byte in payload:
            self.loopback.num_trickled += 1
            self.wfile.write(bytes([byte]))
            time.sleep(0.05)
        raise ConnectionError("that is all")

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on stderr."""
