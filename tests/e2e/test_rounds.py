"""Later rounds: the student's own paths are written, verified, chosen and learned from."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from mdexp.commands.run import main
from mdexp.records import Lesson, Output, Problem, Rejection, VerifiedPath
from mdexp.sandbox.executor import Sandbox
from mdexp.stages import own as own_stage
from mdexp.stages.choose import choose_paths
from mdexp.store.files import read_json
from mdexp.store.json_lines import read_jsonl, write_jsonl
from tests.contract.conftest import plugin
from tests.e2e.conftest import SMALL
from tests.e2e.killed import counts, resumes_to_the_same

POT = ["thought=[pot]", "objective=union"]
RFT = [*POT, "rounds=2", "round=rft", "round.num_paths=3"]
FILES = ("own_outputs.jsonl", "chosen.jsonl", "lessons.jsonl", "history.jsonl")


class Planted:
    """A student that solves every other training problem, in two ways and once more in the first,
    and writes nothing of use elsewhere; with a hint it solves all. It notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Problem] = []

    def __call__(
        self, writer, problems: Sequence[Problem], thoughts, decoder, num_paths: int, executor
    ) -> list[Output]:
        self.asked += problems
        return [
            self._output(number, problem, thought, sample)
            for number, problem in enumerate(problems)
            for thought in thoughts
            for sample in range(num_paths)
        ]

    def _output(self, number: int, problem: Problem, thought: str, sample: int) -> Output:
        gold = int(problem.answer)
        ways = [f"ans = {gold - 1} + 1", f"ans = {gold - 2} + 2", f"ans = {gold - 1} + 1  # so"]
        is_right = number % 2 == 0 or "Hint" in problem.question
        return Output(
            problem_id=problem.id,
            dataset=problem.dataset,
            split=problem.split,
            phase="after",
            thought=thought,
            sample=sample,
            num_shots=0,
            text=ways[sample % 3] if is_right else "ans = 0",
            num_tokens=5,
            finished=True,
        )


def place(problems: Path) -> str:
    return f"dataset.path={problems}"


def planted_run(problems: Path, home: Path, *words: str) -> tuple[Path, Planted]:
    """A run in `home` whose own paths are those of `Planted`."""
    student = Planted()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setenv("MDEXP_STORE", str(home / "store"))
        patch.setattr(own_stage, "write_own_paths", student)
        patch.setattr("mdexp.decoding.own_paths.write_own_paths", student)
        given = [*SMALL, place(problems), f"hydra.run.dir={home / 'run'}", *words]
        assert main(given) == 0
    return home / "run", student


@pytest.fixture(scope="module")
def rft(problems: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Planted]:
    return planted_run(problems, tmp_path_factory.mktemp("rft"), *RFT, "decoding.num_paths=2")


def keys(folder: Path) -> dict[str, str]:
    return {stage["name"]: stage["key"] for stage in read_json(folder / "run.json")["stages"]}


def training(folder: Path) -> dict[str, Problem]:
    problems = read_jsonl(folder / "problems.jsonl", Problem)
    return {p.id: p for p in problems if p.split == "train" and not p.leaked}


def test_one_round_is_the_run_without_rounds(rft, problems, tmp_path) -> None:
    run, _ = rft
    assert main([*SMALL, place(problems), *POT, "decoding.num_paths=2", "hydra.run.dir=one"]) == 0
    alone, first = keys(tmp_path / "one"), keys(run / "round_1")
    assert alone == first and "own" not in alone
    assert {name for name, key in keys(run).items() if first.get(name) != key} == {
        *("own", "choose", "examples", "train", "after", "score")
    }


def test_only_training_problems_are_asked(rft) -> None:
    run, student = rft
    assert {problem.id for problem in student.asked} == training(run).keys()
    assert {problem.split for problem in student.asked} == {"train"}


def test_right_and_new_own_paths_join_the_teachers(rft) -> None:
    run, _ = rft
    chosen = read_jsonl(run / "chosen.jsonl", VerifiedPath)
    taught = read_jsonl(run / "verified.jsonl", VerifiedPath)
    assert [path for path in chosen if path.round == 0] == taught
    own = [path for path in chosen if path.round == 1]
    solved = list(training(run))[::2]
    assert [path.problem_id for path in own] == [id for id in solved for _ in range(2)]
    dropped = read_jsonl(run / "unchosen.jsonl", Rejection)
    assert {drop.reason for drop in dropped} == {"wrong_answer", "not_chosen"}
    assert len(own) + len(dropped) == 3 * len(training(run))
    sources = {
        (lesson.problem_id, source)
        for lesson in read_jsonl(run / "lessons.jsonl", Lesson)
        for source in lesson.sources
    }
    assert sources == {(path.problem_id, f"pot/{path.sample}") for path in chosen}


def test_the_report_shows_the_rounds(rft) -> None:
    run, _ = rft
    first, second = read_json(run / "rounds.json")
    assert (first["own_paths"], first["chosen_own"]) == (0, 0)
    assert second["own_paths"] == 3 * len(training(run))
    assert second["targets"] == first["targets"] + second["chosen_own"]
    [scores] = second["scores"]
    assert (scores["way"], scores["paths"]) == ("pot", 2)
    assert all(scores[name] is not None for name in ("greedy", "majority", "passed"))
    for name in ("report.md", "report.html"):
        assert "Own paths are answers to training problems" in (run / name).read_text()
        assert "Own paths" not in (run / "round_1" / name).read_text()


