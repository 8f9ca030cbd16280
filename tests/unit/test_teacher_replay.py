"""Recorded answers: numbering over files, what is not played, and how bad rows are refused."""

import json
import logging
import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from mdexp.records import Problem
from mdexp.teacher.replay import ReplayTeacher
from mdexp.thoughts.cot import ChainOfThought
from mdexp.thoughts.pot import ProgramOfThought
from tests.buyer import NO_PROGRAMS

COT = ChainOfThought(instruction="Reason.", cue="Think.")
POT = ProgramOfThought(instruction="Program.", cue="Compute ans.")
DATA = os.environ.get("MDEXP_DATA")


def problem(name):
    return Problem(id=name, dataset="d", split="train", question=f"{name}?", answer=1)


def row(name, completion, thought="cot", model="palm", **more):
    return {"id": name, "thought": thought, "completion": completion, "model": model, **more}


def write(path, *rows):
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    return str(path)


def play(teacher, problems, thoughts, tmp_path):
    return list(teacher.paths(problems, thoughts, tmp_path / "ledger", NO_PROGRAMS))


def test_samples_are_numbered_over_files_and_yielded_by_problem_and_thought(tmp_path):
    a = write(tmp_path / "a.jsonl", row("p2", "a2"), row("p1", "a1"), row("p1", "x=1", "pot"))
    b = write(tmp_path / "b.jsonl", row("p1", "b1", model="gpt"), row("p1", "b1 again"))
    teacher = ReplayTeacher(path=(a, b), num_paths=2)
    paths = play(teacher, [problem("p1"), problem("p2")], {"cot": COT, "pot": POT}, tmp_path)
    assert [(p.problem_id, p.thought, p.sample, p.text, p.model) for p in paths] == [
        ("p1", "cot", 0, "a1", "palm"),
        ("p1", "cot", 1, "b1", "gpt"),
        ("p1", "pot", 0, "x=1", "palm"),
        ("p2", "cot", 0, "a2", "palm"),
    ]
    assert not (tmp_path / "ledger").exists()


def test_fewer_paths_are_a_prefix_of_more(tmp_path):
    file = write(tmp_path / "a.jsonl", *(row("p", f"text {i}") for i in range(3)))
    texts = [
        [
            p.text
            for p in play(
                ReplayTeacher(path=file, num_paths=k), [problem("p")], {"cot": COT}, tmp_path
            )
        ]
        for k in (1, 2, 3)
    ]
    assert texts[2][:1] == texts[0]
    assert texts[2][:2] == texts[1]
    assert len(texts[2]) == 3


def test_every_row_is_played_or_counted(tmp_path, caplog):
    rows = [
        row("p", "kept"),
        row("p", "one too many"),
        row("tested", "of the test split", split="test"),
        row("p", "x=1", "pot"),
        row("elsewhere", "x=1", "pot"),
    ]
    teacher = ReplayTeacher(path=write(tmp_path / "a.jsonl", *rows), num_paths=1)
    asked = [problem("p")], {"cot": COT}
    with caplog.at_level(logging.INFO):
        paths = play(teacher, *asked, tmp_path)
    left_out = teacher.left_out(*asked)
    assert left_out == {
        "beyond num_paths": 1,
        "problem not asked for": 1,
        "thought not asked for": 2,
    }
    assert len(paths) + sum(left_out.values()) == len(rows)
    assert "1 recorded paths; rows not used" in caplog.text
    assert "beyond num_paths 1" in caplog.text


def test_text_is_left_as_written(tmp_path):
    text = " \nA: 3 - 1\u2028= 2. The answer is 2.\n\nQ: what else?  "
    file = write(tmp_path / "a.jsonl", row("p", text, finish_reason="length"))
    (path,) = play(ReplayTeacher(path=file, num_paths=1), [problem("p")], {"cot": COT}, tmp_path)
    assert (path.text, path.finish_reason) == (text, "length")


def test_thinking_is_played_beside_the_text(tmp_path):
    rows = [row("p", "a", thinking="Hm."), row("p", "b", thinking=None), row("p", "c")]
    file = write(tmp_path / "a.jsonl", *rows)
    paths = play(ReplayTeacher(path=file, num_paths=3), [problem("p")], {"cot": COT}, tmp_path)
    assert [path.thinking for path in paths] == ["Hm.", "", ""]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": "p"', r"a\.jsonl:2: not JSON"),
        ('["p"]', r'a\.jsonl:2: got \["p"\], expected a JSON object'),
        (
            '{"id": "p", "thought": "cot", "model": "m"}',
            r"a\.jsonl:2: completion: got None, expected a text; a row has the texts id, thought",
        ),
        (
            '{"id": "p", "thought": "cot", "completion": "", "model": "m", "thinking": ["a"]}',
            r"a\.jsonl:2: thinking: got \['a'\], expected a text",
        ),
        (
            '{"id": 7, "thought": "cot", "completion": "", "model": "m"}',
            r"a\.jsonl:2: id: got 7, expected a text",
        ),
    ],
    ids=["cut off", "no object", "no completion", "thinking is a list", "id is a number"],
)
def test_a_bad_row_is_refused_by_file_line_and_key(tmp_path, line, message):
    file = tmp_path / "a.jsonl"
    file.write_text(json.dumps(row("p", "fine")) + "\n" + line + "\n")
    with pytest.raises(ValueError, match=message):
        play(ReplayTeacher(path=str(file), num_paths=1), [problem("p")], {"cot": COT}, tmp_path)


