"""`seeds=N`: one command for several seeds, and what they come to together."""

import pytest

from mdexp.commands.run_plan import judged_jobs
from mdexp.commands.seed_tables import seed_tables
from mdexp.grading.pairing import compare_groups
from mdexp.store.files import read_json, write_json
from mdexp.sweeps.jobs import JobResult
from mdexp.sweeps.overview import write_overview
from mdexp.sweeps.seeds import print_seeds, seeded
from mdexp.sweeps.sweep_plan import SweepError
from tests.unit.test_compare import run_folder


def job(number, folder, *overrides):
    """A job that is done, as a sweep records it."""
    row = {"accuracy": 0.5, "ci95": [0.4, 0.6], "n": 20, "num_paths": 1, "rule": "greedy"}
    return JobResult(
        job=number,
        state="ok",
        overrides=list(overrides),
        folder=str(folder),
        metrics={"toy": {"after": {"cot": row}}},
    )


def jobs_of(tmp_path, lambdas=("0",), seeds=(0, 1, 2)):
    made = []
    for value in lambdas:
        for seed in seeds:
            folder = tmp_path / str(len(made))
            settings = {"seed": seed, "lambda": value}
            run_folder(folder, {"cot": 8 + 2 * seed, "pot": 12}, settings=settings, first=seed)
            write_json(folder / "run.json", read_json(folder / "run.json") | {"stages": []})
            made.append(job(len(made), folder, f"lambda={value}", f"seed={seed}"))
    return made


@pytest.mark.parametrize(
    ("words", "sweep"),
    [
        (["seeds=3"], ["-m", "seed=0,1,2"]),
        (["seeds=2", "seed=5", "lambda=0.5"], ["-m", "lambda=0.5", "seed=5,6"]),
        (["-m", "lambda=0,1", "seeds=2"], ["-m", "lambda=0,1", "seed=0,1"]),
        (["seeds=1"], ["-m", "seed=0"]),
        (["lambda=0.5", "seed=3"], ["lambda=0.5", "seed=3"]),
    ],
)
def test_it_is_a_sweep_over_the_seed(words, sweep):
    assert seeded(words) == sweep
    assert seeded(sweep) == sweep


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["seeds=0"], "from 1"),
        (["seeds=many"], "seeds=many"),
        (["seeds=3", "seed=1,2"], "seed=1,2"),
        (["-m", "sweep=optuna", "seeds=3"], "sweep=optuna"),
    ],
)
def test_what_is_no_number_of_seeds_is_refused(words, said):
    with pytest.raises(SweepError, match=said):
        seeded(words)


def test_each_seed_is_a_job_of_the_same_run():
    jobs = judged_jobs(["seeds=3", "experiment=pot"])
    assert [settings.seed for settings in jobs] == [0, 1, 2]
    alike = [settings.model_copy(update={"seed": 0}) for settings in jobs]
    assert alike[0] == alike[1] == alike[2]


def test_problems_are_the_clusters_of_seeds(tmp_path):
    found = seed_tables(jobs_of(tmp_path))
    by_way = {mean.way: mean for mean in found.means}
    assert by_way["cot"].seeds == (0, 1, 2)
    assert by_way["cot"].accuracies == (0.4, 0.5, 0.6) and by_way["cot"].mean == 0.5
    low, high = by_way["cot"].ci95
    assert low < 0.5 < high and by_way["cot"].n == 20
    cot = [{f"{k}": s <= k < s + 8 + 2 * s for k in range(20)} for s in range(3)]
    pot = [{f"{k}": s <= k < s + 12 for k in range(20)} for s in range(3)]
    ours = next(d for d in found.differences if (d.a, d.b) == ("cot", "pot"))
    assert (ours.difference, ours.p) == (
        pytest.approx(compare_groups(cot, pot, same_students=True).difference.mean),
        pytest.approx(compare_groups(cot, pot, same_students=True).mcnemar.p),
    )


def test_groups_of_a_grid_are_named_by_what_differs(tmp_path):
    found = seed_tables(jobs_of(tmp_path, lambdas=("0", "1"), seeds=(0, 1)))
    assert {mean.overrides for mean in found.means} == {"lambda=0", "lambda=1"}
    assert {(d.a, d.b) for d in found.differences} >= {("cot lambda=0", "cot lambda=1")}


def test_one_seed_each_comes_to_nothing_together(tmp_path):
    found = seed_tables(jobs_of(tmp_path, lambdas=("0", "1"), seeds=(0,)))
    assert found.means == found.differences == () and not found.note


def test_seeds_that_met_other_problems_are_not_pooled(tmp_path):
    first = run_folder(tmp_path / "a", {"cot": 8}, settings={"seed": 0})
    second = run_folder(tmp_path / "b", {"cot": 8}, n=10, settings={"seed": 1})
    found = seed_tables([job(0, first, "seed=0"), job(1, second, "seed=1")])
    assert found.means == () and "on one side only" in found.note


def test_page_and_terminal_show_them(tmp_path, capsys):
    jobs = jobs_of(tmp_path)
    tables = seed_tables(jobs)
    write_overview(tmp_path, jobs, tables)
    page = (tmp_path / "sweep.html").read_text()
    assert "Seeds together" in page and "0: 40.0, 1: 50.0, 2: 60.0" in page
    print_seeds(tables)
    assert "toy cot: 50.0 % [" in capsys.readouterr().out
    write_overview(tmp_path, jobs)
    assert "Seeds together" not in (tmp_path / "sweep.html").read_text()
