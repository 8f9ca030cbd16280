"""The page of a study: verdicts of planted data, from files alone, and what has to run again."""

import copy
import json
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import yaml
from scipy.stats import binomtest

from mdexp.commands.study import judged_arms, main, placed, refuse_other_code, refuse_unanswered
from mdexp.config.settings import SettingsError
from mdexp.studies.arm_costs import arm_rows
from mdexp.studies.checks import (
    Check,
    CheckList,
    CheckRow,
    check_rows,
    difference_text,
    read_checks,
)
from mdexp.studies.evidence import judged_tests, question_verdict, smallest_visible
from mdexp.studies.job_record import SampledPaths, read_records, write_record
from mdexp.studies.page import wrapped, write_pages
from mdexp.studies.plan import Study, VoteCurve, read_plan
from mdexp.studies.predictions import read_suits
from mdexp.studies.schedule import all_jobs, chosen_values, outdated
from mdexp.studies.study_files import StudyError
from mdexp.studies.verdicts import affordable, solved, vote_curve
from mdexp.sweeps.jobs import JobResult
from tests.planted_study import (
    null_records,
    planted_interaction,
    planted_pair,
    record,
)

ROOT = Path(__file__).parents[2]
NUMBER = 300
PLAN = {
    "commit": None,
    "settings": ["student=tiny_causal", "decoding.num_paths=2"],
    "problems": {"toy": NUMBER},
    "sets": {"toy": {"dataset": "toy", "settings": ["dataset=jsonl", "dataset.path=$DATA"]}},
    "searches": {
        "rate": {
            "key": "trainer.learning_rate",
            "values": ["1e-4", "2e-4"],
            "set": "toy",
            "settings": ["experiment=cot"],
            "row": "cot",
        }
    },
    "arms": {
        "cot": {
            "about": "prose",
            "set": "toy",
            "settings": ["lambda=1"],
            "search": "rate",
            "seeds": [0, 1],
        },
        "pot": {"about": "programs", "set": "toy", "settings": ["lambda=0"], "seeds": [0, 1]},
        "md": {"about": "both", "set": "toy", "settings": ["lambda=0.5"], "turn": 2},
    },
    "questions": {
        "a": {
            "title": "PoT above CoT",
            "claim": "Programs solve more <problems>.",
            "caveats": ["One seed."],
            "tests": [
                {
                    "first": {"arm": "cot", "row": "cot"},
                    "second": {"arm": "pot", "row": "pot"},
                    "discordant": 0.3,
                }
            ],
        },
        "e": {
            "title": "By type",
            "claim": "λ matters by type.",
            "interactions": [
                {
                    "arms": {0: "pot", 0.5: "md", 1: "cot"},
                    "row": "vote",
                    "by": "type",
                    "swept": "λ",
                    "groups": 2,
                    "discordant": 0.3,
                }
            ],
        },
        "d": {
            "title": "Paths",
            "claim": "A curve.",
            "curves": [
                {"name": "both", "arm": "md", "thoughts": ["cot", "pot"], "most": 4},
                {
                    "name": "both by tokens",
                    "arm": "md",
                    "thoughts": ["cot", "pot"],
                    "budgets": [40, 80],
                },
            ],
        },
    },
}


@pytest.fixture
def study() -> Study:
    return Study.model_validate(PLAN)


def verdicts(study: Study, records) -> dict[str, str | None]:
    judged = judged_tests(study, records)
    return {
        name: question_verdict([test for test in judged if test.question == name])
        for name in study.questions
    }


@pytest.mark.parametrize(
    ("difference", "verdict"), [(0.2, "seen"), (0.0, "not seen"), (-0.2, "opposite")]
)
def test_a_planted_difference_gives_its_verdict(study, difference, verdict):
    [test] = study.questions["a"].tests
    records = planted_pair(study, test, difference, np.random.default_rng(0))
    assert verdicts(study, records) == {"a": verdict, "e": "not run", "d": None}


