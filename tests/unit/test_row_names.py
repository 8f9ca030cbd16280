"""Rows are called alike wherever people see them."""

import pytest

from mdexp.records.row_names import row_name, row_names
from mdexp.sweeps.jobs import JobResult, column_name

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
