"""A server that starts itself: waited for, checked, asked, and gone with its run."""

import os
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mdexp.config.settings import SettingsError
from mdexp.decoding import server as asking
from mdexp.decoding.request import DecodingLimits, DecodingRequest
from mdexp.decoding.served import ServedDecoding
from mdexp.decoding.straight import StraightDecoding
from mdexp.decoding.student_writer import StudentWriter
from mdexp.ports import StartsServer
from mdexp.records import Problem
from mdexp.students.prompts import Renderer
from mdexp.students.server_process import ServerFailed, judge_program, running_server
from mdexp.students.tiny import byte_tokenizer
from mdexp.thoughts.cot import ChainOfThought
from tests.loopback import LoopbackServer
from tests.tiny_run import SEED, tiny

SERVER = Path(__file__).parents[1] / "student_server.py"
COT = ChainOfThought(instruction="", cue="Think.")
PROBLEMS = [
    Problem(id=f"p{n}", dataset="toy", split="test", question=f"How many are {n}?", answer=n)
    for n in range(3)
]
# Says that it serves a model; runs a process beside it, as engines do.
STUB = """
import http.server, json, pathlib, subprocess, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        payload = json.dumps({"data": [{"id": "stub"}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)
beside = subprocess.Popen(["sleep", "600"])
pathlib.Path(sys.argv[1]).write_text(f"{beside.pid}")
http.server.HTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
"""


@pytest.fixture
def stub(tmp_path: Path) -> Callable[[str], str]:
    """The command of a server that a script is."""

    def command(script: str) -> str:
        (tmp_path / "stub.py").write_text(script)
        return f"{shlex.quote(sys.executable)} {tmp_path / 'stub.py'} {{model}} {{port}}"

    return command


def is_gone(pid: int) -> bool:
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True


def gone(pid: int) -> bool:
    until = time.monotonic() + 30
    while time.monotonic() < until and not is_gone(pid):
        time.sleep(0.05)
    return is_gone(pid)


def test_a_server_is_there_within_the_block_and_gone_behind_it(
    stub: Callable[[str], str], tmp_path: Path
) -> None:
    with running_server(stub(STUB), tmp_path / "pid", tmp_path / "log", 60) as server:
        assert server.model == "stub"
        assert urllib.request.urlopen(f"{server.url}/models").status == 200
        beside = int((tmp_path / "pid").read_text())
        assert not is_gone(beside)
    assert gone(beside)
    with pytest.raises(OSError):
        urllib.request.urlopen(f"{server.url}/models")


def test_no_server_outlives_a_run_that_is_killed(
    stub: Callable[[str], str], tmp_path: Path
) -> None:
    script = f"""
import time
from pathlib import Path
from mdexp.students.server_process import running_server
with running_server({stub(STUB)!r}, Path({str(tmp_path / "pid")!r}), Path("log"), 60):
    print("ready", flush=True)
    time.sleep(600)
"""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment, cwd=tmp_path
    ) as run:
        assert run.stdout and run.stdout.readline() == b"ready\n"
        beside = int((tmp_path / "pid").read_text())
        assert not is_gone(beside)
        run.send_signal(signal.SIGKILL)
    assert gone(beside)


@pytest.mark.parametrize(
    ("script", "wait_s", "said"),
    [
        ("print('no such model'); raise SystemExit(3)", 60, r"ended with code 3 .*no such model"),
        ("import time; time.sleep(60)", 1, "not ready after 1 s"),
    ],
    ids=["ends", "is silent"],
)
def test_a_server_that_does_not_come_up_says_why(
    script: str, wait_s: float, said: str, stub: Callable[[str], str], tmp_path: Path
) -> None:
    with (
        pytest.raises(ServerFailed, match=f"(?s){said}"),
        running_server(stub(script), tmp_path, tmp_path / "log", wait_s),
    ):
        pass


