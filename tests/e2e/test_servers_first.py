"""Servers are asked for their models before anything is bought or trained."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mdexp.students.served_models import ServerUnreachable, listing
from tests.e2e.conftest import states
from tests.loopback import LoopbackServer

Command = Callable[..., int]
NOBODY = "http://127.0.0.1:9/v1"


def teacher(server: LoopbackServer) -> list[str]:
    model = ["teacher=openai", "teacher.model=large", f"teacher.base_url={server.url}"]
    return [*model, "teacher.num_paths=1", "teacher.num_shots=1"]


def student(url: str) -> list[str]:
    return ["decoding=openai", f"decoding.base_url={url}", "decoding.served=student"]


def row(said: str, name: str) -> str:
    [line] = [line for line in said.splitlines() if line.strip().startswith(f"{name}  ")]
    return line.split(name)[1].strip()


def test_a_student_server_that_is_down_costs_no_call(
    command: Command, capfd: pytest.CaptureFixture[str]
) -> None:
    with LoopbackServer() as server:
        server.models = ["large"]
        assert command(*teacher(server), *student(NOBODY), "hydra.run.dir=run") == 2
        assert server.num_calls == 0
    out, err = capfd.readouterr()
    assert f"decoding.base_url: {NOBODY} does not answer" in err and "start the server" in err
    assert set(states(Path("run"))) <= {"prepare", "convert"}
    assert row(out, "student's server").startswith(f"refused: decoding.base_url: {NOBODY}")
    assert row(out, "teacher's server") == f"{server.url} lists large"
    assert row(out, "tokenizer") == "ok", "what was checked is shown, too"


def test_what_the_store_has_needs_no_server(
    command: Command, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["stages=[prepare,extract,verify,examples,train,after,score]", "trainer.max_steps=1"]
    with LoopbackServer(answer=lambda prompt, number: " The answer is 9.\n") as server:
        server.models, server.logprobs = ["student-7"], None
        served = student(server.url)
        assert command(*words, *served, "hydra.run.dir=first") == 0
    listed = f"{server.url} does not list decoding.served=student; it lists student-7"
    assert row(capfd.readouterr().out, "student's server") == listed
    assert command(*words, *served, "hydra.run.dir=again") == 0, "its server has been stopped"
    assert set(states(Path("again")).values()) == {"skipped"}
    assert "does not answer" in row(capfd.readouterr().out, "student's server")


def test_a_server_that_is_down_is_missed_before_a_training_of_other_settings(
    command: Command, capfd: pytest.CaptureFixture[str]
) -> None:
    """The teacher's paths are in the store, as for the second λ of a sweep, the training is not."""
    made = "stages=[prepare,extract,verify,examples]"
    assert command(made, "hydra.run.dir=extracted") == 0
    assert command(*student(NOBODY), "lambda=0.25", "hydra.run.dir=run") == 2
    assert "does not answer (ConnectError); start the server" in capfd.readouterr().err
    assert "train" not in states(Path("run")) and states(Path("run"))["extract"] == "skipped"


def test_answers_of_the_ledger_need_no_key(
    command: Command, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["stages=[prepare,extract,verify,examples]", "verify.mode=none", "thought=[cot]"]
    words += ["objective=union", "teacher.identity=colleague"]
    with LoopbackServer() as server:
        bought = [*words, *teacher(server)]
        assert command(*bought, "hydra.run.dir=first") == 0
    capfd.readouterr()
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    hosted = [*bought, "teacher.base_url=https://api.example.com/v1"]
    assert command(*hosted, "dataset.overlap=off", "hydra.run.dir=again") == 0
    assert "OPENAI_API_KEY" in row(capfd.readouterr().out, "teacher's server")


def test_a_key_in_an_error_of_the_client_is_not_shown() -> None:
    key = "sk-secret\nkey"
    with pytest.raises(ServerUnreachable) as caught:
        listing("teacher.model", "large", NOBODY, key)
    assert "secret" not in str(caught.value) and caught.value.__cause__ is None


def test_a_teacher_that_is_down_may_own_what_is_asked(
    command: Command, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["stages=[prepare,extract,verify,examples]", "verify.mode=none"]
    words += ["thought=[cot]", "objective=union"]
    with LoopbackServer() as server:
        bought = [*words, *teacher(server)]
        assert command(*bought, "hydra.run.dir=first") == 0
        calls = server.num_calls
    assert "gives no list of models" in row(capfd.readouterr().out, "teacher's server")
    assert command(*bought, "hydra.run.dir=again") == 0
    assert "teacher's server" not in capfd.readouterr().out, "nothing is asked for"
    # A key that changes no prompt: the store has nothing, the ledger has all.
    assert command(*bought, "dataset.overlap=off", "hydra.run.dir=third") == 0
    assert calls == server.num_calls and states(Path("third"))["extract"] == "run"
    assert "does not answer" in row(capfd.readouterr().out, "teacher's server")