@pytest.mark.parametrize(("spread", "verdict"), [(0.5, "seen"), (0.0, "not seen")])
def test_a_planted_interaction_gives_its_verdict(study, spread, verdict):
    [test] = study.questions["e"].interactions
    records = planted_interaction(study, test, spread, np.random.default_rng(0))
    assert verdicts(study, records)["e"] == verdict


def test_an_interaction_shows_each_kind_at_each_value(study):
    [test] = study.questions["e"].interactions
    records = planted_interaction(study, test, 1.0, np.random.default_rng(0))
    [judged] = [j for j in judged_tests(study, records) if j.question == "e"]
    shown = judged.evidence.accuracies()
    assert list(shown) == ["type kind 0 (n = 150)", "type kind 1 (n = 150)"]
    rising, falling = shown.values()
    assert rising[0] == falling[2] == 0 and rising[2] == falling[0] == 1
    # over 0, 0.5 and 1 the line through three points rises as from the first to the last
    assert [e.mean for e in judged.evidence.estimates] == pytest.approx([1, -1])


def test_votes_of_the_same_students_are_compared_within_each(study):
    """Students that differ much, and of whose two rows the second solves one problem more."""
    solved_by = {0: 50, 1: 250}
    of_both = PLAN["questions"]["a"]["tests"][0] | {"first": {"arm": "cot", "row": "dot"}}
    second = {"arm": "cot", "row": "cot"}
    question = PLAN["questions"]["a"] | {"tests": [of_both | {"second": second}]}
    study = Study.model_validate(PLAN | {"questions": {"a": question}})
    records = {}
    for seed, number in solved_by.items():
        rows = {"cot": np.arange(NUMBER) < number + 1, "dot": np.arange(NUMBER) < number}
        records[f"cot-{seed}"] = record("cot", {"toy": (rows, {})}, seed=seed)
    [judged] = judged_tests(study, records)
    assert judged.evidence.same_students
    low, high = judged.evidence.estimates[0].ci95
    assert low == 0 and high < 0.02


def test_an_interaction_of_problems_of_one_kind_is_refused(study):
    [test] = study.questions["e"].interactions
    records = planted_interaction(study, test, 0.5, np.random.default_rng(0))
    for each in records.values():
        each.tests["toy"].kinds["type"][:] = ["only"] * NUMBER
    with pytest.raises(StudyError, match="all problems are of one kind, only"):
        judged_tests(study, records)


def test_tests_that_have_not_run_count_in_the_correction(study):
    # 7 discordant problems of which the second solves all: p = 2 / 2^7 = 0.016, twice that 0.03
    right = np.zeros((2, NUMBER), dtype=bool)
    right[1, :7] = True
    records = {
        f"{arm}-0": record(arm, {"toy": ({row: right[k], "vote": right[k]}, {})})
        for k, (arm, row) in enumerate((("cot", "cot"), ("pot", "pot")))
    }
    [judged] = [j for j in judged_tests(study, records) if j.question == "a"]
    assert judged.evidence and judged.evidence.p == pytest.approx(2 / 2**7)
    assert judged.holm == pytest.approx(4 / 2**7) and judged.verdict == "seen"
    many = PLAN["questions"] | {f"a{k}": PLAN["questions"]["a"] for k in range(3)}
    longer = Study.model_validate(
        PLAN
        | {
            "questions": many,
            "searches": {},
            "arms": {name: arm | {"search": None} for name, arm in PLAN["arms"].items()},
        }
    )
    assert judged_tests(longer, records)[0].holm == pytest.approx(10 / 2**7)
    assert judged_tests(longer, records)[0].verdict == "not seen"