def test_a_round_can_be_scored_again(rft, tmp_path) -> None:
    run, _ = rft
    store = f"store={run.parent / 'store'}"
    assert main([f"run={run}", "stages=[score,report]", "grader=lenient", store]) == 0
    rescored = run / "rescored" / "grader-lenient"
    for folder in (rescored, rescored / "round_1"):
        rows = read_json(folder / "metrics.json")["jsonl"]["after"].values()
        assert {row["grader"].split()[0] for row in rows} == {"lenient"}
    again = f"run={rescored / 'round_1'}"
    assert main([again, "stages=[score,report]", "grader=strict", store]) == 0
    assert [row["round"] for row in read_json(rescored / "rounds.json")] == [1, 2]


def test_the_control_has_as_many_targets_and_no_own_path(rft, problems, tmp_path) -> None:
    run, _ = rft
    control, _ = planted_run(
        problems, tmp_path, *POT, "rounds=2", "round=rft_control", "round.like.num_paths=3"
    )
    ours = read_jsonl(run / "chosen.jsonl", VerifiedPath)
    theirs = read_jsonl(control / "chosen.jsonl", VerifiedPath)
    assert {path.round for path in theirs} == {0}
    assert [path.problem_id for path in theirs] == [path.problem_id for path in ours]
    assert counts(control, "examples")["examples"] == counts(run, "examples")["examples"]


def test_star_writes_failures_again_with_a_hint_that_no_lesson_shows(problems, tmp_path) -> None:
    run, student = planted_run(problems, tmp_path, *POT, "rounds=2", "round=star")
    asked = training(run)
    hinted = [problem for problem in student.asked if "Hint" in problem.question]
    assert [problem.id for problem in hinted] == list(asked)[1::2]
    assert all(f"answer is {asked[p.id].answer}" in p.question for p in hinted)
    chosen = read_jsonl(run / "chosen.jsonl", VerifiedPath)
    assert [path.problem_id for path in chosen] == list(asked)
    assert {path.round for path in chosen} == {1}
    lessons = read_jsonl(run / "lessons.jsonl", Lesson)
    assert {lesson.segments[0].text for lesson in lessons} == {p.question for p in asked.values()}
    assert "Hint" not in (run / "lessons.jsonl").read_text()
    assert "Hint" not in (run / "examples.jsonl").read_text()


def test_a_killed_round_resumes_to_the_same_result(problems) -> None:
    words = [*SMALL, place(problems), *RFT]
    resumes_to_the_same("own", words, (*FILES, "outputs_after.jsonl"))


def chosen_of(run: Path, outputs: Sequence[Output], out: Path, method) -> list[VerifiedPath]:
    """What the stage `choose` leaves of a run whose own paths are `outputs`."""
    write_jsonl(out / "own.jsonl", outputs)
    reads = {name: run / name for name in ("problems.jsonl", "verified.jsonl")}
    with Sandbox(timeout_s=5, memory_mib=64, output_kib=16, workers=1) as executor:
        choose_paths(
            out,
            {**reads, "own_outputs.jsonl": out / "own.jsonl"},
            method=method,
            mode="gold",
            thinking="drop",
            thoughts={"pot": plugin("thought", "pot")},
            teacher_paths=1,
            round_before=1,
            executor=executor,
        )
    return read_jsonl(out / "chosen.jsonl", VerifiedPath)


def test_without_any_right_own_path_the_teachers_stay(rft, tmp_path) -> None:
    run, _ = rft
    wrong = [replace(o, text="ans = 0") for o in read_jsonl(run / "own_outputs.jsonl", Output)]
    star = plugin("round", "star")
    taught = read_jsonl(run / "verified.jsonl", VerifiedPath)
    assert chosen_of(run, wrong, tmp_path, star) == taught


def test_an_own_path_of_a_test_problem_is_refused(rft, tmp_path) -> None:
    run, _ = rft
    problems = read_jsonl(run / "problems.jsonl", Problem)
    tested = next(problem for problem in problems if problem.split == "test")
    output = read_jsonl(run / "own_outputs.jsonl", Output)[0]
    with pytest.raises(ValueError, match=f"{tested.id} is none of the"):
        chosen_of(run, [replace(output, problem_id=tested.id)], tmp_path, plugin("round", "rft"))


def test_a_leaked_problem_is_asked_in_no_round(problems, tmp_path) -> None:
    rows = read_jsonl(problems / "train.jsonl", dict)
    for part, found in (("train", rows), ("test", [{**rows[1], "id": "seen"}])):
        write_jsonl(tmp_path / f"{part}.jsonl", found)
    run, student = planted_run(tmp_path, tmp_path, *RFT)
    leaked = {p.id for p in read_jsonl(run / "problems.jsonl", Problem) if p.leaked}
    assert leaked and not leaked & {problem.id for problem in student.asked}
