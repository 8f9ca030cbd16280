"""What any teacher has to do; those that need no network do it here."""

import json
from itertools import groupby

import pytest

from mdexp.records import Path, Problem
from tests.buyer import NO_PROGRAMS
from tests.contract.conftest import names, plugin
from tests.e2e.conftest import kept_run, problems  # noqa: F401  # fixtures

FOUND = {name: plugin("thought", name) for name in names("thought")}
# What a teacher is asked for: of a thought that derives from others, those.
THOUGHTS = {name: thought for name, thought in FOUND.items() if not thought.made_from}
PROBLEMS = [
    Problem(
        id=f"p{i}",
        dataset="toy",
        split="train",
        question=f"Ann has {i} pens and buys {j} pens for $2 each. What does she pay?",
        answer=2 * j,
        rationale=f"She pays {j} * 2 = {2 * j} dollars.",
    )
    for i, j in [(3, 14), (5, 21), (8, 34)]
]
NEEDS = {  # beside the key num_paths
    "openai": {"model": "some-model", "base_url": "http://127.0.0.1:1/v1"},
    "served": {"model": "some-model", "command": "true {model} {port}"},
    "replay": {"path": "recorded.jsonl"},
    "worked": {},
    "annotations": {},
    "student": {"run": "finished"},
}
OFFLINE = ["replay", "worked"]


def test_teachers_are_found():
    assert set(names("teacher")) == set(NEEDS), "say here what a new teacher needs"


@pytest.fixture(scope="module")
def finished(kept_run):  # noqa: F811
    """A run that trained."""
    return kept_run("stages=[prepare,extract,verify,examples,train]")


@pytest.fixture
def teacher(request, tmp_path, monkeypatch):
    if request.param == "student":
        (tmp_path / "finished").symlink_to(request.getfixturevalue("finished"))
    monkeypatch.chdir(tmp_path)
    rows = [
        {"id": p.id, "thought": t, "completion": f"{t} {k} of {p.id}", "model": "recorded"}
        for k in range(4)
        for t in THOUGHTS
        for p in PROBLEMS[::-1]
    ]
    (tmp_path / "recorded.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return lambda num_paths: plugin(
        "teacher", request.param, num_paths=num_paths, **NEEDS[request.param]
    )


@pytest.mark.parametrize("teacher", names("teacher"), indirect=True)
def test_it_names_the_files_it_reads_and_whether_to_ask_again(teacher):
    assert all(file.is_file() for file in teacher(1).files().values())
    assert teacher(3).num_paths == 3
    assert isinstance(teacher(1).ask_again, bool)


@pytest.mark.parametrize("teacher", names("teacher"), indirect=True)
def test_asked_nothing_it_says_nothing(teacher, tmp_path):
    assert list(teacher(2).paths([], THOUGHTS, tmp_path / "ledger", NO_PROGRAMS)) == []


@pytest.mark.parametrize("teacher", OFFLINE, indirect=True)
def test_paths_come_by_problem_thought_and_sample(teacher, tmp_path):
    found = list(teacher(3).paths(PROBLEMS, THOUGHTS, tmp_path, NO_PROGRAMS))
    assert all(isinstance(path, Path) and path.text and path.model for path in found)
    order = [(p.id, thought) for p in PROBLEMS for thought in THOUGHTS]
    places = [order.index((path.problem_id, path.thought)) for path in found]
    assert places == sorted(places)
    assert {(p.id, thought) for p in PROBLEMS for thought in ("cot", "pot", "eot")} <= {
        (path.problem_id, path.thought) for path in found
    }, "it has a path for each thought that it can write"
    for _, paths in groupby(found, key=lambda path: (path.problem_id, path.thought)):
        samples = [path.sample for path in paths]
        assert samples == list(range(len(samples)))


@pytest.mark.parametrize("teacher", OFFLINE, indirect=True)
def test_fewer_paths_are_the_first_of_more(teacher, tmp_path):
    most = list(teacher(4).paths(PROBLEMS, THOUGHTS, tmp_path, NO_PROGRAMS))
    assert list(teacher(4).paths(PROBLEMS, THOUGHTS, tmp_path, NO_PROGRAMS)) == most
    for num_paths in (1, 2, 3):
        fewer = list(teacher(num_paths).paths(PROBLEMS, THOUGHTS, tmp_path, NO_PROGRAMS))
        assert fewer == [path for path in most if path.sample < num_paths]


@pytest.mark.parametrize("teacher", OFFLINE, indirect=True)
def test_a_thought_asked_alone_gets_the_same_paths(teacher, tmp_path):
    together = list(teacher(2).paths(PROBLEMS, THOUGHTS, tmp_path, NO_PROGRAMS))
    for name, thought in THOUGHTS.items():
        alone = list(teacher(2).paths(PROBLEMS, {name: thought}, tmp_path, NO_PROGRAMS))
        assert alone == [path for path in together if path.thought == name]
