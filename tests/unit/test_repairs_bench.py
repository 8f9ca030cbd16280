"""bench/repairs.py and bench/equal_tokens.py on planted repairs and samples."""

import numpy as np
import pytest
from rich.table import Table

from bench.equal_tokens import Spend, at_budget
from bench.repairs import Repaired, Sampled, any_right, fix_table, resampling, resampling_table


def cells(table: Table) -> list[tuple[str, ...]]:
    columns = [[str(cell) for cell in column.cells] for column in table.columns]
    return list(zip(*columns, strict=True))


def repaired(number: int, *, right: bool, raises: bool = False) -> Repaired:
    return Repaired(str(number), raises, right, again=not right, written=10, read=5)


def test_a_budget_between_two_sizes_mixes_them_and_one_beyond_is_refused() -> None:
    sizes = [Spend(0, np.zeros(2)), Spend(10, np.array([0.0, 1.0])), Spend(30, np.ones(2))]
    assert at_budget(sizes, 10).values.tolist() == [0, 1]
    assert at_budget(sizes, 15).values.tolist() == [0.25, 1]
    assert at_budget(sizes, 0).tokens == 0
    with pytest.raises(ValueError, match=r"31.0 tokens is not within 0.0 to 30.0"):
        at_budget(sizes, 31)


def test_any_of_some_samples_is_right_as_often_as_in_all_subsets() -> None:
    assert any_right([True, False], 1) == 0.5
    assert any_right([True, False], 2) == 1
    assert any_right([False, False], 2) == 0
    assert any_right([True, False, False], 2) == pytest.approx(2 / 3)


def test_fix_rates_of_planted_repairs_are_those_planted() -> None:
    own = [repaired(n, right=n < 2, raises=n % 2 == 0) for n in range(10)]
    injected = [repaired(n, right=n < 6) for n in range(8)]
    table = fix_table(own, injected)
    assert [row[:4] for row in cells(table)] == [
        ("own", "raises", "5", "20.0"),
        ("own", "wrong value", "5", "20.0"),
        ("own", "all", "10", "20.0"),
        ("injected", "wrong value", "8", "75.0"),
        ("injected", "all", "8", "75.0"),
    ]
    assert "on the 8 problems that have both: +50.0 points" in str(table.caption)
    assert "4 : 0, p = 0.12" in str(table.caption)


def test_resampling_is_compared_at_equal_tokens_on_the_same_failures() -> None:
    """A repair takes 10 tokens and reads 5, a sample takes 10: 1 sample, and 1.5 of them."""
    own = [repaired(n, right=n < 3, raises=n >= 8) for n in range(10)]
    sampled = {str(n): Sampled([n < 4, False], [10, 10]) for n in range(10)}
    sampled["elsewhere"] = Sampled([True, True], [1, 1])  # it did not fail
    sizes = resampling([sampled[row.problem_id] for row in own])
    assert [size.tokens for size in sizes] == [0, 10, 20]
    assert [float(size.values.mean()) for size in sizes] == pytest.approx([0, 0.2, 0.4])
    rows = cells(resampling_table(own, sampled))
    assert [row[:5] for row in rows[:3]] == [
        ("all", "repair", "10", "10 and 5 read", "30.0"),
        ("all", "samples, as many written", "10", "10", "20.0"),
        ("all", "samples, written and read", "10", "15", "30.0"),
    ]
    assert rows[1][5].startswith("+10.0 (") and rows[2][5].startswith("+0.0 (")
    assert [row[:5] for row in rows[3:5]] == [
        ("raises", "repair", "2", "10 and 5 read", "0.0"),
        ("raises", "samples, as many written", "2", "10", "0.0"),
    ]


def test_a_budget_that_samples_do_not_reach_is_said() -> None:
    own = [repaired(0, right=False)]
    rows = cells(resampling_table(own, {"0": Sampled([False], [12])}))
    assert rows[2][4] == "needs more samples"
