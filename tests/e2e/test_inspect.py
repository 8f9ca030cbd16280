"""What a student will read and what of it is scored, printed and checked."""

import re
from dataclasses import replace

import pytest

from mdexp.commands import inspect
from mdexp.commands.run import main
from mdexp.records import Example
from mdexp.store.files import read_json, write_json
from mdexp.store.integrity import file_hash
from mdexp.store.json_lines import read_jsonl, write_jsonl
from mdexp.students.prompts import Renderer
from mdexp.students.tiny import byte_tokenizer
from mdexp.training import layout
from tests.e2e.conftest import SMALL

BOS = byte_tokenizer().bos_token_id
STAGES = "stages=[prepare,extract,verify,examples]"


def test_a_step_is_printed_and_holds(problems, tmp_path, capsys):
    assert inspect.main([*SMALL, f"dataset.path={problems}"]) == 0
    shown = capsys.readouterr().out
    assert shown.endswith("every invariant holds\n")
    assert "first step: 8 of 24 examples in 1 micro-batches" in shown
    heads = [line for line in shown.splitlines() if " tokens scored at " in line]
    assert [line.split(", ")[1] for line in heads] == ["cot", "pot"]
    [first, second] = shown.split(heads[1])
    for text, head in ((first, heads[0]), (second, heads[1])):
        rows = [line.split() for line in text.splitlines() if line[:5].strip().isdecimal()]
        scored = [row for row in rows if "scored" in row]
        assert len(scored) == int(head.split(": ")[1].split()[0])
        assert scored[-1][2] == "</s>"
        read = rows[: len(rows) - len(scored)]
        assert all(row[1:3] == row[3:5] for row in read), "the prompt is what decoding gives"
    assert not (tmp_path / "outputs").exists()


# Lessons of several texts, with unscored ones, or with another cue than decoding's.
OF_SEVERAL_TEXTS = [
    "experiment=kpdd",
    "experiment=kpdd student=tiny_seq2seq",
    "experiment=kpdd student.prompt=chat",
    "experiment=pad",
    "experiment=pad student=tiny_seq2seq",
    "experiment=tir",
    "experiment=dcot",
    "experiment=dual_instruction",
]


@pytest.mark.parametrize("options", OF_SEVERAL_TEXTS)
def test_what_is_shown_as_scored_is_what_training_scores(options, problems, capsys):
    words = [*SMALL, f"dataset.path={problems}", *options.split(), "trainer.max_tokens=2048"]
    assert inspect.main([*words, "--problems=4"]) == 0
    shown = capsys.readouterr().out
    assert shown.endswith("every invariant holds\n")
    blocks = [block for block in shown.split("\n\n") if " tokens scored at " in block]
    for block in blocks:
        rows = [line for line in block.splitlines() if line[:5].strip().isdecimal()]
        scored = [row for row in rows if re.search(r" scored( |$)", row)]
        assert len(scored) == int(re.search(r": (\d+) tokens scored at ", block)[1])
        texts = [line for line in block.splitlines() if line.startswith("  scored ")]
        assert texts and all("writer: " in line for line in texts)
    if "pad" in options:
        [mended, *_] = [block for block in blocks if "sandbox: " in block]
        given = [line for line in mended.splitlines() if line.startswith("  read ")]
        assert [line.split()[1] for line in given] == ["question:", "cue:", "writer:", "cue:"]


def test_an_unscored_text_that_is_scored_is_named(problems, tmp_path, capsys):
    words = ["experiment=pad", "trainer.max_tokens=2048", STAGES, "hydra.run.dir=run"]
    assert main([*SMALL, f"dataset.path={problems}", *words]) == 0
    folder = tmp_path / "run"
    examples = read_jsonl(folder / "examples.jsonl", Example)
    write_as_stage(folder, [replace(one, unscored=()) for one in examples])
    assert inspect.inspect(folder, 1) == 1
    assert named(capsys.readouterr().err) == {"only_its_texts_are_scored", "end_is_scored"}


def test_examples_that_make_no_step_are_an_error_in_words(problems, tmp_path, capsys):
    rows = read_jsonl(problems / "train.jsonl", dict)
    paths = [
        {"id": row["id"], "thought": "cot", "completion": f"It is {row['answer']}.", "model": "m"}
        for row in rows
    ]
    write_jsonl(tmp_path / "paths.jsonl", paths)
    words = [*SMALL, f"dataset.path={problems}", "teacher=replay", "teacher.path=paths.jsonl"]
    assert inspect.main(words) == 2
    assert "error: " in capsys.readouterr().err


