"""Recorded texts of thoughts that are written in several: put together, exported, imported."""

import json
from collections.abc import Mapping
from functools import partial
from typing import ClassVar

import pytest

from mdexp.commands.ledger import main
from mdexp.ports import Thought
from mdexp.records import ProgramResult
from mdexp.teacher.replay import ReplayTeacher
from mdexp.thoughts.tir import ToolIntegrated
from tests.buyer import NO_PROGRAMS, problems
from tests.buyer import buy as buy_of
from tests.contract.conftest import plugin
from tests.loopback import LoopbackServer
from tests.talking import Talking

buy = partial(buy_of, identity="one-server")  # whatever port it gets

KPDD = {"kpdd": plugin("thought", "kpdd", teacher="writes")}


def row(text, part=None, sample=None, name="p0", **more):
    given = {"part": part, "sample": sample} | more
    kept = {key: value for key, value in given.items() if value is not None}
    return {"id": name, "thought": "kpdd", "completion": text, "model": "m", **kept}


@pytest.fixture
def play(tmp_path):
    def play(*rows, num_paths=2, number=1, thoughts=KPDD):
        file = tmp_path / "recorded.jsonl"
        file.write_text("".join(json.dumps(r) + "\n" for r in rows))
        teacher = ReplayTeacher(path=str(file), num_paths=num_paths)
        asked = problems(number)
        paths = list(teacher.paths(asked, thoughts, tmp_path / "none", NO_PROGRAMS))
        return [texts(path) for path in paths], teacher.left_out(asked, thoughts)

    return play


def texts(path):
    return [segment.text for segment in path.segments if segment.author == "writer"]


def test_parts_of_a_sample_are_put_together_in_whatever_order_they_stand(play):
    rows = [row(f"{part}.{k}", part, k) for part in (2, 0, 1) for k in (1, 0)]
    assert play(*rows) == ([["0.1", "1.1", "2.1"], ["0.0", "1.0", "2.0"]], {})
    played, left_out = play(*rows, num_paths=1)
    assert (played, left_out) == ([["0.1", "1.1", "2.1"]], {"beyond num_paths": 3})


def test_rows_without_a_sample_stand_in_order(play):
    rows = [row(f"{k}{part}", part or None) for k in "ab" for part in range(3)]
    assert play(*rows) == ([["a0", "a1", "a2"], ["b0", "b1", "b2"]], {})


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([row("a"), row("b", 2)], r"jsonl:2: part: got 2 behind part 0 of this problem"),
        ([row("a", 1)], r"jsonl:1: part: got 1 behind none of this problem and thought"),
        ([row("a", "one")], r"jsonl:1: part: got 'one', expected a whole number from 0"),
        ([row("a", 0, -1)], r"jsonl:1: sample: got -1, expected a whole number from 0"),
    ],
)
def test_rows_that_do_not_fit_are_refused_by_file_and_line(play, rows, message):
    with pytest.raises(ValueError, match=message):
        play(*rows)


def test_a_transcript_that_lacks_a_text_is_no_path(play, caplog):
    caplog.set_level("INFO")
    whole = [row(f"{part}", part, 0) for part in range(3)]
    assert play(*whole, row("x", 0, 1), row("y", 1, 1))[0] == [["0", "1", "2"]]
    assert "transcripts that lack a text 1" in caplog.text
    rows = [*whole, row("x", 0, 1), row("z", 2, 1), row("w", 1, 2), row("again", 1, 0)]
    assert play(*rows)[1] == {
        "recorded twice": 1,
        "first text not recorded": 1,
        "an earlier text not recorded": 1,
    }


def test_one_text_is_played_as_ever_and_a_later_part_of_it_is_counted(play):
    derived = {"kpdd": plugin("thought", "kpdd")}
    rows = [row("ans = 1", sample=7), row("more", 1, 7)]
    assert play(*rows, thoughts=derived)[1] == {"later part of a thought of one text": 1}


class Written(ToolIntegrated):
    made_from: ClassVar[Mapping[str, Thought]] = {}


class Summing:
    """An executor whose programs give 7."""

    def run(self, programs):
        return [ProgramResult(status="ok", answer=7) for _ in programs]


def test_a_file_may_hold_a_text_that_goes_on_behind_an_output(tmp_path):
    """No chat teacher writes it, but others did."""
    rows = [row("I sum.\n```python\nprint(3 + 4)\n```"), row("The answer is 7.", 1)]
    file = tmp_path / "recorded.jsonl"
    file.write_text("".join(json.dumps(r) + "\n" for r in rows))
    thoughts = {"kpdd": Written.model_construct(**dict(plugin("thought", "tir")))}
    teacher = ReplayTeacher(path=str(file), num_paths=1)
    [path] = teacher.paths(problems(1), thoughts, tmp_path / "none", Summing())
    assert path.text.endswith("```\n```output\n7\n```\nThe answer is 7.")
    assert [segment.turn for segment in path.segments if segment.author == "writer"] == [
        "assistant",
        None,
    ]


@pytest.fixture
def bought(tmp_path):
    """A store with two transcripts of each of two problems, at two temperatures: what was paid."""
    with LoopbackServer() as server:
        Talking(server, lambda q, part, n: ["Core.", f"Hint {n}.", f"ans = {n}"][part])
        options = {"thoughts": KPDD, "num_paths": 2}
        folder = tmp_path / "store" / "ledger"
        buy(server.url, folder, problems(2), temperature=0.1, **options)
        return buy(server.url, folder, problems(2), **options)


def test_an_export_is_played_and_taken_in(tmp_path, bought, capsys):
    file = tmp_path / "answers.jsonl"
    assert main(["--store", str(tmp_path / "store"), "export", str(file)]) == 0
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert sorted(r["part"] for r in rows) == [0] * 8 + [1] * 8 + [2] * 8
    played = ReplayTeacher(path=str(file), num_paths=4)
    paths = list(played.paths(problems(2), KPDD, tmp_path, NO_PROGRAMS))
    assert len(paths) == 8 and not played.left_out(problems(2), KPDD)
    assert [texts(p) for p in paths if p.sample >= 2] == [texts(p) for p in bought]

    assert main(["--store", str(tmp_path / "other"), "import", str(file)]) == 0
    assert "24 answers imported, 0 were there" in capsys.readouterr().out
    with LoopbackServer() as server:
        folder = tmp_path / "other" / "ledger"
        again = buy(server.url, folder, problems(2), thoughts=KPDD, num_paths=2)
        assert server.num_calls == 0
    assert [texts(path) for path in again] == [texts(path) for path in bought]
    second = tmp_path / "again.jsonl"
    assert main(["--store", str(tmp_path / "other"), "export", str(second)]) == 0
    parts = [json.loads(line)["part"] for line in second.read_text().splitlines()]
    assert sorted(parts) == [0] * 8 + [1] * 8 + [2] * 8
