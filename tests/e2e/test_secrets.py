"""The key goes to the server and nowhere else: everything that a run leaves behind is searched."""

import json
import logging
from pathlib import Path

import pytest

from tests.loopback import LoopbackServer, Reply

KEY = "sk-planted-7f3a91c2d4"
URL_SECRET = "hunter2-planted"


def left_behind(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and not file.is_symlink()
    }


@pytest.mark.parametrize("fault", [None, "401 with key", "200 with key"])
def test_the_key_is_in_nothing_that_a_run_leaves(
    command, tmp_path, monkeypatch, caplog, capfd, fault
):
    monkeypatch.setenv("TEACHER_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    with LoopbackServer() as server:
        server.misbehave(fault)
        code = command(
            "teacher=openai",
            "teacher.model=large",
            f"teacher.base_url={server.url}",
            "teacher.api_key_env=TEACHER_KEY",
            "teacher.concurrency=1",
            "thought=[cot]",
            "objective=union",
            "stages=[prepare,extract]",
            "logger.mode=offline",
        )
        sent = server.headers[0]["authorization"]
    assert sent == f"Bearer {KEY}"
    assert code == (1 if fault == "401 with key" else 0)
    files = left_behind(tmp_path)
    kinds = {Path(name).suffix for name in files}
    assert {".sqlite", ".wandb", ".json", ".yaml", ".log"} <= kinds, "all that should be searched"
    assert [name for name, content in files.items() if KEY.encode() in content] == []
    printed = capfd.readouterr()
    assert KEY not in caplog.text + printed.out + printed.err
    if fault:
        assert any(b"[key]" in content for content in files.values()), "the server did repeat it"


def test_what_a_server_says_cannot_take_over_the_terminal(command, tmp_path, capfd):
    said = json.dumps({"error": {"message": "no \x1b]0;evil\x07 \x1b[2J", "code": "bad"}})
    with LoopbackServer() as server:
        server.script = lambda _: Reply(401, said)
        code = command(
            "teacher=openai",
            "teacher.model=large",
            f"teacher.base_url={server.url}",
            "thought=[cot]",
            "objective=union",
            "stages=[prepare,extract]",
            "logger.mode=disabled",
        )
    assert code == 1
    printed = "".join(capfd.readouterr())
    assert "\\x1b]0;evil\\x07" in printed
    assert "\x1b]" not in printed
    assert "\x1b[2J" not in printed


@pytest.mark.parametrize("where", ["key", "environment"])
def test_a_url_with_credentials_is_refused_and_written_nowhere(
    command, tmp_path, monkeypatch, capfd, where
):
    url = f"https://me:{URL_SECRET}@example.com/v1"
    given = [f"teacher.base_url={url}"] if where == "key" else []
    if where == "environment":
        monkeypatch.setenv("OPENAI_BASE_URL", url)
    code = command(
        "teacher=openai",
        "teacher.model=large",
        *given,
        "thought=[cot]",
        "objective=union",
        "stages=[prepare,extract]",
        "logger.mode=offline",
    )
    assert code in (1, 2)
    found = left_behind(tmp_path)
    assert [name for name, content in found.items() if URL_SECRET.encode() in content] == []
    printed = capfd.readouterr()
    assert "a URL with credentials" in printed.err
    assert URL_SECRET not in printed.out + printed.err