def test_several_seeds_are_compared_where_both_sides_have_them(study):
    two = PLAN["arms"] | {"cot": PLAN["arms"]["cot"] | {"seeds": [0, 1, 2]}}
    study = Study.model_validate(PLAN | {"arms": two})
    records = null_records(study, np.random.default_rng(0))
    [judged] = [j for j in judged_tests(study, records) if j.question == "a"]
    assert judged.evidence and judged.evidence.seeds == [0, 1]
    assert judged.evidence.first.shape == (2, NUMBER)
    del records["pot-1"]
    assert judged_tests(study, records)[0].evidence.seeds == [0]


def test_false_claims_are_rare_and_the_smallest_visible_difference_is_seen(study):
    """The long version, of the study itself: bench/study.py."""
    wrong = sum(
        any(
            test.verdict in ("seen", "opposite")
            for test in judged_tests(study, null_records(study, np.random.default_rng([1, k])))
        )
        for k in range(60)
    )
    assert wrong <= 6  # of 60 at 5 %, more than 6 come in 3 % of such counts
    [test] = study.questions["a"].tests
    smallest = smallest_visible(study, test)
    seen = 0
    for k in range(60):
        records = planted_pair(study, test, smallest, np.random.default_rng([2, k]))
        seen += judged_tests(study, records)[0].verdict == "seen"
    assert 38 <= seen <= 57  # 80 % are expected


def sampled_md(study: Study):
    """Two problems; CoT is right in its first sample, PoT in its last two."""
    paths = {
        "cot": SampledPaths(
            keys=[["1", "2"], [None, "5"]], right=["10", "00"], tokens=[[9, 9], [9, 9]]
        ),
        "pot": SampledPaths(
            keys=[["2", "1"], ["4", "4"]], right=["01", "11"], tokens=[[5, 5], [5, 5]]
        ),
    }
    two = study.model_copy(update={"problems": {"toy": 2}})
    return two, {"md-0": record("md", {"toy": ({}, paths)})}


def test_a_vote_takes_the_first_samples_of_each_thought(study):
    two, records = sampled_md(study)

    def right(**system):
        asked = type(study.questions["a"].tests[0].first)(arm="md", **system)
        return solved(two, asked, [0], records)[0].tolist()

    assert right(thoughts=["cot"], paths=1) == [True, False]
    assert right(thoughts=["pot"], paths=2) == [False, True]  # a tie goes to the earlier sample
    assert right(thoughts=["cot", "pot"], paths=4) == [True, True]
    assert right(thoughts=["cot", "pot"], tokens=14) == [True, True]  # one of each
    assert right(thoughts=["pot"], tokens=1) == [False, True]  # one at least
    with pytest.raises(StudyError, match="fewer than 3 paths"):
        right(thoughts=["cot"], paths=3)


def test_the_share_cut_short_is_that_of_each_thought(study):
    two, records = sampled_md(study)
    limited = records["md-0"].model_copy(update={"settings": ["decoding.max_new_tokens=9"]})
    [row] = [row for row in arm_rows(two, {"md-0": limited}) if row["name"] == "md"]
    assert row["cut"] == {"cot": 1.0, "pot": 0.0}


def test_a_test_set_that_a_record_lacks_is_named(study):
    [test] = study.questions["a"].tests
    records = planted_pair(study, test, 0.2, np.random.default_rng(0))
    lacking = record("pot", {"other": ({"pot": np.ones(NUMBER, dtype=bool)}, {})})
    with pytest.raises(StudyError, match="job pot-0 was tested on other, not toy"):
        judged_tests(study, records | {"pot-0": lacking})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r["rows"].update(pot="01"), "pot has 2 entries for 300 problems"),
        (lambda r: r["rows"].update(pot="t" * NUMBER), "rows.pot"),
        (lambda r: r["kinds"].update(type=["a"]), "type has 1 entries for 300 problems"),
        (
            lambda r: r["paths"]["cot"]["tokens"][0].pop(),
            "problem 0: 8 keys, 8 verdicts and 7 token counts",
        ),
        (lambda r: r["paths"]["cot"].update(keys=[], right=[], tokens=[]), "paths of cot has 0"),
    ],
)
def test_a_record_that_lacks_a_problem_is_refused(study, tmp_path, change, message):
    name, made = next(iter(null_records(study, np.random.default_rng(0), ["md"]).items()))
    write_record(tmp_path, name, made)
    file = tmp_path / "jobs" / f"{name}.json"
    told = json.loads(file.read_text())
    change(told["tests"]["toy"])
    file.write_text(json.dumps(told))
    with pytest.raises(StudyError, match=f"{name}.json.*{message}"):
        read_records(tmp_path)