def test_a_line_that_is_not_utf8_is_refused_by_file_and_line(tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_bytes(b'{"id": "caf\xe9"}\n')
    with pytest.raises(ValueError, match=r"a\.jsonl:1: not UTF-8"):
        play(ReplayTeacher(path=str(file), num_paths=1), [problem("p")], {"cot": COT}, tmp_path)


def test_a_missing_file_names_the_key(tmp_path):
    teacher = ReplayTeacher(path=str(tmp_path / "none.jsonl"), num_paths=1)
    with pytest.raises(ValueError, match=r"teacher\.path: got '.*none\.jsonl', which is no file"):
        play(teacher, [problem("p")], {"cot": COT}, tmp_path)


def test_answers_to_other_problems_are_an_error_that_shows_what_was_asked(tmp_path):
    file = write(tmp_path / "a.jsonl", row("svamp/1", "text"))
    with pytest.raises(ValueError, match=r"none of 1 rows .* such as 'gsm8k/1' and 'cot'"):
        play(ReplayTeacher(path=file, num_paths=1), [problem("gsm8k/1")], {"cot": COT}, tmp_path)


def test_files_of_one_name_are_told_apart(tmp_path):
    for folder in ("b", "a"):
        (tmp_path / folder).mkdir()
    files = [write(tmp_path / folder / "x.jsonl", row("p", folder)) for folder in ("b", "a")]
    named = ReplayTeacher(path=tuple(files), num_paths=2).files()
    assert list(map(str, named.values())) == files


@pytest.mark.parametrize("path", ["", (), ("a.jsonl", "")])
def test_a_path_names_files(path):
    with pytest.raises(ValidationError, match=r"got .*, expected a file or a list"):
        ReplayTeacher(path=path, num_paths=1)


@pytest.mark.skipif(not DATA, reason="MDEXP_DATA is not set")
def test_the_published_svamp_answers_play_whole():
    teacher_folder = Path(DATA) / "teacher"
    files = [
        teacher_folder / f"{name}.jsonl" for name in ("llmadapters-svamp-cot", "pot-svamp-pot")
    ]
    with (Path(DATA) / "svamp" / "train.jsonl").open() as lines:
        problems = [problem(json.loads(line)["id"]) for line in lines]
    teacher = ReplayTeacher(path=tuple(map(str, files)), num_paths=5)
    paths = list(teacher.paths(problems, {"cot": COT, "pot": POT}, Path("unused"), NO_PROGRAMS))
    assert len([p for p in paths if p.thought == "cot"]) == 700
    assert len([p for p in paths if p.thought == "pot"]) == 699
    assert teacher.left_out(problems, {"cot": COT, "pot": POT}) == {"problem not asked for": 600}


def test_a_file_for_each_thought(tmp_path):
    """Equal forms of several sources are told apart by their files."""
    coarse = write(tmp_path / "coarse.jsonl", row("p1", "short"))
    fine = write(tmp_path / "fine.jsonl", row("p1", "long"), row("p1", "longer"))
    teacher = ReplayTeacher(path={"fine": fine, "coarse": coarse}, num_paths=1)
    played = play(teacher, [problem("p1")], {"coarse": COT, "fine": COT}, tmp_path)
    assert [(path.thought, path.text) for path in played] == [("coarse", "short"), ("fine", "long")]
    with pytest.raises(ValidationError, match="a file for each thought"):
        ReplayTeacher(path={"fine": ""}, num_paths=1)


def test_other_columns_are_joined_by_question_and_what_fits_no_problem_is_counted(tmp_path, caplog):
    file = write(
        tmp_path / "own.jsonl",
        {"prompt": " p1? ", "output": "text", "score": 1},
        {"prompt": "another?", "output": "text"},
    )
    fields = {"question": "prompt", "completion": "output"}
    teacher = ReplayTeacher(path={"cot": file}, num_paths=2, fields=fields)
    with caplog.at_level(logging.INFO):
        [path] = play(teacher, [problem("p1")], {"cot": COT}, tmp_path)
    assert (path.problem_id, path.text, path.model) == ("p1", "text", "own")
    assert "rows not used: question of no problem 1" in caplog.text
    wrong = teacher.model_copy(update={"fields": {"id": "nr", "completion": "output"}})
    with pytest.raises(ValueError, match=r"own.jsonl:1: teacher.fields.id=nr: .* it has prompt, o"):
        play(wrong, [problem("p1")], {"cot": COT}, tmp_path)


def test_a_batch_of_openai_is_read_choice_by_choice(tmp_path, caplog):
    def choice(index, text):
        message = {"role": "assistant", "content": text}
        return {"index": index, "message": message, "finish_reason": "stop"}

    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "gpt-4o"}
    body |= {"choices": [choice(0, "one"), choice(1, "two")]}
    file = write(
        tmp_path / "out.jsonl",
        {"id": "r", "custom_id": "p1", "response": {"status_code": 200, "body": body}},
        {"id": "r", "custom_id": "p2", "response": None, "error": {"code": "batch_expired"}},
    )
    teacher = ReplayTeacher(path={"cot": file}, num_paths=2)
    with caplog.at_level(logging.INFO):
        paths = play(teacher, [problem("p1"), problem("p2")], {"cot": COT}, tmp_path)
    assert [(p.problem_id, p.sample, p.text, p.model) for p in paths] == [
        ("p1", 0, "one", "gpt-4o"),
        ("p1", 1, "two", "gpt-4o"),
    ]
    assert "lines of a batch without an answer 1" in caplog.text
    with pytest.raises(ValueError, match=r"thought: got None, .* name its file's thought"):
        play(ReplayTeacher(path=file, num_paths=2), [problem("p1")], {"cot": COT}, tmp_path)


def test_fields_are_in_the_key_only_where_they_are_given():
    assert "fields" not in ReplayTeacher(path="a", num_paths=1).model_dump()
    assert "fields" in ReplayTeacher(path="a", num_paths=1, fields={"id": "x"}).model_dump()