@pytest.fixture
def run(command, tmp_path):
    assert command(STAGES, "hydra.run.dir=run") == 0
    return tmp_path / "run"


# What is done to an example, and the invariants that it breaks.
BROKEN = {
    "prompt lacks its first token": (
        lambda e: replace(e, prompt_ids=e.prompt_ids[1:]),
        {"generation_prompt", "prefix"},
    ),
    "prompt lends its last token": (
        lambda e: replace(
            e, prompt_ids=e.prompt_ids[:-1], target_ids=[e.prompt_ids[-1], *e.target_ids]
        ),
        {"generation_prompt", "round_trip"},
    ),
    "two tokens where one text has one": (
        lambda e: replace(e, target_ids=[*e.target_ids[:-1], 5, e.target_ids[-1]]),
        {"prefix", "only_its_texts_are_scored", "round_trip"},
    ),
    "begun twice": (
        lambda e: replace(e, prompt_ids=[BOS, BOS, *e.prompt_ids]),
        {"generation_prompt", "prefix", "one_bos"},
    ),
    "not ended": (
        lambda e: replace(e, target_ids=e.target_ids[:-1]),
        {"end_is_scored"},
    ),
    "ended twice": (
        lambda e: replace(e, target_ids=[*e.target_ids, e.target_ids[-1]]),
        {"prefix", "end_is_scored"},
    ),
    "another text": (
        lambda e: replace(e, target=e.target + "!"),
        {"prefix", "round_trip"},
    ),
}


def write_as_stage(run, examples):
    """The examples in a run folder as if its stage had written these."""
    write_jsonl(run / "examples.jsonl", examples)
    manifest = read_json(run / "run.json")
    [stage] = [stage for stage in manifest["stages"] if stage["name"] == "examples"]
    stage["files"]["examples.jsonl"] = file_hash(run / "examples.jsonl")
    write_json(run / "run.json", manifest)


def named(error):
    return {line.split()[1] for line in error.splitlines() if line.startswith("error: ")}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_sequence_is_named(name, run, capsys):
    doctor, invariants = BROKEN[name]
    examples = read_jsonl(run / "examples.jsonl", Example)
    write_as_stage(run, [*examples[:-1], doctor(examples[-1])])
    assert inspect.inspect(run, 1) == 1
    shown = capsys.readouterr()
    assert named(shown.err) == invariants
    last = examples[-1]
    assert f"  {last.problem_id}, {last.thought}, sample {last.sample}: " in shown.err
    assert "every invariant holds" not in shown.out


def test_a_renderer_that_prompts_otherwise_is_named(run, monkeypatch, capsys):
    prompt = Renderer.prompt
    monkeypatch.setattr(Renderer, "prompt", lambda *args: prompt(*args) + " ")
    assert inspect.inspect(run, 1) == 1
    error = capsys.readouterr().err
    assert "error: generation_prompt does not hold at 24 places" in error
    assert error.count(": training reads ") == inspect.SHOWN


@pytest.mark.parametrize(
    ("scale", "invariants"),
    [
        (
            lambda weights: weights + 0.01,
            {"only_targets_are_scored", "weights_are_the_objective's"},
        ),
        (lambda weights: weights * 0, {"every_target_is_scored", "weights_are_the_objective's"}),
        (lambda weights: weights * 2, {"weights_are_the_objective's"}),
    ],
)
def test_a_batch_that_scores_what_it_must_not_is_named(scale, invariants, run, monkeypatch, capsys):
    lay_out = layout.lay_out

    def doctored(*args, **options):
        batches = lay_out(*args, **options)
        return [replace(batch, weights=scale(batch.weights)) for batch in batches]

    monkeypatch.setattr(layout, "lay_out", doctored)
    assert inspect.inspect(run, 1) == 1
    assert named(capsys.readouterr().err) == invariants


def test_a_wrong_key_is_refused(capsys):
    assert inspect.main([*SMALL, "trainer.step_problem=1"]) == 2
    assert "did you mean trainer.step_problems" in capsys.readouterr().err