def test_a_record_under_the_name_of_another_job_is_refused(study, tmp_path):
    write_record(tmp_path, "pot-0", record("pot", {}))
    write_record(tmp_path, "pot-1", record("pot", {}))
    with pytest.raises(StudyError, match=r"pot-1\.json is the record of pot, seed 0"):
        read_records(tmp_path)


def test_tokens_pay_for_thoughts_in_turn():
    assert affordable([[10, 10, 10], [3, 3, 3]], 26) == [2, 2]
    assert affordable([[10, 10, 10], [3, 3, 3]], 25) == [2, 1]
    assert affordable([[10], [3]], 1) == [1, 0]


def test_a_curve_is_a_mean_over_subsets(study):
    two, records = sampled_md(study)
    curve, _ = two.questions["d"].curves
    points = vote_curve(two, curve, [0], records)
    # Of two paths a tie goes to CoT: each problem is right with one of its two CoT paths.
    assert [(p.budget, p.spent, p.accuracy) for p in points] == [(2, 2, 0.5), (4, 4, 1.0)]


def test_a_curve_by_tokens_says_what_was_spent(study):
    two, records = sampled_md(study)

    def points(thoughts, budgets):
        curve = VoteCurve(name="c", arm="md", thoughts=thoughts, budgets=budgets)
        found = vote_curve(two, curve, [0], records)
        return [(point.budget, point.spent, point.accuracy) for point in found]

    # A path of CoT takes 9 tokens, one of PoT 5; there are two of each.
    assert points(["cot", "pot"], [14, 28, 99]) == [(14, 14, 1), (28, 28, 1), (99, 28, 1)]
    assert points(["pot"], [4, 9, 10]) == [(4, 5, 0.5), (9, 5, 0.5), (10, 10, 0.5)]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "give either most or budgets"),
        ({"most": 2, "budgets": [4]}, "give either most or budgets"),
        ({"budgets": [4, 2]}, r"budgets=\[4, 2\] do not ascend"),
    ],
)
def test_a_curve_is_by_paths_or_by_rising_budgets(given, message):
    with pytest.raises(ValueError, match=message):
        VoteCurve.model_validate({"name": "c", "arm": "md", "thoughts": ["cot"]} | given)


CHECK = {"method": "PaD", "claim": "better", "n": 100, "planned": True}
CHECK |= {"entry": "today", "quotes": ["as measured"]}


