"""Prompts: shots, sets of exemplars, layouts in files, and no test problem among what is shown."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from mdexp.datasets.overlap import refuse_tested
from mdexp.records import Problem
from mdexp.store.keys import stage_key
from mdexp.transcripts.prompting import (
    OWN_FOLDER,
    Template,
    exemplar_files,
    exemplar_rows,
    instruction_for,
    load_exemplars,
    turns,
)
from tests.buyer import COT, buy, problems, teacher
from tests.loopback import LoopbackServer
from tests.read_texts import answer_of

DATA = os.environ.get("MDEXP_DATA")
SETS = [exemplar_rows(file) for file in exemplar_files()]


@pytest.fixture
def server():
    with LoopbackServer() as running:
        yield running


@pytest.fixture
def folder(tmp_path):
    """Prompts of one's own: two sets of one exemplar, and a layout."""
    own = tmp_path / "prompts"
    own.mkdir()
    for name, question in (("exemplars.jsonl", "First?"), ("exemplars_2.jsonl", "Second?")):
        row = {"question": question, "answer": 1, "cot": "It is 1."}
        (own / name).write_text(json.dumps(row) + "\n")
    (own / "cot.jinja").write_text(
        "{% for shot in shots %}\nQ: {{ shot.question }}\nA: {{ shot.answer }}\n{% endfor %}\n"
        "Q: {{ question }}\nA:"
    )
    return own


def shown(body):
    return body["messages"][1]["content"].split("\n")[0]


def test_each_sample_has_the_next_set_of_exemplars(server, tmp_path):
    paths = buy(server.url, tmp_path, problems(1), num_shots=2, exemplar_sets=3, num_paths=5)
    assert [path.sample for path in paths] == [0, 1, 2, 3, 4]
    asked = {shown(body): body.get("n", 1) for body in server.bodies}
    assert asked == {
        SETS[0][0]["question"]: 2,
        SETS[1][0]["question"]: 2,
        SETS[2][0]["question"]: 1,
    }


def test_more_paths_with_sets_keep_those_that_were_there(server, tmp_path):
    options = {"num_shots": 1, "exemplar_sets": 2}
    two = buy(server.url, tmp_path, problems(3), num_paths=2, **options)
    five = buy(server.url, tmp_path, problems(3), num_paths=5, **options)
    assert [path for path in five if path.sample < 2] == two
    assert sum(server.num_choices.values()) == 15
    one = buy(server.url, tmp_path, problems(3), num_paths=1, **options)
    assert one == [path for path in two if path.sample == 0]
    assert sum(server.num_choices.values()) == 15


def test_one_set_after_another_buys_nothing_twice(server, tmp_path):
    buy(server.url, tmp_path, problems(2), num_shots=1, num_paths=1)
    buy(server.url, tmp_path, problems(2), num_shots=1, num_paths=2, exemplar_sets=2)
    assert server.num_calls == 4


def test_a_plain_completion_is_one_text(server, tmp_path):
    (path,) = buy(server.url, tmp_path, problems(1), style="completion", num_shots=1)
    (body,) = server.bodies
    assert "messages" not in body
    assert body["stop"] == ["\nQuestion:"]
    first = SETS[0][0]
    assert body["prompt"] == (
        f"Reason.\n\nQuestion: {first['question']}\nThink.\n"
        f"Answer: {answer_of(COT.exemplar(first))}\n\n"
        "Question: Question 0?\nThink.\nAnswer:"
    )
    assert path.text == f"{body['prompt']} #0"
    assert server.paths == ["/v1/completions"]


def test_zero_shot_shows_nothing():
    assert Template("cot").text("How many?", COT) == (
        "Reason.\n\nQuestion: How many?\nThink.\nAnswer:"
    )


@pytest.mark.parametrize("file", sorted(OWN_FOLDER.glob("*.jinja")), ids=lambda file: file.stem)
def test_every_layout_stops_where_the_model_goes_on(file):
    text = Template(file.stem).text("How many?", COT, load_exemplars()[:2])
    assert text.count("\nQuestion:") == 3
    assert text.endswith(":")


def test_prompts_of_ones_own(server, tmp_path, folder):
    options = {"style": "completion", "prompts": str(folder), "num_shots": 1}
    buy(server.url, tmp_path, problems(1), exemplar_sets=2, num_paths=2, **options)
    assert {body["prompt"].split("\n")[0] for body in server.bodies} == {"Q: First?", "Q: Second?"}
    assert server.bodies[0]["prompt"].endswith("Q: Question 0?\nA:")


