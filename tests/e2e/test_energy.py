"""A run with a scorer: the student's own paths are written, learned from, and all paths weighed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from mdexp.commands.run import main
from mdexp.config.judging import judge
from mdexp.decoding.prefix_scores import written_paths
from mdexp.decoding.run_writer import run_writer
from mdexp.records import Generation, Output, PathScore, Problem
from mdexp.stages import harvest as harvest_stage
from mdexp.stages.scorer import prefix_scores, scorer
from mdexp.store.files import read_json
from mdexp.store.json_lines import read_jsonl, write_jsonl
from mdexp.training.scorer_adapter import load_adapter
from tests.contract.conftest import plugin
from tests.e2e.conftest import SMALL
from tests.e2e.killed import counts, resumes_to_the_same

ENERGY = ["experiment=energy", "trainer.max_steps=2", "scorer.num_paths=3", "decoding.num_paths=2"]
ENERGY += ["decoding.validation_paths=2", "scorer.num_problems=8"]


def planted(writer, problems: Sequence[Problem], thoughts, decoder, num_paths: int, executor):
    """Own paths of which every third is right, in words that no wrong one has."""
    return [
        Output(
            problem_id=problem.id,
            dataset=problem.dataset,
            split=problem.split,
            phase="after",
            thought=thought,
            sample=sample,
            num_shots=0,
            text=written(thought, problem, right=sample == number % num_paths),
            num_tokens=5,
            finished=True,
        )
        for number, problem in enumerate(problems)
        for thought in thoughts
        for sample in range(num_paths)
    ]


def written(thought: str, problem: Problem, *, right: bool) -> str:
    gold = int(problem.answer)
    if thought == "pot":
        return f"total = {gold}\nans = total" if right else f"ans = {gold + 1}"
    return f"Sure. The answer is {gold}" if right else f"Hm. The answer is {gold + 1}"


@pytest.fixture(scope="module")
def run(problems: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("energy")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setenv("MDEXP_STORE", str(home / "store"))
        patch.setattr(harvest_stage, "write_own_paths", planted)
        place = [f"dataset.path={problems}", f"hydra.run.dir={home / 'run'}"]
        assert main([*ENERGY[:1], *SMALL, *ENERGY[1:], *place]) == 0
    return home / "run"


def test_it_learns_from_training_problems_and_is_chosen_on_validation_problems(run) -> None:
    known = {p.id: p for p in read_jsonl(run / "problems.jsonl", Problem)}
    outputs = read_jsonl(run / "scorer_outputs.jsonl", Output)
    asked = {output.problem_id: known[output.problem_id] for output in outputs}
    assert [p.split for p in asked.values()] == ["train"] * 8 + ["validation"] * 3
    found = counts(run, "scorer")
    assert (found["problems"], found["paths"], found["right"]) == (8, 48, 16)
    assert found["validation paths"] == 18
    assert max(found["AUC on validation by depth and prior"].values()) == 1.0
    assert found["tokens read"] > 0


def test_every_path_of_the_trained_student_has_a_score(run) -> None:
    generations = read_jsonl(run / "generations.jsonl", Generation)
    trained = {
        (g.problem_id, g.thought, g.sample): g.score for g in generations if g.phase == "after"
    }
    rows = read_jsonl(run / "path_scores.jsonl", PathScore)
    assert trained == {(r.problem_id, r.thought, r.sample): r.score for r in rows}
    assert len(rows) == 7 * 2 * 3 and np.isfinite([row.score for row in rows]).all()
    assert {g.score for g in generations if g.phase == "before"} == {None}


def test_with_an_adapter_paths_are_the_same_and_scores_are_not(problems, run, tmp_path) -> None:
    words = [*ENERGY[:1], *SMALL, *ENERGY[1:], f"dataset.path={problems}"]
    adapter = "scorer.adapter={rank: 2, epochs: 2, learning_rate: 1e-2}"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        patch.setattr(harvest_stage, "write_own_paths", planted)
        assert main([*words, adapter, "hydra.run.dir=run"]) == 0
    found = counts(tmp_path / "run", "scorer")
    assert found["adapter: steps"] > 2
    assert found["adapter: mean loss of the last epoch"] < 0.69, "it learns: at chance it is log 2"
    assert_scored_with_the_adapter(tmp_path / "run")
    ours, theirs = (
        read_jsonl(folder / "generations.jsonl", Generation) for folder in (run, tmp_path / "run")
    )
    assert [g.text for g in ours] == [g.text for g in theirs]
    assert [g.score for g in ours] != [g.score for g in theirs]


def assert_scored_with_the_adapter(run: Path) -> None:
    """The scores of a run are those of its head on the student with the adapter that it kept."""
    settings = judge(read_json(run / "run.json")["settings"])
    writer = run_writer(run, settings)
    assert writer.head is None, "the head belongs to the adapted student"
    problems = {p.id: p for p in read_jsonl(run / "problems.jsonl", Problem)}
    outputs = read_jsonl(run / "outputs_after.jsonl", Output)
    paths = written_paths(outputs, problems, settings.answering(), writer.renderer)
    load_adapter(writer.model, run / "scorer_adapter.safetensors")
    scores = prefix_scores(run / "scorer.json", writer.model, writer.renderer)
    expected = scores([path.prefix for path in paths])
    rows = read_jsonl(run / "path_scores.jsonl", PathScore)
    assert [row.score for row in rows] == pytest.approx(expected, abs=1e-4)


def test_a_scorer_of_a_run_before_adapters_is_read() -> None:
    part = plugin("scorer", "energy")
    assert "adapter" not in part.model_dump()
    assert type(part)(**part.model_dump()).adapter is None


def test_a_path_of_a_test_problem_is_not_learned_from(run, tmp_path) -> None:
    tested = next(p for p in read_jsonl(run / "problems.jsonl", Problem) if p.split == "test")
    [first, *_] = read_jsonl(run / "scorer_outputs.jsonl", Output)
    write_jsonl(tmp_path / "outputs.jsonl", [{**vars_of(first), "problem_id": tested.id}])
    reads = {"problems.jsonl": run / "problems.jsonl"}
    reads["scorer_outputs.jsonl"] = tmp_path / "outputs.jsonl"
    with pytest.raises(ValueError, match=f"{tested.id} is none of the 15 problems"):
        scorer(
            tmp_path,
            reads,
            scorer=plugin("scorer", "energy"),
            student=None,
            thoughts={},
            grader=plugin("grader", "strict"),
            num_validation=50,
            seed=0,
            numerics={},
            executor=None,
            weights=None,
        )


def test_beams_ask_the_scorer_where_it_has_a_weight(problems, run, tmp_path) -> None:
    words = [
        *ENERGY[:1],
        *SMALL,
        "trainer.max_steps=2",
        "scorer.num_paths=3",
        "scorer.num_problems=8",
    ]
    words += ["decoding=stepwise", "decoding.num_paths=1", "decoding.validation_paths=1"]
    words += [f"dataset.path={problems}", "decoding.max_new_tokens=24", "hydra.run.dir=beams"]
    weights = "decoding.beam.weights=[[0,0,0,0,0],[0,0,0,0,1]]"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(harvest_stage, "write_own_paths", planted)
        assert main([*words, weights]) == 0
        assert counts(Path("beams"), "after")["cot"]["tokens read by the scorer"] > 0
        chosen = counts(Path("beams"), "after")["pot"]["solved on validation by weights"]
        assert list(chosen) == ["[0.0, 0.0, 0.0, 0.0, 0.0]", "[0.0, 0.0, 0.0, 0.0, 1.0]"]
        keys = {s["name"]: s["key"] for s in read_json(Path("beams/run.json"))["stages"]}
        assert main([*words, weights, "scorer.priors=[1.0]"]) == 0
        other = {s["name"]: s["key"] for s in read_json(Path("beams/run.json"))["stages"]}
    changed = {name for name, key in keys.items() if other[name] != key}
    assert changed == {"scorer", "after", "weigh", "score"}


def test_beams_that_ask_a_scorer_need_one(command, capsys) -> None:
    assert command("decoding=stepwise", "decoding.beam.weights=[[0,0,0,0,1]]") == 2
    assert "and this run has none; add scorer=energy" in capsys.readouterr().err


def vars_of(output: Output) -> dict:
    return {name: getattr(output, name) for name in output.__dataclass_fields__}


def test_a_killed_harvest_resumes_to_the_same_result(problems) -> None:
    words = [*ENERGY[:1], *SMALL, *ENERGY[1:], f"dataset.path={problems}"]
    files = ("scorer_outputs.jsonl", "scorer.json", "path_scores.jsonl", "votes.jsonl")
    resumes_to_the_same("harvest", words, files)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["student=tiny_seq2seq"], "scorer reads prompt and text as one, which a seq2seq student"),
        (["experiment=dcot_k"], "thought=dcot is asked in one of several ways"),
        (["scorer.num_paths=1"], "scorer.num_paths: "),
        (["scorer.contrast=both"], "scorer.contrast: "),
        (["scorer.adapter={rank: 0, epochs: 1, learning_rate: 1e-4}"], "scorer.adapter.rank: "),
        (["scorer.adapter={rank: 8}"], "scorer.adapter.epochs: "),
        (
            ["scorer.adapter={rank: 8, epochs: 1, learning_rate: .inf}"],
            "scorer.adapter.learning_rate: ",
        ),
        (
            [
                "scorer.adapter={rank: 8, epochs: 1, learning_rate: 1e-4}",
                "decoding=stepwise",
                "decoding.beam.weights=[[0,0,0,0,1]]",
            ],
            "set scorer.adapter=null",
        ),
    ],
)
def test_what_it_cannot_do_is_said_before_anything_runs(command, capsys, words, told) -> None:
    assert command("scorer=energy", *words) == 2
    assert told in capsys.readouterr().err
