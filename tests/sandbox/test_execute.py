"""`python -m mdexp.execute`: a line in, a line out, and no word too many when it ends."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mdexp.commands.request_lines import MAX_LINE_BYTES

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "mdexp.execute", "sandbox=monty", "sandbox.workers=1"]
FIELDS = ["id", "status", "answer", "error", "stdout", "seconds", "tier"]
WARNING = "warning: CPython is off (sandbox=monty), so what Monty cannot run is `unsupported`\n"
ALLOWED = "id and either program or equations are needed, found"


def execute(given: str | bytes, *arguments: str) -> tuple[int, list[dict[str, Any]], str]:
    """Exit code, rows of output and standard error."""
    text = given.encode() if isinstance(given, str) else given
    done = subprocess.run(
        [*COMMAND, *arguments], input=text, capture_output=True, cwd=ROOT, check=False
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, rows, done.stderr.decode()


def asking(**texts: str) -> str:
    return "".join(json.dumps({"id": id, "program": text}) + "\n" for id, text in texts.items())


def started() -> subprocess.Popen[str]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(COMMAND, cwd=ROOT, text=True, **pipes)


def test_every_program_has_its_line_in_order() -> None:
    given = asking(a="ans = 6 * 7", b="while True: pass", c="print('x')\nans = 0.5", d="ans = 1 +")
    code, rows, error = execute(given, "sandbox.timeout_s=0.2")
    assert code == 0
    assert error == WARNING
    assert [list(row) for row in rows] == [FIELDS] * 4
    assert [(row["id"], row["answer"]) for row in rows] == [
        ("a", 42),
        ("b", None),
        ("c", 0.5),
        ("d", None),
    ]
    assert rows[0]["status"] == "ok"
    assert rows[2]["stdout"] == "x\n"
    assert all(0 <= row["seconds"] < 60 and row["tier"] == "monty" for row in rows)


def test_programs_and_equations_may_be_mixed() -> None:
    lines = [
        {"id": 1, "equations": "2x + 1 = 7\nans = x"},
        {"id": 2, "program": "ans = 4"},
        {"id": 3, "equations": "y = 10 / 4\nans = y"},
    ]
    code, rows, _ = execute("\n".join(map(json.dumps, lines)))  # and no newline at the end
    assert code == 0
    assert [(row["id"], row["answer"]) for row in rows] == [(1, 3), (2, 4), (3, 2.5)]


def test_a_file_is_read_like_standard_input(tmp_path: Path) -> None:
    file = tmp_path / "programs.jsonl"
    file.write_text(asking(a="ans = 1") * 3000)
    code, rows, _ = execute("", str(file))
    assert code == 0
    assert [row["answer"] for row in rows] == [1] * 3000


def test_a_line_is_answered_before_the_next_one_is_given() -> None:
    with started() as process:
        assert process.stdin and process.stdout
        for number in range(3):
            process.stdin.write(json.dumps({"id": number, "program": "ans = 1"}) + "\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == number
        process.stdin.close()
        assert process.wait() == 0


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("nonsense", "not JSON: Expecting value, at character 1: nonsense"),
        ("[1]", "got [1], expected a JSON object"),
        ('{"id": 1}', f'{ALLOWED} {{"id": 1}}'),
        (
            '{"id": 1, "program": "", "equations": ""}',
            f'{ALLOWED} {{"id": 1, "program": "", "equations": ""}}',
        ),
        ('{"program": "x"}', "id must be text or a whole number, found null"),
        ('{"id": true, "program": "x"}', "id must be text or a whole number, found true"),
        ('{"id": NaN, "program": "x"}', "not JSON: got NaN"),
        ('{"id": 1, "program": 3}', "program must be text, found 3"),
        ('{"id": 1, "equations": ["x"]}', 'equations must be text, found ["x"]'),
        ("[" * 100_000, "not JSON: nested too deeply"),
        (b"\xff", "not UTF-8: invalid start byte, byte 0xff at 0"),
        ("x" * (MAX_LINE_BYTES + 5), f"a line may have {MAX_LINE_BYTES} bytes, this one has more"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_bad_line_is_named_after_the_results_before_it(line: str | bytes, fault: str) -> None:
    line = line.encode() if isinstance(line, str) else line
    given = asking(a="ans = 1", b="ans = 2").encode() + b"\n" + line + b"\n" + asking(c="").encode()
    code, rows, error = execute(given)
    assert code == 2
    assert [row["answer"] for row in rows] == [1, 2]
    assert error.startswith(f"{WARNING}error: standard input:4: {fault}")
    assert error.count("\n") == 2


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ("sandbox.timeout=5", "sandbox.timeout: unknown key; did you mean sandbox.timeout_s?"),
        ("sandbox=mont", "did you mean sandbox=monty?"),
        ("sandbox.workers=-1", "sandbox.workers: input should be greater than or equal to 0"),
        ("sandbox.workers=1,2", "sandbox.workers=1,2: give one value"),
        ("lambda=0.3", "lambda=0.3: only sandbox=... and sandbox.KEY=... are read here"),
        ("lamda=0.3", "lamda: unknown key; did you mean lambda?"),
        ("no/such/file", "no/such/file: No such file or directory"),
        ("monty", "did you mean sandbox=monty?"),
        ("one two", "one FILE is read, got one and two"),
        ("--fast", "unrecognized arguments: --fast"),
    ],
)
def test_a_wrong_command_is_refused_before_anything_is_read(arguments: str, fault: str) -> None:
    code, rows, error = execute("nonsense", *arguments.split())
    assert code == 2
    assert not rows
    assert fault in error
    assert "input:1" not in error and "Traceback" not in error


def test_help_says_what_can_be_set() -> None:
    done = subprocess.run(
        [*COMMAND, "--help"], capture_output=True, cwd=ROOT, text=True, check=True
    )
    for word in ("FILE", "sandbox=", "monty", "sandbox.timeout_s", '"program"', "equations"):
        assert word in done.stdout


def test_a_reader_that_has_enough_is_no_error() -> None:
    reader, writer = os.pipe()
    with subprocess.Popen(
        COMMAND, cwd=ROOT, stdin=subprocess.PIPE, stdout=writer, stderr=subprocess.PIPE
    ) as process:
        os.close(writer)
        os.close(reader)
        assert process.communicate(asking(a="ans = 1").encode())[1].decode() == WARNING
    assert process.returncode == 128 + signal.SIGPIPE


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_without_a_word(number: signal.Signals) -> None:
    with started() as process:
        assert process.stdin and process.stdout and process.stderr
        process.stdin.write(asking(a="ans = 1"))
        process.stdin.flush()
        process.stdout.readline()  # from here on it waits for the next line
        process.send_signal(number)
        assert process.wait(20) == 128 + number
        assert process.stderr.read() == WARNING


def test_a_broken_sandbox_is_an_error_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONTY_BIN", "/no/such/interpreter")
    code, rows, error = execute(asking(a="ans = 1"))
    assert (code, rows) == (1, [])
    assert "error: no Monty worker can be started: " in error
    assert "No such file" in error
