"""What a run's folder is good for afterwards: its student is asked, and given away."""

import io
import json
import shutil
import signal
import sys

import pytest

from mdexp.commands import export as exporting
from mdexp.commands import solve
from mdexp.sandbox.executor import SandboxError
from mdexp.store.files import read_json, write_json
from mdexp.store.hub import HubError
from mdexp.students.prompts import Renderer
from mdexp.students.tiny import byte_tokenizer
from tests.loopback import LoopbackServer

QUESTION = "Ann has 3 pens. How many?"


@pytest.fixture(scope="module")
def run(kept_run):
    return kept_run("decoding.num_paths=2")


@pytest.fixture(scope="module")
def stepwise(kept_run):
    beam = ["decoding.beam.width=2", "decoding.beam.branches=2", "decoding.beam.max_steps=2"]
    return kept_run("decoding=stepwise", *beam, "decoding.max_new_tokens=6")


def asked(capsys, *arguments):
    capsys.readouterr()
    assert solve.main([*map(str, arguments)]) == 0
    return capsys.readouterr().out


def piped(content):
    return io.TextIOWrapper(io.BytesIO(content))


def told_again(run, folder, change):
    """A copy of a run whose manifest is another."""
    shutil.copytree(run, folder)
    manifest = read_json(folder / "run.json")
    change(manifest)
    write_json(folder / "run.json", manifest)
    return folder


def test_a_question_is_answered_by_every_path_and_a_vote(run, capsys):
    told = json.loads(asked(capsys, run, QUESTION, "--json"))
    paths = [(path["thought"], path["sample"], path["heard"]) for path in told["paths"]]
    assert paths == [(thought, k, k > 0) for thought in ("cot", "pot") for k in range(3)]
    assert told.keys() >= {"question", "answer", "votes", "why"}
    shown = asked(capsys, run, QUESTION)
    tokens = {(p["thought"], p["sample"]): p["num_tokens"] for p in told["paths"]}
    assert f"--- cot, greedy, {tokens['cot', 0]} tokens (does not vote) ---" in shown
    assert f"--- pot, sample 2, {tokens['pot', 2]} tokens ---" in shown
    assert "why: " in shown


def test_questions_come_from_standard_input(run, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", piped(b"\xef\xbb\xbfOne?\r\n\r\nTwo?\r\n"))
    lines = asked(capsys, run, "--json").splitlines()
    assert [json.loads(line)["question"] for line in lines] == ["One?", "Two?"]


def test_a_question_that_is_not_utf8_is_named_after_the_answers_before_it(run, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", piped(b"One?\ncaf\xe9?\nTwo?\n"))
    assert solve.main([str(run), "--json"]) == 2
    printed = capsys.readouterr()
    asked = [json.loads(line)["question"] for line in printed.out.splitlines() if line[:1] == "{"]
    assert asked == ["One?"]
    assert "error: standard input:2: not UTF-8: " in printed.err


@pytest.mark.parametrize("blank", ["", " \n"])
def test_a_blank_question_is_refused(blank, run, capsys):
    with pytest.raises(SystemExit) as stop:
        solve.main([str(run), blank])
    assert stop.value.code == 2
    assert "the question is blank" in capsys.readouterr().err


def test_beams_are_grown_by_the_weights_that_the_run_chose(stepwise, tmp_path, capsys):
    chosen = [0.0, 0.0, 3.0]

    def choose(manifest):
        [after] = [stage for stage in manifest["stages"] if stage["name"] == "after"]
        assert after["counts"]["cot"]["weights"] != chosen
        after["counts"]["cot"]["weights"] = chosen

    copy = told_again(stepwise, tmp_path / "chosen", choose)
    told = json.loads(asked(capsys, copy, QUESTION, "--json"))
    assert [(path["thought"], path["sample"]) for path in told["paths"]] == [("cot", 0), ("pot", 0)]
    steps = told["paths"][0]["trace"]["steps"]
    assert steps
    for step in steps:
        expected = step["parts"]["logprob"] + 3.0 * step["parts"]["used"]
        assert step["score"] == pytest.approx(expected, abs=2e-4)
    shown = asked(capsys, copy, QUESTION)
    assert "--- cot, beam 1, " in shown
    assert f"\n  step 1: {steps[0]['status']}, score {steps[0]['score']}\n" in shown


def test_a_server_that_fails_once_costs_one_question(kept_run, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", piped(b"One?\nTwo?\n"))
    renderer = Renderer(byte_tokenizer(), "causal", "plain")
    with LoopbackServer(answer=lambda ids, number: renderer.text(ids[:3])) as server:
        server.logprobs = None  # so that it cannot be told from the trained student
        served = [f"decoding.base_url={server.url}", "decoding.served=own"]
        run = kept_run("decoding=openai", *served, "decoding.max_new_tokens=6")
        server.misbehave("404")
        assert solve.main([str(run), "--json"]) == 1
    printed = capsys.readouterr()
    assert [json.loads(line)["question"] for line in printed.out.splitlines()[-1:]] == ["Two?"]
    assert '"question": "One?"' not in printed.out
    assert f"error: decoding.base_url={server.url}, model own: NotFoundError" in printed.err
    assert "Traceback" not in printed.err


def test_a_broken_sandbox_is_an_exit_code(run, capsys, monkeypatch):
    def broken(**options):
        raise SandboxError("no interpreter \x1b[2J")

    monkeypatch.setattr(solve, "Sandbox", broken)
    assert solve.main([str(run), QUESTION]) == 1
    assert capsys.readouterr().err.endswith("error: no interpreter \\x1b[2J\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_an_exit_code(number, run, monkeypatch):
    monkeypatch.setattr(solve.Solver, "solve", lambda self, question: signal.raise_signal(number))
    assert solve.main([str(run), QUESTION]) == 128 + number


def test_nothing_is_uploaded_unless_a_name_is_given(run, tmp_path, capsys, monkeypatch):
    uploads = []
    monkeypatch.setattr(exporting, "upload", lambda *given: uploads.append(given) or "there")
    assert exporting.main([str(run), str(tmp_path / "a")]) == 0
    assert uploads == []
    assert exporting.main([str(run), str(tmp_path / "b"), "--push", "me/student"]) == 0
    assert uploads == [(tmp_path / "b", "me/student", "model")]
    assert capsys.readouterr().out.endswith(f"{tmp_path / 'b'}\nthere\n")


def test_an_upload_that_fails_leaves_the_folder_and_another_exit_code(
    run, tmp_path, capsys, monkeypatch
):
    def failing(folder, name, kind):
        raise HubError("not uploaded")

    monkeypatch.setattr(exporting, "upload", failing)
    assert exporting.main([str(run), str(tmp_path / "a"), "--push", "me/student"]) == 1
    assert capsys.readouterr().err.endswith("error: not uploaded\n")
    assert (tmp_path / "a" / "README.md").is_file()


@pytest.mark.parametrize(
    "command_of", [lambda f: solve.main([f, "?"]), lambda f: exporting.main([f, f + "/x"])]
)
def test_a_folder_that_is_no_run_is_refused(command_of, tmp_path, capsys):
    assert command_of(str(tmp_path)) == 2
    assert "no readable run.json" in capsys.readouterr().err


def test_a_student_that_is_gone_from_the_store_is_named(run, tmp_path, capsys):
    elsewhere = str(tmp_path / "elsewhere")
    copy = told_again(run, tmp_path / "copy", lambda m: m["settings"].update(store=elsewhere))
    assert solve.main([str(copy), "?"]) == 2
    assert "stage train is no longer in the store" in capsys.readouterr().err