@pytest.mark.parametrize(
    ("result", "outcome", "text"),
    [
        ({"solved_alone": [2, 20]}, "above zero", "+18.0 ("),
        ({"solved_alone": [20, 2]}, "below zero", "-18.0 ("),
        ({"solved_alone": [11, 10]}, "not apart from zero", "-1.0 ("),
        ({"solved_alone": [0, 19]}, "too small to tell", "+19.0 ("),
        ({"difference": [0.1, 0.02, 0.2], "p": 0.03}, "above zero", "+10.0 (+2.0 to +20.0)"),
        ({"difference": [0, -0.1, 0], "p": 1}, "not apart from zero", "+0.0 (-10.0 to +0.0)"),
        ({"difference": [0, -0.1, 0.11]}, "too small to tell", "+0.0 (-10.0 to +11.0)"),
        (
            {"difference": [-0.1, -0.2, -0.05], "unit": "AUC"},
            "below zero",
            "-0.100 (-0.200 to -0.050) AUC",
        ),
        ({"accuracies": [0.3, 0.2], "p": 0.55}, "not apart from zero", ""),
        ({"accuracies": [0.3, 0.2], "p": 0.05}, "below zero", ""),
        ({"accuracies": [0.2, 0.3], "p": 0.05}, "above zero", ""),
    ],
)
def test_the_outcome_of_a_check_is_where_its_interval_lies(result, outcome, text):
    [row] = check_rows([Check.model_validate(CHECK | result)])
    assert row.outcome == outcome and difference_text(row).startswith(text)
    if "solved_alone" in result:
        alone = result["solved_alone"]
        assert row.p == pytest.approx(binomtest(min(alone), sum(alone)).pvalue)


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ({}, "give solved_alone, or difference"),
        ({"p": 0.5}, "or accuracies and p"),
        ({"solved_alone": [1, 2], "p": 0.5}, "solved_alone gives the difference and p"),
        ({"solved_alone": [60, 50]}, "more than the 100 problems"),
        ({"solved_alone": [2, 20], "accuracies": [0.1, 0.2]}, r"by \+0.100, not by \+0.180"),
        ({"difference": [0.1, 0.2, 0.05]}, "not -1 <= low <= mean"),
        ({"accuracies": [30, 20], "p": 0.5}, "less than or equal to 1"),
        (
            {"difference": [0, 0, 0], "accuracies": [0.1, 0.1], "unit": "AUC"},
            "unit=AUC goes with difference",
        ),
    ],
)
def test_a_check_that_contradicts_itself_is_refused(tmp_path, result, message):
    (tmp_path / "checks.yaml").write_text(yaml.safe_dump({"checks": [CHECK | result]}))
    with pytest.raises(StudyError, match=f"checks.yaml: checks.0.*{message}"):
        read_checks(tmp_path)


def test_figures_of_the_checks_stand_in_the_quoted_words_of_the_log():
    """A sign may be turned there, where the log names the sides in the other order."""
    parts = re.split(r"^## \S+ ", (ROOT / "LOG.md").read_text(), flags=re.MULTILINE)
    entries = {part.partition("\n")[0]: " ".join(part.split()) for part in parts}
    rows = check_rows(read_checks(ROOT / "study").checks)
    assert len(rows) == 27
    for row in rows:
        entry, quoted = entries[row.check.entry], " ".join(row.check.quotes)
        assert all(quote in entry for quote in row.check.quotes), row.check.claim
        assert _stands((str(row.check.n), f"{row.check.n:,}"), entry), row.check.claim
        missing = [words for words in _in_the_log(row) if not _stands(words, quoted)]
        assert not missing, f"{row.check.claim}: {missing}"


def _stands(alternatives: tuple[str, ...], entry: str) -> bool:
    """Whether one of them stands there, and not as a part of a longer number."""
    return any(re.search(rf"(?<![\d.]){re.escape(a)}(?![\d]|\.\d)", entry) for a in alternatives)


def _in_the_log(row: CheckRow) -> list[tuple[str, ...]]:
    """The figures of a check, each in the ways in which LOG.md may write it."""
    check = row.check
    if check.unit == "AUC":
        assert check.difference is not None
        mean, low, high = (f"{value:+.3f}" for value in check.difference)
        return [(f"{mean} ({low} to {high})",)]
    assert check.accuracies or check.solved_alone, "else nothing says which side is better"
    shares = [*(check.accuracies or ()), *(check.difference or ())]
    found = [(f"{abs(100 * share):.1f}",) for share in shares]
    if check.solved_alone:
        first, second = check.solved_alone
        found.append((f"{first} : {second}", f"{second} : {first}"))
    if row.p is not None:
        written = [f"{row.p:.{digits}g}".replace("e-0", "e-") for digits in (1, 2)]
        found.append((*written, f"{row.p:.3f}"))
    return found


