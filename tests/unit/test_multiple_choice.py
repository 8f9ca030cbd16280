"""Sets with options: rows of a folder and of the hub, what is dropped, what is refused."""

import json

import pytest

from mdexp.datasets import multiple_choice
from mdexp.datasets.multiple_choice import TOO_MANY_OR_FEW, from_hub
from mdexp.ports import SourceError
from tests.named_dataset import dataset


def row(name, **fields):
    return {"id": name, "question": "What is 1 + 1?", "options": ["1", "2"], "answer": "B"} | fields


@pytest.fixture
def folder(tmp_path):
    def written(*rows):
        for part in ("train", "test"):
            lines = [json.dumps(one | {"id": f"{part} {one['id']}"}) for one in rows]
            (tmp_path / f"{part}.jsonl").write_text("\n".join(lines) + "\n")
        return str(tmp_path)

    return written


@pytest.mark.parametrize("name", ["arc_easy", "aqua"])
def test_options_stand_behind_the_question(name, folder):
    path = folder(row("a", rationale="One more than 1."), row("b", options=["1"]))
    made = dataset(name, path=path, sizes={})
    train, test = made.problems()
    assert (train.split, test.split, test.dataset) == ("train", "test", name)
    assert test.question == "What is 1 + 1? A) 1 B) 2"
    assert (test.answer, test.options, test.rationale) == ("B", ["1", "2"], "One more than 1.")
    assert test.expected.kind == "options"
    assert made.dropped() == {TOO_MANY_OR_FEW: 2}


def test_an_answer_that_is_no_option_is_refused(folder):
    with pytest.raises(SourceError, match="train a: the answer is 'C', expected a letter of its"):
        dataset("aqua", path=folder(row("a", answer="C")), sizes={}).problems()


def test_a_row_without_options_is_named(folder):
    path = folder({"id": "a", "question": "What?", "answer": "A"})
    with pytest.raises(SourceError, match=r"train\.jsonl:1: aqua rows need options"):
        dataset("aqua", path=path, sizes={}).problems()


def test_rows_of_the_hub_are_read_as_those_of_a_folder(monkeypatch):
    arc = {
        "id": "Mercury_1",
        "question": "Which is hot?",
        "choices": {"text": ["ice", "fire"], "label": ["1", "2"]},
        "answerKey": "2",
    }
    aqua = {
        "question": "1 + 1?",
        "options": ["A)1", "B)2", "C)3", "D)(4)", "E)none"],
        "rationale": "It is 2.",
        "correct": "B",
    }
    assert from_hub(arc, "") == row("arc_easy/Mercury_1") | {
        "question": "Which is hot?",
        "options": ["ice", "fire"],
    }
    assert from_hub(aqua, "n")["options"] == ["1", "2", "3", "(4)", "none"]
    monkeypatch.setattr(multiple_choice, "hub_rows", lambda name, hub, part: [aqua])
    train, test = dataset("aqua", sizes={}).problems()
    assert (train.id, test.id) == ("aqua/train/0", "aqua/test/0")
    assert test.question.endswith("A) 1 B) 2 C) 3 D) (4) E) none")


def test_a_size_that_is_not_the_papers_is_refused(folder):
    with pytest.raises(SourceError, match=r"arc_easy: the train part .* has 1 rows, expected 2251"):
        dataset("arc_easy", path=folder(row("a"))).problems()
