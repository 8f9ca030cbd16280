"""`python -m mdexp.ledger`: what was bought, for how much; out of one ledger and into another."""

import json
from functools import partial

import pytest

from mdexp.commands.ledger import main
from mdexp.teacher.ledger import Ledger
from mdexp.teacher.replay import ReplayTeacher
from tests.buyer import COT, NO_PROGRAMS, problems
from tests.buyer import buy as buy_of
from tests.claiming import REQUEST, claims, reply
from tests.loopback import LoopbackServer, Reply

PRICE = {"input": 1.0, "output": 2.0}
NAME = "one-server"  # whatever port it gets
buy = partial(buy_of, identity=NAME)


@pytest.fixture
def store(tmp_path):
    """A store whose ledger holds two answers to each of three problems."""
    with LoopbackServer() as server:
        buy(server.url, tmp_path / "ledger", problems(3), num_paths=2, price=PRICE)
    return tmp_path


def run(store, *arguments):
    return main(["--store", str(store), *arguments])


def test_list_names_each_answer(store, capsys):
    assert run(store, "list") == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[:5] for line in lines] == [
        [f"p{n}", "cot", str(k), "large-0001", "stop"] for n in range(3) for k in range(2)
    ]


def test_spend_adds_up_by_model_and_command(store, capsys):
    with LoopbackServer() as server:
        server.misbehave("500")
        buy(server.url, store / "ledger", problems(4), num_paths=2, price=PRICE)
    assert run(store, "spend") == 0
    out = capsys.readouterr().out
    rows = [line.split() for line in out.splitlines() if NAME in line]
    counts = [[cell for cell in row if cell.isdigit()] for row in rows]
    assert counts == [["6", "3", "0", "0"], ["2", "2", "1", "0"]]
    one_call = 7 * 1 + 3 * 2 * 2  # tokens as the server counts them
    assert f"${4 * one_call / 1e6:.6f}" in out.splitlines()[-1]


def test_what_has_no_price_is_said_and_not_taken_for_nothing(tmp_path, capsys):
    with Ledger(tmp_path / "ledger") as ledger:
        clerk = claims(ledger)
        clerk.answer(clerk.claim(REQUEST, [0], None), reply("a"), None)
    assert run(tmp_path, "spend") == 0
    assert "1 without a price" in capsys.readouterr().out


def test_an_export_is_replayed_and_taken_in_by_another_ledger(store, tmp_path, capsys):
    file, other = tmp_path / "answers.jsonl", tmp_path / "other"
    assert run(store, "export", str(file)) == 0
    assert "6 answers written" in capsys.readouterr().out
    played = list(
        ReplayTeacher(path=str(file), num_paths=2).paths(
            problems(3), {"cot": COT}, None, NO_PROGRAMS
        )
    )
    assert run(other, "import", str(file)) == 0
    assert run(other, "import", str(file)) == 0
    assert capsys.readouterr().out.splitlines() == [
        "6 answers imported, 0 were there",
        "0 answers imported, 6 were there",
    ]
    with LoopbackServer() as server:
        bought = buy(server.url, other / "ledger", problems(3), num_paths=2)
        assert server.num_calls == 0
    assert bought == played
    assert run(other, "export", str(tmp_path / "again.jsonl")) == 0
    assert [_without_command(line) for line in (tmp_path / "again.jsonl").open()] == [
        _without_command(line) for line in file.open()
    ]


def test_thinking_goes_along_in_an_export(tmp_path):
    file, other = tmp_path / "answers.jsonl", tmp_path / "other"
    message = {"content": "It is 1.", "reasoning": "Hm."}
    body = {"choices": [{"message": message, "finish_reason": "stop"}]}
    with LoopbackServer() as server:
        server.script = lambda _: Reply(200, json.dumps(body))
        bought = buy(server.url, tmp_path / "ledger", problems(2))
        assert run(tmp_path, "export", str(file)) == 0
        played = ReplayTeacher(path=str(file), num_paths=1).paths(
            problems(2), {"cot": COT}, None, NO_PROGRAMS
        )
        assert [path.thinking for path in played] == ["Hm.", "Hm."]
        assert run(other, "import", str(file)) == 0
        again = buy(server.url, other / "ledger", problems(2))
        assert server.num_calls == 2
    assert [(p.text, p.thinking) for p in again] == [(p.text, p.thinking) for p in bought]
    assert run(other, "export", str(tmp_path / "again.jsonl")) == 0
    rows = [json.loads(line) for line in (tmp_path / "again.jsonl").open()]
    assert [row["thinking"] for row in rows] == ["Hm.", "Hm."]