def test_the_page_is_rendered_from_its_files_alone(study, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "study.yaml").write_text(yaml.safe_dump(PLAN, allow_unicode=True))
    for name, each in null_records(study, np.random.default_rng(0)).items():
        write_record(folder, name, each)
    [test] = study.questions["a"].tests
    for name, each in planted_pair(study, test, 0.2, np.random.default_rng(0)).items():
        if name != "md-0":
            write_record(folder, name, each)
    (folder / "jobs" / "pot-1.json").unlink()
    checks = {"checks": [CHECK | {"solved_alone": [2, 20]}], "not_run": ["tir"]}
    (folder / "checks.yaml").write_text(yaml.safe_dump(checks))
    assert main([str(folder)]) == 0
    text, page = (tmp_path / "docs/study.md").read_text(), (folder / "study.html").read_text()
    assert (
        "| a. PoT above CoT | **seen** | 1 seen |" in text
        and "| e. By type | **not seen** |" in text
    )
    assert "both, % right by paths in all (95 %): 2:" in text and "●" in text
    assert "0 (not run: 1)" in text and "pot-1" in text.rpartition("## Jobs not run")[2]
    assert 'class="forest"' in page and 'class="chart"' in page
    assert "Programs solve more &lt;problems&gt;." in page
    assert "Accuracy of the vote on toy against the target tokens" in page
    assert "measured by other commands | no verdict planned | 1 above zero |" in text
    assert "Not measured: tir." in text and "Not measured: tir." in page
    assert "+18.0" in text and '<a href="#checks">' in page
    assert "both by tokens, % right by the tokens" in text and "tokens spent on a problem" in page
    assert "**Caveat.** One seed." in text and "Caveat: One seed." in page
    assert "http" not in page.replace("http-equiv", ""), "it needs nothing beside it"
    assert {file.name for file in tmp_path.iterdir()} == {"mine", "docs"}, (
        "nothing else was touched"
    )


def test_without_results_all_is_listed_as_not_run(study, tmp_path):
    write_pages(study, {}, {}, CheckList(), tmp_path / "study.md", tmp_path / "study.html")
    text = (tmp_path / "study.md").read_text()
    unwrapped = " ".join(text.split())
    assert "0 of 7 jobs have run" in unwrapped and "seen**" not in unwrapped
    for name in ("a. PoT above CoT", "d. Paths", "e. By type"):
        assert f"| {name} | **not run** |" in text
    assert "search-rate-1e-4, search-rate-2e-4, cot-0, pot-0, cot-1, pot-1, md-0" in text


def test_paragraphs_are_wrapped_and_nothing_else_is():
    long = "word " * 40
    kept = [f"| {long}|", f"# {long}", f"```text\n{long}\n\n{long}\n```"]
    for block in kept:
        assert wrapped(f"{block}\n") == f"{block}\n"
    lines = wrapped(f"{long}\n{long}\n\n{kept[2]}\n").split("\n")
    assert [len(line) for line in lines[:5]] == [99, 99, 99, 99, 0], "one paragraph"


def searched(value: str, accuracy: float, study: Study):
    [job] = [j for j in study.search_jobs() if j.name.endswith(value)]
    made = record(job.arm, {"toy": ({"cot": np.ones(NUMBER, dtype=bool)}, {})})
    made.metrics["toy/validation"] = {"after": {"cot": {"accuracy": accuracy}}}
    return job.name, made.model_copy(update={"settings": list(job.settings)})


def test_arms_wait_for_their_search_and_take_what_it_found(study):
    records = dict([searched("1e-4", 0.2, study)])
    [cot] = [job for job in all_jobs(study, records) if job.name == "cot-0"]
    assert cot.settings is None and chosen_values(study, records) == {}
    records |= dict([searched("2e-4", 0.3, study)])
    [cot] = [job for job in all_jobs(study, records) if job.name == "cot-0"]
    assert chosen_values(study, records) == {"rate": "2e-4"}
    assert cot.settings[-3:] == ("lambda=1", "trainer.learning_rate=2e-4", "seed=0")
    equal = dict([searched("1e-4", 0.3, study), searched("2e-4", 0.3, study)])
    assert chosen_values(study, equal) == {"rate": "1e-4"}


