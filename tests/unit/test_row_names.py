"""Rows are called alike wherever people see them."""

import pytest

from mdexp.records.row_names import row_name, row_names
from mdexp.sweeps.jobs import JobResult, accuracy, accuracy_columns, column_name

MAJORITY = "majority, ties to cot, pot"


def row(num_paths=1, rule="greedy"):
    return {"num_paths": num_paths, "rule": rule}


@pytest.mark.parametrize(
    ("num_paths", "rule", "name"),
    [
        (2, MAJORITY, "tie-break"),
        (8, MAJORITY, "vote of 8"),
        (3, "majority, ties to cot, pot, eot", "vote of 3"),
        (2, "cascade cot, pot", "cascade"),
        (8, "agreement, else cascade cot, pot", "agreement of 8"),
        (2, "majority by likelihood, ties to cot, pot", "vote by likelihood of 2"),
    ],
)
def test_a_vote_is_called_by_its_rule_and_its_paths(num_paths, rule, name):
    assert row_name("vote", [row(num_paths, rule)]) == name


def test_the_vote_comes_last_and_of_one_answer_there_is_none():
    rows = {"vote": row(8, MAJORITY), "cot": row(), "cot vote": row(4, "majority, ties to cot")}
    assert row_names({"after": rows}) == {
        "cot": "cot",
        "cot vote": "cot vote of 4",
        "vote": "vote of 8",
    }
    assert row_names({"after": {"cot": row(), "vote": row(1, "majority, ties to cot")}}) == {
        "cot": "cot"
    }


def test_jobs_that_vote_differently_share_the_plain_name():
    def job(number, vote):
        return JobResult(
            job=number,
            state="ok",
            overrides=[],
            folder="",
            metrics={"toy": {"after": {"cot": row(), "vote": vote}}},
        )

    jobs = [job(0, row(2, MAJORITY)), job(1, row(2, MAJORITY)), job(2, row(8, MAJORITY))]
    assert column_name(jobs[:2], "toy", "vote") == "tie-break"
    assert column_name(jobs[2:], "toy", "vote") == "vote of 8"
    assert column_name(jobs, "toy", "vote") == "vote"
    assert column_name(jobs, "toy", "cot") == "cot"


def test_columns_stand_set_by_set_with_the_vote_last():
    ways = {"after": {"vote": row(2, MAJORITY), "cot": row()}}
    job = JobResult(
        job=0, state="ok", overrides=[], folder="", metrics={"toy": ways, "asdiv": ways}
    )
    found = [("toy", "cot"), ("toy", "vote"), ("asdiv", "cot"), ("asdiv", "vote")]
    assert accuracy_columns([job]) == found


def test_a_vote_of_one_answer_is_no_cell_of_a_sweep():
    measured = {"accuracy": 0.5, "ci95": [0.4, 0.6]}
    one = {"cot": row() | measured, "vote": row(1, "majority, ties to cot") | measured}
    two = {"cot": row() | measured, "vote": row(2, MAJORITY) | measured}
    jobs = [
        JobResult(job=k, state="ok", overrides=[], folder="", metrics={"toy": {"after": rows}})
        for k, rows in enumerate((one, two))
    ]
    assert accuracy_columns(jobs[:1]) == [("toy", "cot")]
    assert column_name(jobs, "toy", "vote") == "tie-break"
    assert accuracy(jobs[0].metrics, "toy", "vote") == ""
    assert accuracy(jobs[1].metrics, "toy", "vote").startswith("50.0")
