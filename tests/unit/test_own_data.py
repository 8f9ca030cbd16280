"""Own problems without a converter: columns, ids, choices, golds, and what is said of bad files."""

import json
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from pydantic import ValidationError

from mdexp.config.config_path import config_folder
from mdexp.config.judging import judge
from mdexp.datasets.choices import ChoiceError, chosen_letter
from mdexp.datasets.mix import Mix
from mdexp.datasets.prepare import prepare_problems
from mdexp.ports import SourceError
from mdexp.records import Problem
from mdexp.report.stage_counts import unread_columns
from mdexp.stages.extract import EXTRACT
from mdexp.stages.generate import BEFORE
from mdexp.store.keys import stage_key
from mdexp.teacher.exemplar_sets import ExemplarSets
from mdexp.transcripts.prompting import (
    OWN_FOLDER,
    keyed_exemplar_files,
    load_exemplars,
    most_asked,
)
from tests.hub_server import COMMIT, HubServer, look
from tests.named_dataset import dataset


def own(folder: Path, file_name: str, text: str | bytes, **options: Any) -> Any:
    """A set of one file."""
    file = folder / file_name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    kind = "jsonl" if file.suffix == ".jsonl" else "csv"
    return dataset(kind, path=str(file), **options)


def only(made: Any) -> Problem:
    [problem] = made.problems()
    return problem


FIELDS = {"question": "q", "answer": "label", "choices": "options"}


def test_columns_are_named_and_choices_stand_in_the_question(tmp_path: Path) -> None:
    text = "q,label,options\nWhich is a sum?,4 + 4,4 + 4|4 - 4\n"
    problem = only(own(tmp_path, "test.csv", text, fields=FIELDS))
    assert problem.id == "csv/test/1"
    assert problem.question == "Which is a sum? A) 4 + 4 B) 4 - 4"
    assert (problem.answer, problem.options) == ("A", ["4 + 4", "4 - 4"])
    assert problem.expected.kind == "options"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("test.csv", b"\xef\xbb\xbfquestion,answer\r\nHow many?,12\r\n"),
        ("test.csv", b"question;answer\nHow many?;12\n"),
        ("test.tsv", b"question\tanswer\nHow many?\t12\n"),
        ("test.csv", b'answer,question\n12,"How many?"\n\n'),
        ("test.jsonl", b'\xef\xbb\xbf{"question": "How many?", "answer": "12"}\n'),
    ],
)
def test_dialects_read_the_same(name: str, text: bytes, tmp_path: Path) -> None:
    problem = only(own(tmp_path, name, text, name="mine"))
    assert (problem.id, problem.question, problem.answer) == ("mine/test/1", "How many?", "12")


def test_whole_numbers_are_ids_and_hashes_part_rationale_and_gold(tmp_path: Path) -> None:
    row = {"id": 7, "question": "How many?", "answer": "She has 70 + 2 = 72.\n#### 72"}
    problem = only(own(tmp_path, "test.jsonl", json.dumps(row)))
    assert (problem.id, problem.answer) == ("7", "72")
    assert problem.rationale == "She has 70 + 2 = 72."


TEN = [f"text {n}" for n in range(10)]


@pytest.mark.parametrize(
    ("row", "fields", "letter"),
    [
        ({"answer": "J", "c": TEN}, {"choices": "c"}, "J"),
        ({"answer": "(b)", "c": ["A) one", "B) two"]}, {"choices": "c"}, "B"),
        ({"answer": "Two", "c": '["one", "two"]'}, {"choices": "c"}, "B"),
        ({"answer": "2", "c": {"text": ["x", "y"], "label": ["1", "2"]}}, {"choices": "c"}, "B"),
        ({"i": 1, "c": ["one", "two"]}, {"choices": "c", "answer_index": "i"}, "B"),
        ({"answer": "two", "a": "one", "b": "two"}, {"choices": ("a", "b")}, "B"),
    ],
)
def test_gold_is_the_letter_of_a_choice(
    row: dict[str, Any], fields: dict[str, Any], letter: str, tmp_path: Path
) -> None:
    text = json.dumps({"question": "Which?"} | row)
    problem = only(own(tmp_path, "test.jsonl", text, fields=fields))
    assert problem.answer == letter
    assert not any(text.startswith(("A)", "B)")) for text in problem.options)
    assert problem.question.startswith("Which? A) ")


def test_ten_choices_that_the_question_lists_are_found(tmp_path: Path) -> None:
    listed = " ".join(f"({letter}) word {letter}" for letter in "ABCDEFGHIJ")
    row = {"question": f"Which? {listed}", "answer": "G"}
    problem = only(own(tmp_path, "test.jsonl", json.dumps(row)))
    assert problem.options[6] == "word G"
    assert len(problem.options) == 10