def test_a_raised_stage_version_and_other_settings_are_listed(study):
    [pot] = [job for job in all_jobs(study, {}) if job.name == "pot-0"]
    made = record("pot", {"toy": ({"pot": np.ones(NUMBER, dtype=bool)}, {})}, settings=pot.settings)
    assert outdated(study, {"pot-0": made}, made.stages) == {}
    raised = made.stages | {"train": made.stages["train"] + 1}
    assert outdated(study, {"pot-0": made}, raised) == {
        "pot-0": f"stage train was version {made.stages['train']}, is {raised['train']}"
    }
    other = made.model_copy(update={"settings": ["lambda=0.9"]})
    assert outdated(study, {"pot-0": other}, made.stages) == {
        "pot-0": "the plan has other settings"
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": 1}, "colour: Extra inputs are not permitted"),
        ({"commit": "HEAD"}, "commit: String should match pattern"),
        ({"sets": {}}, "searches.rate.set=toy is none of nothing"),
        ({"problems": {"other": 3}}, "dataset=toy is none of other"),
    ],
)
def test_a_bad_plan_is_refused_by_its_key(tmp_path, change, message):
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(PLAN | change))
    with pytest.raises(StudyError, match=message):
        read_plan(tmp_path)


@pytest.mark.parametrize(
    ("system", "message"),
    [
        ({"arm": "md"}, "give either row, or thoughts"),
        ({"arm": "md", "row": "cot", "paths": 2}, "give either row, or thoughts"),
        ({"arm": "md", "thoughts": ["cot", "pot"], "paths": 3}, "paths=3 cannot be shared evenly"),
        ({"arm": "mdd", "row": "cot"}, "arm=mdd is none of cot, md, pot"),
        ({"arm": "cot", "row": "cot"}, "first and second are the same, cot of cot"),
    ],
)
def test_a_side_of_a_test_is_judged(tmp_path, system, message):
    test = PLAN["questions"]["a"]["tests"][0] | {"second": system}
    questions = {"a": PLAN["questions"]["a"] | {"tests": [test]}}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(PLAN | {"questions": questions}))
    with pytest.raises(StudyError, match=message):
        read_plan(tmp_path)


@pytest.mark.parametrize(
    ("question", "change", "message"),
    [
        ("e", {"interactions": [{"by": "colour"}]}, r"by: Input should be 'type' or 'steps'"),
        ("d", {"curves": [{}, {"name": "both"}]}, None),
        ("d", {"curves": [{}, {"name": "both", "budgets": [], "most": 2}]}, "2 curves by paths"),
    ],
)
def test_what_a_question_shows_is_judged(tmp_path, question, change, message):
    plan = copy.deepcopy(PLAN)
    for part, changes in change.items():
        for of, each in zip(plan["questions"][question][part], changes, strict=True):
            of.update(each)
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(plan))
    if message is None:
        read_plan(tmp_path)  # one by paths and one by tokens
        return
    with pytest.raises(StudyError, match=message):
        read_plan(tmp_path)


def test_records_that_do_not_fit_are_refused(study, tmp_path):
    [test] = study.questions["a"].tests
    records = planted_pair(study, test, 0.2, np.random.default_rng(0))
    records["pot-0"].tests["toy"].rows["pot"] = "1" * NUMBER
    other = records["pot-0"].tests["toy"].model_copy(update={"digest": "other"})
    with pytest.raises(StudyError, match="jobs cot-0 and pot-0 differ in a problem"):
        judged_tests(
            study,
            records | {"pot-0": records["pot-0"].model_copy(update={"tests": {"toy": other}})},
        )
    with pytest.raises(StudyError, match=r"300 problems of toy, problems\.toy of the plan says 2"):
        judged_tests(study.model_copy(update={"problems": {"toy": 2}}), records)
    write_record(tmp_path, "pot-0", records["pot-0"])
    assert read_records(tmp_path)["pot-0"] == records["pot-0"]
    file = tmp_path / "jobs" / "pot-0.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"seed": "x"}))
    with pytest.raises(StudyError, match=r"pot-0.json: seed: .*got x"):
        read_records(tmp_path)


