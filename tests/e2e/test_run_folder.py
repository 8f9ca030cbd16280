"""A run folder describes one run: what another run or an editor left in it is not taken for it."""

import json
import shutil

import pytest

from mdexp.commands import inspect, solve
from mdexp.commands.compare import main as compare
from mdexp.commands.run import main
from mdexp.store.files import read_json, write_json
from tests.e2e.conftest import states

GIVEN = ["decoding.num_validation=0", "trainer.max_steps=1"]


@pytest.fixture(scope="module")
def run(kept_run):
    return kept_run(*GIVEN)


@pytest.fixture
def copy(run, tmp_path):
    """The run in a folder of its own, with its store."""
    shutil.copytree(run.parent / "store", tmp_path / "store")
    shutil.copytree(run, tmp_path / "run")
    manifest = read_json(run / "run.json")
    manifest["settings"]["store"] = str(tmp_path / "store")
    write_json(tmp_path / "run" / "run.json", manifest)
    return tmp_path / "run"


def again(folder, *overrides):
    return main([f"run={folder}", *overrides])


def test_a_folder_used_again_without_training_holds_nothing_of_the_run_before(
    command, copy, capsys
):
    untrained = "stages=[prepare,extract,verify,examples,generate,score,report]"
    assert command(*GIVEN, "hydra.run.dir=run", "lambda=0", untrained) == 0
    assert "removed files of another run: " in capsys.readouterr().out
    assert "after" not in states(copy) and "train" not in states(copy)
    assert not (copy / "outputs_after.jsonl").exists() and not (copy / "history.csv").exists()
    metrics = read_json(copy / "metrics.json")
    assert list(metrics["jsonl"]) == ["before"]


def test_the_same_command_into_the_same_folder_removes_nothing(command, copy, capsys):
    assert command(*GIVEN, "hydra.run.dir=run", "logger.project=other") == 0
    assert set(states(copy).values()) == {"skipped"}
    assert "removed" not in capsys.readouterr().out


def test_an_edit_in_a_run_folder_reaches_neither_the_store_nor_a_later_run(copy):
    kept = (copy / "paths.jsonl").read_bytes()
    rows = [json.loads(line) | {"text": "typed"} for line in kept.splitlines()]
    (copy / "paths.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert again(copy, "stages=[verify,examples]") == 0
    assert (copy / "verified.jsonl").read_text().count("typed") == 0
    assert states(copy)["verify"] == "skipped"


@pytest.mark.parametrize(
    ("name", "reader"),
    [
        ("generations.jsonl", lambda folder: compare([str(folder)])),
        ("problems.jsonl", lambda folder: compare([str(folder)])),
        ("generations.jsonl", lambda folder: solve.main([str(folder), "One?"])),
        ("examples.jsonl", lambda folder: inspect.inspect(folder, 1)),
    ],
    ids=["compare", "compare problems", "solve", "inspect"],
)
def test_an_edited_file_is_refused_by_name(copy, capsys, name, reader):
    with (copy / name).open("a") as file:
        file.write("\n")
    try:
        assert reader(copy) == 2
        said = capsys.readouterr().err
    except ValueError as error:
        said = str(error)
    assert f"{copy / name} is not what stage " in said


def test_a_folder_without_its_store_is_scored_from_its_files_and_only_from_its_own(copy, capsys):
    shutil.rmtree(copy.parent / "store" / "stages")
    before = read_json(copy / "metrics.json")
    assert again(copy, "stages=[score,report]") == 0
    assert read_json(copy / "metrics.json") == before
    shutil.rmtree(copy.parent / "store" / "stages")
    (copy / "outputs_after.jsonl").write_text("")
    assert again(copy, "stages=[score,report]") == 1
    error = capsys.readouterr().err
    assert f"{copy / 'outputs_after.jsonl'} is not what stage after of this run wrote" in error


def test_a_report_by_another_grader_needs_the_scores_of_it(copy, capsys):
    assert again(copy, "stages=[report]", "grader=pad") == 2
    said = (
        "report reads generations.jsonl, which is not there: add the stage that writes it (score)"
    )
    assert said in capsys.readouterr().err
    assert again(copy, "stages=[score,report]", "grader=pad") == 0


def test_another_grader_leaves_the_first_result_as_it_is(copy, capsys):
    before = {file.name: file.read_bytes() for file in copy.iterdir() if file.is_file()}
    both = ["grader=pad", "vote.order=[pot,cot]"]
    assert again(copy, "stages=[score,report]", *both) == 0
    rescored = copy / "rescored" / "grader-pad_vote.order-pot-cot"
    assert f"{copy} keeps its scores; those of this command go to" in capsys.readouterr().out
    assert {file.name: file.read_bytes() for file in copy.iterdir() if file.is_file()} == before
    rows = read_json(rescored / "metrics.json")["jsonl"]["after"]
    assert {row["grader"] for row in rows.values()} == {"pad 2"}
    assert read_json(copy / "metrics.json")["jsonl"]["after"]["cot"]["grader"] != "pad 2"
    assert "pot" in rows["vote"]["rule"].partition("pot")[1]
    assert (rescored / "report.html").is_file() and (rescored / "mdexp.log").is_file()
    # It is a run folder as any other is.
    assert solve.main([str(rescored), "One?"]) == 0
    assert main([f"run={rescored}", "stages=[report]"]) == 0
    assert again(copy, "stages=[score,report]", *both) == 0, "the same again"
    assert again(copy, "stages=[score,report]") == 0
    assert read_json(copy / "metrics.json") == json.loads(before["metrics.json"])


def test_what_was_made_of_another_output_is_no_part_of_the_run(copy, capsys):
    manifest = read_json(copy / "run.json")
    for stage in manifest["stages"]:
        if stage["name"] == "train":
            stage["key"] = stage["folder"] = "f" * 16  # as an older version of the stage
    write_json(copy / "run.json", manifest)
    assert again(copy, "stages=[train]") == 0
    assert (
        "train wrote something else than before: after, score left the folder"
        in capsys.readouterr().out
    )
    assert list(states(copy)) == ["prepare", "extract", "verify", "examples", "train", "before"]


def test_a_damaged_student_is_named_and_made_again(copy, capsys):
    folder = copy.parent / "store" / "stages" / "train"
    [weights] = folder.rglob("model.safetensors")
    whole = weights.read_bytes()
    weights.chmod(0o644)
    weights.write_bytes(whole[:-1])
    assert solve.main([str(copy), "One?"]) == 2
    error = capsys.readouterr().err
    assert "student/model.safetensors: " in error and "stages=[train] makes it again" in error
    assert again(copy, "stages=[train]") == 0
    assert "set aside as" in capsys.readouterr().out
    assert weights.read_bytes() == whole
