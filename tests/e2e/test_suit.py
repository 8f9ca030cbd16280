"""`mdexp suit`: recorded files side by side over the same problems, from overrides or a run."""

import json
from pathlib import Path

import pytest

from mdexp.commands.run import main as run
from mdexp.commands.suit import main
from mdexp.records import Example
from mdexp.store.json_lines import read_jsonl, write_jsonl
from tests.e2e.conftest import SMALL

STAGES = "stages=[prepare,extract,verify,examples]"


@pytest.fixture
def words(problems: Path, tmp_path: Path) -> list[str]:
    """Two recorded files of prose. The second lacks a problem, is wrong about one, has another
    order and one text that is longer than the limit."""
    source = [json.loads(line) for line in (problems / "train.jsonl").read_text().splitlines()]
    rows = [
        {
            "id": p["id"],
            "thought": "cot",
            "model": "m",
            "completion": f"The answer is {p['answer']}.",
        }
        for p in source
    ]
    longer = [row | {"completion": f"We add. {row['completion']}"} for row in reversed(rows)][1:]
    longer[0] |= {"completion": "The answer is 1."}
    longer[1] |= {"completion": "We add. " * 80 + longer[1]["completion"]}
    write_jsonl(tmp_path / "plain.jsonl", rows)
    write_jsonl(tmp_path / "longer.jsonl", longer)
    files = f"teacher.path=[{tmp_path / 'plain.jsonl'},{tmp_path / 'longer.jsonl'}]"
    return [
        *SMALL,
        f"dataset.path={problems}",
        "thought=[cot]",
        "objective=union",
        "teacher=replay",
        files,
    ]


def told(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    """The printed rows; a run in this process has left its log on the same screen."""
    lines = capsys.readouterr().out.splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def test_files_are_compared_over_the_problems_that_both_have(words, tmp_path, capsys):
    assert main([*words, "--json"]) == 0
    plain, longer = told(capsys)
    assert [Path(row["source"]).name for row in (plain, longer)] == ["plain.jsonl", "longer.jsonl"]
    assert plain["num_problems"] == longer["num_problems"] == plain["found"]["num_texts"]
    # Each problem's text is eight bytes longer in the second file, in whatever order.
    assert longer["found"]["tokens"]["value"] - plain["found"]["tokens"]["value"] == 8
    assert longer["left_out"]["too_long"] == longer["left_out"]["wrong_answer"] == 1
    assert plain["left_out"] == {}
    low, high = longer["found"]["rsr_difference"]["ci95"]
    assert low <= longer["found"]["rsr_difference"]["value"] <= high
    assert not (tmp_path / "outputs").exists()


def test_a_limit_takes_the_same_problems_of_each(words, capsys):
    assert main([*words, "--json", "--problems", "4"]) == 0
    rows = told(capsys)
    assert [row["found"]["num_texts"] for row in rows] == [4, 4]
    assert rows[1]["found"]["tokens"]["value"] - rows[0]["found"]["tokens"]["value"] == 8
    assert main([*words, "--problems", "4"]) == 0
    shown = capsys.readouterr().out
    assert f"4 training problems of {rows[0]['num_shared']}, chosen by a hash" in shown
    assert "wrong_answer 1, too_long 1" in shown


def test_a_run_folder_brings_its_settings(words, tmp_path, capsys):
    assert run([*words, STAGES, "hydra.run.dir=run"]) == 0
    before = (tmp_path / "run" / "run.json").read_bytes()
    capsys.readouterr()
    assert main(["run", "--json"]) == 0
    of_run = told(capsys)
    assert main([*words, "--json"]) == 0
    assert of_run == told(capsys)
    assert (tmp_path / "run" / "run.json").read_bytes() == before


def test_what_is_counted_is_what_training_scores(words, tmp_path, capsys):
    one = [*words[:-1], f"teacher.path={tmp_path / 'plain.jsonl'}"]
    assert run([*one, STAGES, "hydra.run.dir=run"]) == 0
    examples = read_jsonl(tmp_path / "run" / "examples.jsonl", Example)
    capsys.readouterr()
    assert main([*one, "--json"]) == 0
    [row] = told(capsys)
    assert row["found"]["num_texts"] == len(examples)
    mean = sum(example.num_scored for example in examples) / len(examples)
    assert row["found"]["tokens"]["value"] == pytest.approx(mean)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["teacher.path=[plain.jsonl,gone.jsonl]"], "'gone.jsonl', which is no file"),
        (["lamda=1"], "unknown key"),
        (["teacher.path=[plain.jsonl,strangers.jsonl]"], "none of 1 rows is of a problem"),
        (
            ["teacher.path=[plain.jsonl,first.jsonl,last.jsonl]"],
            "no problem has a text in every row",
        ),
    ],
)
def test_a_wrong_line_is_refused(words, more, message, tmp_path, capsys):
    rows = [json.loads(line) for line in (tmp_path / "plain.jsonl").read_text().splitlines()]
    write_jsonl(tmp_path / "strangers.jsonl", [rows[0] | {"id": "nobody"}])
    kept = rows[::2], rows[1::2]
    for name, half in zip(("first", "last"), kept, strict=True):
        write_jsonl(tmp_path / f"{name}.jsonl", half)
    assert main([*words, *more]) == 2
    assert message in capsys.readouterr().err


def test_a_folder_that_is_no_run_is_refused(tmp_path, capsys):
    assert main([str(tmp_path)]) == 2
    assert "give the folder of a run" in capsys.readouterr().err
