"""Accuracy by tokens: what fewer samples, stopping and the run's rule would cost and elect."""

from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdexp.grading.score import votes
from mdexp.grading.stopping import is_settled, settled_at
from mdexp.grading.token_curves import CONFIDENCES, token_curves
from mdexp.grading.vote import elect
from mdexp.grading.vote_rules.majority import MAJORITY
from mdexp.records import Generation
from mdexp.report.build import build_report
from mdexp.report.series import series_classes
from mdexp.report.token_chart import token_chart
from tests.contract.conftest import plugin
from tests.synthetic_run import run_parts
from tests.unit.test_answer_tokens import TOKENS, outputs

RIGHT = 7
NAMES = ["cot", "pot"]


def path(answer, thought="cot", sample=1, problem="p", split="test", logprob=None):
    return Generation(
        problem_id=problem,
        dataset="toy",
        split=split,
        phase="after",
        thought=thought,
        sample=sample,
        num_shots=0,
        text="",
        answer=answer,
        status="no_answer" if answer is None else "ok",
        correct=answer == RIGHT,
        logprob=logprob,
    )


def curves(paths, rule=MAJORITY, voting=NAMES):
    elected = votes(paths, NAMES, rule, voting)
    return token_curves(paths, elected, outputs(paths), NAMES, rule).get("toy")


ANSWERS = st.lists(st.sampled_from([None, 1, 2, RIGHT]), min_size=4, max_size=4)
TOLD = st.fixed_dictionaries(dict.fromkeys(NAMES, ANSWERS))


def told_paths(told, problem="p"):
    return [path(a, t, s, problem) for t in NAMES for s, a in enumerate(told[t], start=1)]


@given(TOLD, st.sampled_from(CONFIDENCES))
def test_a_vote_is_settled_behind_the_first_sample_that_settles_it(told, confidence):
    paths = told_paths(told)
    [end] = settled_at(paths, [confidence])
    heard = {n: [p for p in paths if p.sample <= n] for n in range(1, 5)}
    settled = [n for n in heard if is_settled(heard[n], len(paths) - len(heard[n]), confidence)]
    assert end == min(settled, default=4)


@given(st.lists(TOLD, min_size=1, max_size=4))
def test_a_point_is_the_vote_over_the_paths_that_it_hears(told):
    paths = [p for n, each in enumerate(told) for p in told_paths(each, f"q{n}")]
    found = curves(paths)
    assert list(found) == ["cot", "pot", "mix", "stopping"]
    for name, thoughts in {"cot": ["cot"], "pot": ["pot"], "mix": NAMES}.items():
        assert [point["setting"] for point in found[name]] == [
            "1 sample",
            "2 samples",
            "3 samples",
            "4 samples",
        ]
        for number, point in enumerate(found[name], start=1):
            right = tokens = 0
            for n in range(len(told)):
                ours = [p for p in paths if p.problem_id == f"q{n}" and p.thought in thoughts]
                heard = [p for p in ours if p.sample <= number]
                right += elect(heard, NAMES).correct
                tokens += sum(TOKENS[p.thought] + p.sample for p in heard)
            assert point["accuracy"] == right / len(told)
            assert point["tokens"] == pytest.approx(tokens / len(told))
            assert point["paths"] == number * len(thoughts)
    assert found["stopping"][-1]["accuracy"] == found["mix"][-1]["accuracy"], "confidence 1"


def test_stopping_spends_less_where_paths_agree():
    alike = [path(RIGHT, t, s, f"q{n}") for n in range(3) for t in NAMES for s in range(1, 9)]
    by_confidence = {point["setting"]: point for point in curves(alike)["stopping"]}
    assert by_confidence["confidence 0.95"]["paths"] == 4
    assert by_confidence["confidence 1"]["paths"] == 10, "8 of 16 paths are no majority"
    assert by_confidence["confidence 1"]["tokens"] == sum(TOKENS.values()) * 5 + 2 * 15


def test_a_rule_that_learns_has_a_curve_of_its_own():
    """Wrong answers are unlikely and the more frequent ones; validation tells that."""
    told = {1: -0.1, 2: -3.0, 3: -3.1}
    answers = {1: RIGHT, 2: 1, 3: 1}
    paths = [
        path(answers[s], t, s, f"{split}{n}", split, told[s])
        for split in ("validation", "test")
        for n in range(20)
        for t in NAMES
        for s in told
    ]
    found = curves(paths, plugin("vote", "scorer", temperatures=[0.1]))
    assert [point["accuracy"] for point in found["vote by scorer"]] == [1.0, 1.0, 1.0]
    assert found["mix"][-1]["accuracy"] == 0.0
    assert found["vote by scorer"][-1]["p"] < 1e-5 and found["mix"][-1]["p"] == 1.0
    assert "vote by majority" not in curves(paths)
    scored = [replace(path, score=path.logprob) for path in paths]
    read = curves(scored, plugin("vote", "scorer", temperatures=[0.1]))["vote by scorer"]
    assert [p["tokens"] for p in read] == [2 * p["tokens"] for p in found["vote by scorer"]]


def test_a_thought_without_a_say_has_a_curve_and_is_in_no_mix():
    paths = [path(RIGHT, t, s) for t in NAMES for s in (1, 2)]
    found = curves(paths, voting=["pot"])
    assert list(found) == ["pot", "cot", "stopping"]
    assert {point["paths"] for point in found["stopping"]} <= {1.0, 2.0}


def test_problems_with_other_paths_have_no_curve():
    paths = [path(RIGHT, "cot", s, p) for p in ("a", "b") for s in (1, 2)]
    assert curves(paths) is not None
    assert curves(paths[:-1]) is None, "their vote was settled, or they were searched"
    assert curves([p for p in paths if p.sample == 1]) is None
    assert curves([replace(p, sample=0) for p in paths if p.sample == 1]) is None


def test_the_report_draws_and_lists_them(tmp_path):
    parts = run_parts(samples=(0, 1, 2))
    found = token_curves(
        parts["generations"], parts["votes"], outputs(parts["generations"]), NAMES, MAJORITY
    )
    build_report(tmp_path, **parts, token_curves=found)
    page, markdown = (tmp_path / f"report.{kind}" for kind in ("html", "md"))
    assert '<a href="#tokens">Tokens</a>' in page.read_text()
    assert "| stopping | confidence 0.95 | 4.00 | " in markdown.read_text()
    chart = ElementTree.fromstring(token_chart(found["toy"], series_classes(found["toy"])))
    assert len(chart.findall("polyline")) == len(found["toy"]) == 4
    assert len(chart.findall("circle")) == 2 + 2 + 2 + len(CONFIDENCES)
    build_report(tmp_path, **parts)
    assert "#tokens" not in page.read_text() and "by tokens" not in markdown.read_text()