def test_what_was_refused_is_no_answer_that_was_bought(tmp_path, capsys):
    body = {"choices": [{"message": {"content": None, "refusal": "No."}}], "model": "m"}
    with LoopbackServer() as server:
        server.script = lambda _: Reply(200, json.dumps(body))
        buy(server.url, tmp_path / "ledger", problems(2))
        assert run(tmp_path, "spend") == 0
        [row] = [line for line in capsys.readouterr().out.splitlines() if NAME in line]
    assert [cell for cell in row.split() if cell.isdigit()] == ["0", "2", "0", "0"]


def test_control_signs_of_a_server_are_spelt_out(tmp_path, capsys):
    body = {
        "choices": [{"message": {"content": "a"}, "finish_reason": "\x1b[2J"}],
        "model": "\x9bA",
    }
    with LoopbackServer() as server:
        server.script = lambda _: Reply(200, json.dumps(body))
        buy(server.url, tmp_path / "ledger", problems(1))
    assert run(tmp_path, "list") == 0
    assert run(tmp_path, "spend") == 0
    out = capsys.readouterr().out
    assert "\\x9bA\t\\x1b[2J" in out
    assert "\x1b" not in out


def _without_command(line):
    return {key: value for key, value in json.loads(line).items() if key != "command"}


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"request": None}, "no row of an export (request: "),
        ({"id": 3}, "no row of an export (id: Input should be a valid string, got 3)"),
        ({"sample": -1}, "no row of an export (sample: Input should be greater than or equal to 0"),
        ({"sample": 10**18}, "no row of an export (sample: Input should be less than or equal to"),
        ({"sample": True}, "no row of an export (sample: Input should be a valid integer"),
        ({"completion": None}, "no row of an export (completion: "),
        ({"completion": "\ud83d"}, "no row of an export ('utf-8' codec can't encode"),
        ({"settled_at": "yesterday"}, "no row of an export (settled_at: "),
        ("{", "not JSON: "),
    ],
    ids=str,
)
def test_a_row_that_does_not_fit_is_named_and_nothing_is_taken_in(store, capsys, row, fault):
    file = store / "answers.jsonl"
    run(store, "export", str(file))
    if isinstance(row, dict):
        row = json.dumps(json.loads(file.read_text().splitlines()[0]) | row)
    file.write_text(file.read_text() + row + "\n")
    assert run(store / "other", "import", str(file)) == 2
    error = capsys.readouterr().err
    assert f"{file}:7: {fault}" in error
    assert len(error.splitlines()) == 1
    with Ledger(store / "other" / "ledger") as ledger:
        assert ledger.states() == {}


def test_a_request_with_text_that_has_no_utf8_is_refused(store, capsys):
    file = store / "answers.jsonl"
    run(store, "export", str(file))
    file.write_text(file.read_text().replace('"content": "', '"content": "\\ud83d', 1))
    assert run(store / "other", "import", str(file)) == 2
    assert f"{file}:1: no row of an export (" in capsys.readouterr().err


def test_an_answer_that_is_there_with_another_text_stays_and_is_counted(store, capsys):
    file = store / "answers.jsonl"
    run(store, "export", str(file))
    first, *rest = file.read_text().splitlines()
    other = json.dumps(json.loads(first) | {"completion": "another text"})
    file.write_bytes(b"\xef\xbb\xbf" + "\r\n".join([other, "", *rest]).encode())
    assert run(store, "import", str(file)) == 0
    captured = capsys.readouterr()
    assert "0 answers imported, 5 were there" in captured.out
    assert "1 exist with another text, which is kept" in captured.err
    run(store, "export", str(file))
    assert "another text" not in file.read_text()


def test_where_there_is_no_ledger_none_is_made(tmp_path, capsys):
    assert run(tmp_path, "spend") == 2
    assert "there is no ledger here yet; --store names another store" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_answers_of_an_old_ledger_are_exported_once_a_run_has_asked_for_them(store, capsys):
    with Ledger(store / "ledger") as ledger:
        ledger.db.execute("DELETE FROM askers")
    assert run(store, "export", str(store / "a.jsonl")) == 0
    captured = capsys.readouterr()
    assert "0 answers written" in captured.out
    assert "6 answers left out" in captured.err
    with LoopbackServer() as server:
        buy(server.url, store / "ledger", problems(3), num_paths=2)
        assert server.num_calls == 0
    run(store, "export", str(store / "a.jsonl"))
    assert "6 answers written" in capsys.readouterr().out