@pytest.mark.parametrize("name", ["exemplars.jsonl", "exemplars_2.jsonl", "cot.jinja"])
def test_an_edit_of_what_prompts_are_made_of_changes_the_key(folder, name):
    asked = teacher(
        "http://127.0.0.1:1/v1",
        style="completion",
        prompts=str(folder),
        num_shots=1,
        exemplar_sets=2,
    )
    before = stage_key("extract", 1, asked.files(), {"teacher": asked})
    (folder / name).write_text((folder / name).read_text().replace("?", "??").replace("A:", "B:"))
    assert stage_key("extract", 1, asked.files(), {"teacher": asked}) != before


def test_the_key_does_not_say_where_prompts_lie(folder):
    def key(place):
        asked = teacher("http://127.0.0.1:1/v1", prompts=str(place), num_shots=1)
        return stage_key("extract", 1, asked.files(), {"teacher": asked})

    before = key(folder)
    assert key(folder.rename(folder.with_name("moved"))) == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_shots": 9}, r"num_shots: got 9, there are 4 exemplars in exemplars\.jsonl"),
        ({"num_shots": 1, "exemplar_sets": 9}, r"exemplar_sets: got 9, there are 4"),
        ({"exemplar_sets": 2}, "exemplar_sets: got 2 with num_shots 0, which shows none"),
        ({"num_shots": 1, "prompts": "no/where"}, "got 'no/where', which has no exemplars.jsonl"),
        ({"style": "poem"}, "'chat' or 'completion'"),
    ],
)
def test_prompts_that_are_not_there_are_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        teacher(None, **changes)


def test_a_thought_without_a_layout_is_said(folder, tmp_path):
    asked = teacher("http://127.0.0.1:1/v1", style="completion", prompts=str(folder))
    with pytest.raises(ValueError, match=r"pot has no pot\.jinja.*there are cot\.jinja"):
        asked.asking().requests(problems(1), {"pot": COT})


def test_a_broken_layout_is_said(folder):
    (folder / "cot.jinja").write_text("{{ qestion }}")
    with pytest.raises(ValueError, match=r"cot\.jinja: 'qestion' is undefined"):
        Template("cot", folder).text("How many?", COT)
    (folder / "cot.jinja").write_text("{% for %}")
    with pytest.raises(ValueError, match=r"cot\.jinja: "):
        Template("cot", folder)


def test_a_broken_exemplar_is_said(folder):
    file = folder / "exemplars.jsonl"
    file.write_text('{"question": "One?", "answer": 1}\n')
    with pytest.raises(ValueError, match="the exemplar 'One\\?' has no cot"):
        turns("How many?", COT, exemplar_rows(file))
    file.write_text('{"question": "One?"}\n')
    with pytest.raises(ValueError, match=r"exemplars\.jsonl:1: no exemplar: no answer"):
        exemplar_rows(file)


def item(question, split="test"):
    return Problem(id="t7", dataset="svamp", split=split, question=question, answer=1)


EXEMPLAR = SETS[0][0]


@pytest.mark.parametrize(
    ("question", "how"),
    [
        (EXEMPLAR["question"].lower().replace(".", " ."), "is the test problem t7 of svamp"),
        (
            EXEMPLAR["question"].replace("30", "41"),
            "is, but for its numbers or its order, the test problem t7",
        ),
    ],
)
def test_an_exemplar_that_is_tested_is_refused(question, how):
    with pytest.raises(ValueError, match=how) as error:
        refuse_tested(SETS[0], [item(question)], "masked")
    assert EXEMPLAR["question"] in str(error.value)
    refuse_tested(SETS[0], [item(question, split="train"), item("How many apples?")], "masked")
    refuse_tested(SETS[0], [item(question)], "off")


@pytest.mark.parametrize("rows", SETS, ids=["1", "2", "3", "4"])
def test_sets_are_of_one_size_and_share_no_question(rows):
    assert len(rows) == len(SETS[0])
    questions = [row["question"] for other in SETS if other is not rows for row in other]
    assert not {row["question"] for row in rows} & set(questions)


@pytest.mark.skipif(not DATA, reason="MDEXP_DATA names no folder with the real data")
def test_our_exemplars_are_in_no_test_set():
    found = [
        Problem(
            id=row["id"],
            dataset=file.parent.name,
            split="test",
            question=row["question"],
            answer=0,
        )
        for file in Path(DATA or "").glob("*/test.jsonl")
        for row in map(json.loads, file.read_text(encoding="utf-8").splitlines())
    ]
    assert len(found) > 3000
    refuse_tested([row for rows in SETS for row in rows], found, "masked")


def test_a_question_for_yes_or_no_is_asked_with_such_exemplars(server, tmp_path):
    asked = [replace(problem, answer="yes") for problem in problems(1)]
    buy(server.url, tmp_path, asked, num_shots=1)
    (body,) = server.bodies
    first = load_exemplars("yes_no")[0]
    assert body["messages"][0]["content"] == instruction_for(COT, "yes_no")
    assert body["messages"][1]["content"].startswith(first["question"])
    assert body["messages"][2]["content"].endswith("The answer is yes.")