BAD = {
    "question,answer\nWhich?,red\n": r"test\.csv:2: no vote could elect the answer 'red'.*match=",
    "q,answer\nWhich?,1\n": r"no column question; it has q, answer: say .*fields={question: COL",
    "question,answer\nWhich?,1,2\n": r"test\.csv:2: 3 cells for 2 columns \(question, answer\)",
    'question,answer\n"Which?,1\n': r"test\.csv:\d: unexpected end of data",
    "question,question\nWhich?,1\n": r"test\.csv:1: the column 'question' is there twice",
    "question,answer\nWhich?,\n": r"test\.csv:2: answer missing",
    "question,answer\nWhich?,F\n": r"test\.csv:2: the answer 'F' is the letter of a choice that is",
    "question,answer\n": r"test\.csv: it has no rows",
    "": r"test\.csv: it has no rows",
}


@pytest.mark.parametrize("text", BAD)
def test_a_bad_table_is_named_by_file_and_line(text: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=BAD[text]):
        own(tmp_path, "test.csv", text).problems()


@pytest.mark.parametrize(
    ("label", "options", "why"),
    [
        ("red", "one|two", "is none of the choices one, two"),
        ("A", "one|a", "could be several of the choices one, a"),
        ("C", "one|two", "is none of"),
        ("one", "one", "has 2 to 10 choices, found 1"),
        ("one", "[one", "must be a list of texts as JSON has it"),
    ],
)
def test_unclear_choices_are_refused(label: str, options: str, why: str, tmp_path: Path) -> None:
    text = f"q,label,options\nWhich?,{label},{options}\n"
    with pytest.raises(SourceError, match=why):
        own(tmp_path, "test.csv", text, fields=FIELDS).problems()


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"fields\.question=q: .*no such column; it has question"):
        own(tmp_path, "test.csv", "question,answer\n?,1\n", fields={"question": "q"}).problems()
    with pytest.raises(ValidationError, match="'question'"):
        dataset("csv", fields={"questoin": "q"})


def test_not_utf8_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"test\.csv: not UTF-8: byte 0xe9"):
        own(tmp_path, "test.csv", "question,answer\nThé?,1\n".encode("latin-1")).problems()


def test_utf16_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"byte 0xff, as UTF-16 begins; save it as UTF-8"):
        own(tmp_path, "test.csv", "question,answer\nHow many?,1\n".encode("utf-16")).problems()


def test_a_type_may_be_a_whole_number_and_a_field_may_be_left_out(tmp_path: Path) -> None:
    row = {"question": "How many?", "answer": 1, "type": 3}
    [typed] = own(tmp_path, "test.jsonl", json.dumps(row)).problems()
    assert typed.type == "3"
    [untyped] = own(tmp_path, "test.jsonl", json.dumps(row), fields={"type": None}).problems()
    assert untyped.type == ""
    assert own(tmp_path, "test.jsonl", json.dumps(row), fields={"type": None}).unread() == {
        "type": 1
    }


@pytest.mark.parametrize("found", [True, 3.5, ["a"]])
def test_a_type_of_another_kind_is_refused(found: object, tmp_path: Path) -> None:
    row = json.dumps({"question": "How many?", "answer": 1, "type": found})
    with pytest.raises(SourceError, match=r":1: type must be text or a whole number, found"):
        own(tmp_path, "test.jsonl", row).problems()


@pytest.mark.parametrize("field", ["question", "answer"])
def test_what_each_problem_needs_cannot_be_left_out(field: str, tmp_path: Path) -> None:
    row = json.dumps({"question": "How many?", "answer": 1})
    with pytest.raises(SourceError, match=rf"dataset\.fields\.{field}: got null"):
        own(tmp_path, "test.jsonl", row, fields={field: None}).problems()


def test_a_column_without_a_name_is_counted_by_its_place(tmp_path: Path) -> None:
    made = own(tmp_path, "test.csv", ",question,answer\n0,How many?,1\n1,How few?,2\n")
    assert len(made.problems()) == 2 and made.unread() == {"column 1": 2}


def test_an_id_of_both_parts_is_refused(tmp_path: Path) -> None:
    for part in ("train", "test"):
        (tmp_path / f"{part}.csv").write_text("id,question,answer\n7,How many?,1\n")
    with pytest.raises(SourceError, match=r"train\.csv and test\.csv share 1 of their ids.*'7'"):
        dataset("csv", path=str(tmp_path)).problems()


def test_columns_that_nothing_reads_are_counted(tmp_path: Path) -> None:
    text = "question,answer,source,note\nHow many?,1,us,\nHow few?,2,us,x\n"
    made = own(tmp_path, "test.csv", text)
    _, counts = prepare_problems(made, (), 0)
    assert {k: n for k, n in counts.items() if "unread" in k} == {
        "unread/source": 2,
        "unread/note": 1,
    }
    assert "source (2 rows), note (1 rows)" in unread_columns(counts)
    assert not unread_columns({"train": 3})