def test_code_that_is_not_the_pinned_commits_is_refused(tmp_path):
    def git(*words: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        return subprocess.check_output(["git", "-C", tmp_path, *identity, *words], text=True)

    for folder in ("mdexp", "conf", "hydra_plugins", "study"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "file").write_text("1")
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text("1")
    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "one")
    pinned = git("rev-parse", "HEAD").strip()
    (tmp_path / "study" / "file").write_text("2")
    git("commit", "-qam", "results")
    refuse_other_code(pinned, tmp_path)
    (tmp_path / "mdexp" / "new.py").write_text("")
    with pytest.raises(StudyError, match=r"1 files differ, such as mdexp/new.py"):
        refuse_other_code(pinned, tmp_path)
    with pytest.raises(StudyError, match="git cannot compare"):
        refuse_other_code("0" * 40, tmp_path)


def test_a_job_that_fails_hides_no_other(study, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study").mkdir()
    (tmp_path / "study/study.yaml").write_text(yaml.safe_dump(PLAN))
    batches = []

    def fail(work, at, finished):
        assert len(at) == 3 and os.environ["OMP_NUM_THREADS"] == "1"
        batches.append([job.folder.name for job in work])
        results = [
            JobResult(
                job=job.number, state="failed", overrides=[], folder=str(job.folder), error="oh"
            )
            for job in work
        ]
        for job, result in zip(work, results, strict=True):
            finished(job, result)
        return results

    monkeypatch.setattr("mdexp.commands.study.run_jobs", fail)
    assert main(["--run", "--jobs", "3", "--data", str(tmp_path)]) == 1
    assert batches == [
        ["search-rate-1e-4", "search-rate-2e-4"],
        ["pot-0", "pot-1", "md-0"],  # the arm that waits for the search cannot run
    ]
    assert not (tmp_path / "study/jobs").exists()
    assert main(["--run", "--jobs", "0"]) == 2
    assert "pot-1: failed: oh" in capsys.readouterr().err


def test_the_data_folder_is_asked_for(study):
    [pot] = [job for job in all_jobs(study, {}) if job.name == "pot-0"]
    with pytest.raises(StudyError, match=r"job pot-0 reads \$DATA: say where it is"):
        placed(pot, None)
    assert f"dataset.path={ROOT}" in placed(pot, str(ROOT))


def test_docs_study_is_what_the_files_say(tmp_path):
    folder = ROOT / "study"
    records, suits = read_records(folder), read_suits(folder)
    write_pages(
        read_plan(folder),
        records,
        suits,
        read_checks(folder),
        tmp_path / "s.md",
        tmp_path / "s.html",
    )
    assert (tmp_path / "s.md").read_text() == (ROOT / "docs" / "study.md").read_text(), (
        "python -m mdexp.study renders it"
    )


def test_every_job_of_the_study_is_a_run_and_has_what_questions_look_at(tmp_path):
    study = read_plan(ROOT / "study")
    assert len(all_jobs(study, {})) > 50
    settings = judged_arms(study, str(tmp_path))
    assert settings.keys() > study.arms.keys()
    refuse_unanswered(study, settings)
    wrong = study.questions["a"].model_copy(update={"tests": study.questions["b"].tests[1:2]})
    mixed = study.model_copy(update={"questions": {"a": wrong}})
    with pytest.raises(StudyError, match=r"pot of pot: the arm has rows label, vote"):
        refuse_unanswered(mixed, {"pot": settings["label"]})
    refused = study.model_copy(update={"settings": (*study.settings, "decoding.num_paths=-1")})
    with pytest.raises(SettingsError, match=r"decoding\.num_paths"):
        judged_arms(refused, str(tmp_path))
