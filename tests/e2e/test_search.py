"""A run that is searched by its own scorer, from its commands to its report."""

import json

import pytest

from mdexp.commands.solve import main as solve
from mdexp.records import Generation
from mdexp.store.files import read_json
from mdexp.store.json_lines import read_jsonl

SEARCH = [
    *("experiment=energy", "thought=[pot]", "objective=union", "lambda=null"),
    *("decoding=search", "decoding.search.scorer=run", "decoding.search.budget=900"),
    *("decoding.num_paths=3", "decoding.validation_paths=1", "decoding.num_validation=2"),
    *("trainer.max_steps=1", "scorer.num_paths=2", "scorer.num_problems=4"),
]


@pytest.fixture(scope="module")
def run(kept_run):
    return kept_run(*SEARCH)


def test_a_run_is_searched_by_its_own_scorer_within_the_budget(run):
    [after] = [s for s in read_json(run / "run.json")["stages"] if s["name"] == "after"]
    spent = after["counts"]["pot"]["tokens of searches"]
    assert all(spent[kind] > 0 for kind in ("prompt", "written", "scored"))
    paths = read_jsonl(run / "generations.jsonl", Generation)
    searched = [g for g in paths if g.phase == "after" and g.sample == 0]
    assert len(searched) == 4 + 2
    assert all(sum(g.trace["spent"].values()) <= 900 for g in searched)
    assert '<svg class="tree"' in (run / "report.html").read_text(encoding="utf-8")


def test_a_question_is_searched_by_the_scorer_of_the_run(run, capsys):
    assert solve([str(run), "Ann has 3 pens and finds 4. How many has she?", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    best = found["paths"][0]
    assert best["trace"]["spent"]["scored"] > 0 and len(best["trace"]["tree"]) > 1