@pytest.mark.parametrize(
    ("command", "said"), [("true {model}", "lacks {port}"), ("true '{model} {port}", "quotation")]
)
def test_a_command_that_names_no_place_is_refused(command: str, said: str) -> None:
    why_not = decoding(ServedDecoding, command=command).why_not({}, "causal")
    assert why_not.startswith("command=") and said in why_not


def test_a_program_that_is_not_here_is_missed_before_anything_is_bought() -> None:
    assert isinstance(decoding(ServedDecoding, command="true {model} {port}"), StartsServer)
    assert judge_program("decoding.command", "sh {model} {port}").endswith("/sh")
    with pytest.raises(ValueError, match="there is no program no-such-program here"):
        judge_program("decoding.command", "no-such-program {model} {port}")


def decoding(kind: Any, **options: Any) -> Any:
    numbers = {"num_paths": 0, "temperature": 0.7, "top_p": 1.0, "max_new_tokens": 12}
    rest = {"batch_size": 8, "num_shots": 0, "num_validation": 0}
    where = {"engine": "openai", "base_url": None, "served": None}
    return kind(**where | numbers | rest | options)


def writer(phase: Any) -> StudentWriter:
    model, tokenizer = tiny("causal").load(SEED)
    return StudentWriter(
        model=model, renderer=Renderer(tokenizer, "causal", "plain"), phase=phase, seed=0
    )


def test_the_servers_of_a_student_write_what_it_writes_itself() -> None:
    command = f"{shlex.quote(sys.executable)} {SERVER} {{model}} {{port}}"
    served, local = writer("before"), writer("before")
    decoder = decoding(ServedDecoding, command=command)
    assert decoder.untrained() == decoder and decoder.why_not({}, "causal") is None
    with served.opened.until_end:
        found, _ = decoder.solve(PROBLEMS[:2], {"cot": COT}, served, None, {})
        more, _ = decoder.solve(PROBLEMS[2:], {"cot": COT}, served, None, {})
    wanted, _ = decoding(StraightDecoding, engine="local").solve(
        PROBLEMS, {"cot": COT}, local, None, {}
    )
    assert [(o.text, o.finished, o.num_tokens) for o in [*found, *more]] == [
        (o.text, o.finished, o.num_tokens) for o in wanted
    ]
    assert [o.logprob for o in [*found, *more]] == [
        pytest.approx(o.logprob, abs=1e-4) for o in wanted
    ]
    assert served.work.served and served.work.served.is_same


def test_a_server_of_another_student_is_refused() -> None:
    command = f"{shlex.quote(sys.executable)} {SERVER} {{model}} {{port}} other"
    served = writer("after")
    with served.opened.until_end, pytest.raises(SettingsError, match="another model than"):
        decoding(ServedDecoding, command=command).solve(PROBLEMS, {"cot": COT}, served, None, {})


def test_several_servers_share_the_problems_and_each_sees_all_samples_of_one() -> None:
    renderer = Renderer(byte_tokenizer(), "causal", "plain")
    limits = DecodingLimits(max_new_tokens=4, temperature=0.7, batch_size=64)
    requests = [
        DecodingRequest(
            prompt_ids=renderer.prompt_ids(f"p{number}"),
            problem=f"p{number}",
            stop=lambda text: None,
            sample=sample,
            stream=f"{number}/{sample}",
        )
        for number in range(12)
        for sample in range(3)
    ]
    with (
        LoopbackServer(answer=lambda p, n: "one") as a,
        LoopbackServer(answer=lambda p, n: "two") as b,
    ):
        found = dict(asking.ask_server([a.url, b.url], "student", renderer, requests, limits))
    assert len(found) == len(requests)
    of_servers = [{tuple(body["prompt"]) for body in server.bodies} for server in (a, b)]
    assert not of_servers[0] & of_servers[1] and all(of_servers)
    for request, text in zip(requests, (found[i].text for i in range(36)), strict=True):
        server = asking.server_of(request.problem, 2)
        assert text == ("one", "two")[server]
