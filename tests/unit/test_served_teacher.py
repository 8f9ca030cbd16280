"""A teacher whose server starts itself: when answers are missing, once, and not for longer."""

import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from mdexp.ports import StartsServer, Thought
from mdexp.students.server_process import ServerFailed
from mdexp.teacher.command_id import new_command
from mdexp.teacher.served import ServedTeacher
from mdexp.thoughts.cot import ChainOfThought
from tests.buyer import FIELDS, NO_PROGRAMS, problems
from tests.contract.conftest import plugin
from tests.unit.test_served_decoding import gone

COT: dict[str, Thought] = {"cot": ChainOfThought(instruction="Reason.", cue="Think.")}
# Says which model it was given, and notes each start in a file.
STUB = """
import json, os, pathlib, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

log, model, port = sys.argv[1:]
with open(log, "a") as file:
    print(os.getpid(), file=file)

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send({"object": "list", "data": [{"id": model, "object": "model"}]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        said = body["messages"][-1]["content"].splitlines()[0]
        choices = [
            {"index": i, "message": {"role": "assistant", "content": f"{body['model']}: {said}"},
             "finish_reason": "stop"}
            for i in range(body.get("n", 1))
        ]
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        self.send({"id": "c", "object": "chat.completion", "created": 0, "model": body["model"],
                   "choices": choices, "usage": usage})

    def send(self, reply):
        payload = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, format, *args):
        pass

ThreadingHTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()
"""


def teacher(folder: Path, script: str = STUB, **options: Any) -> ServedTeacher:
    (folder / "stub.py").write_text(script)
    python, stub, log = map(shlex.quote, (sys.executable, f"{folder}/stub.py", f"{folder}/log"))
    command = f"{python} {stub} {log} {{model}} {{port}}"
    own = {"base_url": None, "identity": "served", "command": command, "wait_s": 60}
    return ServedTeacher(**FIELDS | own | options)


def asked(folder: Path, thoughts: dict[str, Thought] = COT, number: int = 2, **options: Any) -> Any:
    with new_command():
        asks = teacher(folder, **options)
        return list(asks.paths(problems(number), thoughts, folder / "ledger", NO_PROGRAMS))


def starts(folder: Path) -> list[int]:
    return [int(line) for line in (folder / "log").read_text().split()]


def test_its_server_starts_where_answers_are_missing_and_ends_with_them(tmp_path: Path) -> None:
    paths = asked(tmp_path, num_paths=2)
    assert {path.text for path in paths} == {"large: Question 0?", "large: Question 1?"}
    assert len(paths) == 4 and len(starts(tmp_path)) == 1
    assert gone(starts(tmp_path)[0])
    assert asked(tmp_path, num_paths=2) == paths
    assert len(starts(tmp_path)) == 1, "the ledger has all"
    assert len(asked(tmp_path, number=3, num_paths=2)) == 6
    assert len(starts(tmp_path)) == 2


def test_several_texts_of_a_thought_are_one_start(tmp_path: Path) -> None:
    paths = asked(tmp_path, {"kpdd": plugin("thought", "kpdd", teacher="writes")}, num_shots=1)
    written = [[s.author for s in path.segments].count("writer") for path in paths]
    assert written == [3, 3] and len(starts(tmp_path)) == 1


def test_a_server_that_does_not_come_up_buys_nothing_and_says_why(tmp_path: Path) -> None:
    script = "print('no such model'); raise SystemExit(3)"
    with pytest.raises(ServerFailed, match=r"(?s)ended with code 3 .*no such model"):
        asked(tmp_path, script=script)
    assert len(asked(tmp_path)) == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"base_url": "http://127.0.0.1:8000/v1"}, "base_url stays null"),
        ({"mode": "batch"}, "mode stays online"),
        ({"command": "vllm serve {model}"}, "lacks {port}"),
        ({"identity": ""}, "at least 1 character"),
    ],
)
def test_what_it_cannot_do_is_refused(options: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=said):
        teacher(tmp_path, **options)


def test_how_it_is_served_is_in_no_key(tmp_path: Path) -> None:
    one, other = teacher(tmp_path), teacher(tmp_path, command="vllm serve {model} --port {port}")
    assert one.model_dump() == other.model_dump()
    assert one.endpoint == "served" and isinstance(one, StartsServer)
    assert one.charges().budget_usd() is None