def test_a_mix_counts_the_columns_of_its_sets(tmp_path: Path) -> None:
    first = own(tmp_path, "a.jsonl", '{"question": "?", "answer": 1, "x": 1}').model_dump()
    target = {"_target_": "mdexp.datasets.jsonl.JsonLines"}
    mixed: Mix = dataset("mix", sets=[{"a": target | first}, "coin_flip"])
    assert mixed.unread() == {"a/x": 1}


@pytest.mark.parametrize(
    ("gold", "kind"),
    [("yes", "yes_no"), ("true", "yes_no"), ("B", "options"), ("12", "number"), ("Rome", "text")],
)
def test_each_kind_of_answer_is_shown_exemplars_of_its_own(
    gold: str, kind: Any, tmp_path: Path
) -> None:
    text = f"question,answer\nWell?,{gold}\n"
    problems = own(tmp_path, "test.csv", text, match="normalised").problems()
    assert most_asked(problems) == kind
    shown = load_exemplars(most_asked(problems))
    kinds = {Problem(id="", dataset="", split="test", **asked(row)).expected.kind for row in shown}
    assert kinds == {kind}


def asked(row: dict[str, Any]) -> dict[str, Any]:
    return {"question": row["question"], "answer": row["answer"]}


def test_exemplars_of_free_text_are_in_the_key_of_who_asks_for_it_and_of_nobody_else() -> None:
    """Keys of runs that were made before there were such exemplars stay."""

    def keys(*overrides: str) -> list[Any]:
        with initialize_config_dir(str(config_folder()), version_base="1.3"):
            asked = ["trainer.precision=32-true", *overrides]
            config = OmegaConf.to_container(compose("config", asked), resolve=True)
        settings = judge(config)
        return [stage.key_only(settings) for stage in (EXTRACT, BEFORE)]

    assert keys("dataset=csv", "dataset.path=x") == [{}, {}]
    [extract, before] = keys("dataset=csv", "dataset.path=x", "dataset.match=exact")
    assert extract == before and list(before["exemplars"]) == ["exemplars_text.jsonl"]
    sets = "dataset.sets=[coin_flip,{jsonl: {path: x, match: exact}}]"
    assert keys("dataset=mix", sets) == [extract, before]
    assert "exemplars_text.jsonl" not in keyed_exemplar_files()
    ours = ExemplarSets(folder=OWN_FOLDER, num_shots=1, num_sets=1)
    assert "exemplars_text.jsonl" not in {file.name for file in ours.files()}
    assert ours.of_kind("text") == [load_exemplars("text")[:1]]


def test_new_settings_are_in_the_key_only_where_they_are_used(tmp_path: Path) -> None:
    """Keys of sets that were read before there were fields stay."""
    plain = dataset("jsonl", path=None)
    assert stage_key("prepare", 3, {}, {"dataset": plain}) == "f577fb39965e7773"
    renamed = dataset("jsonl", path=None, fields={"question": "q"})
    assert stage_key("prepare", 3, {}, {"dataset": renamed}) != "f577fb39965e7773"


PROBE = """
from tests.named_dataset import dataset
made = dataset("hf", repo="us/sums", revision="{commit}", fields={{"question": "q"}},
    split_files={{"train": "data/a.csv", "test": "b.jsonl"}})
print([(p.id, p.split, p.question) for p in made.problems()], dict(made.unread()))
"""


def test_any_set_of_the_hub_is_read_by_its_files(tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub")
    files = {
        "datasets/us/sums/data/a.csv": b"q,answer,x\nOne?,1,y\n",
        "datasets/us/sums/b.jsonl": b'{"q": "Two?", "answer": 2}\n',
    }
    with HubServer(files) as hub:
        seen = look(PROBE.format(commit=COMMIT), hub.url, tmp_path)
    rows = [("hf/train/1", "train", "One?"), ("hf/test/1", "test", "Two?")]
    assert seen.stdout.strip() == f"{rows} {{'x': 1}}", seen.stderr


def test_parquet_rows_are_read(tmp_path: Path) -> None:
    parquet, arrow = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow")
    rows = [{"q": "Which?", "c": {"text": ["x", "y"], "label": ["A", "B"]}, "a": "B"}]
    parquet.write_table(arrow.Table.from_pylist(rows), tmp_path / "test.parquet")
    fields = {"question": "q", "answer": "a", "choices": "c"}
    problem = only(dataset("parquet", path=str(tmp_path), fields=fields))
    assert (problem.question, problem.answer) == ("Which? A) x B) y", "B")


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "test.parquet").write_text("question,answer\n")
    with pytest.raises(SourceError, match=r"pyarrow|no parquet file"):
        dataset("parquet", path=str(tmp_path)).problems()


@pytest.mark.parametrize("gold", [{"answer": "text 10"}, {"i": 10}])
def test_an_eleventh_choice_is_refused(gold: dict[str, Any]) -> None:
    choices = [*TEN, "text 10"]
    cells = {"answer_index": gold["i"]} if "i" in gold else {}
    with pytest.raises(ChoiceError, match="a question has 2 to 10 choices, found 11"):
        chosen_letter(cells, choices, gold.get("answer", ""))
