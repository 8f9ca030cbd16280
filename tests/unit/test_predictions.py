"""Figures of the untrained student beside the accuracies of a study: read once, kept, ranked."""

from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from mdexp.commands import study as command
from mdexp.studies.job_record import write_record
from mdexp.studies.plan import Study
from mdexp.studies.predictions import (
    ArmFigures,
    FileFigures,
    SuitRecord,
    beside_accuracy,
    rank_correlations,
    read_suits,
    unread,
    write_suit,
)
from mdexp.studies.study_files import StudyError
from tests.planted_study import record

FILES = ("$DATA/one.jsonl", "$DATA/two.jsonl", "$DATA/three.jsonl")
RIGHT = (0.5, 0.25, 0.75)
ARMS = ("one", "two", "three")


def plan(**changed):
    return {
        "commit": None,
        "settings": ["student=tiny_causal"],
        "problems": {"toy": 4},
        "sets": {"toy": {"dataset": "toy", "settings": ["teacher=replay"]}},
        "arms": {
            arm: {
                "about": arm,
                "set": "toy",
                "settings": ["thought=[cot]", "objective=union", f"teacher.path={file}"],
            }
            for arm, file in zip(ARMS, FILES, strict=True)
        },
        "questions": {
            "h": {
                "title": "What predicts",
                "claim": "Length does.",
                "prediction": {"arms": list(ARMS), "row": "cot", "problems": 9},
            }
        },
    } | changed


@pytest.fixture
def study() -> Study:
    return Study.model_validate(plan())


def figures(tokens: float) -> FileFigures:
    return FileFigures(tokens=tokens, nll_per_token=1.0, nll_per_text=tokens, rsr=-tokens)


def reading(study: Study, **changed) -> SuitRecord:
    made = {
        "settings": list(study.suit_settings(study.questions["h"].prediction)),
        "commit": None,
        "num_problems": 8,
        "arms": {arm: figures(10 + n) for n, arm in enumerate(ARMS)},
    }
    return SuitRecord(**made | changed)


def records(*arms: str):
    found = {}
    for arm, share in zip(ARMS, RIGHT, strict=True):
        if arm in arms:
            right = np.arange(4) < 4 * share
            found[f"{arm}-0"] = record(arm, {"toy": ({"cot": right, "vote": right}, {})})
    return found


def test_the_files_of_all_arms_are_read_together_by_what_else_the_arms_say(study):
    assert study.suit_settings(study.questions["h"].prediction) == (
        "student=tiny_causal",
        "teacher=replay",
        "thought=[cot]",
        "objective=union",
        f"teacher.path=[{','.join(FILES)}]",
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["thought=[cot]", "objective=union"], "arms.two.settings: .* one teacher.path=FILE"),
        (["teacher.path=[$DATA/a,$DATA/b]"], "arms.two.settings: .* one teacher.path=FILE"),
        (["thought=[pot]", "teacher.path=$DATA/two.jsonl"], "arms.two.settings are not those of"),
    ],
)
def test_arms_that_differ_in_more_than_a_file_are_refused(settings, message):
    planned = plan()
    planned["arms"]["two"]["settings"] = settings
    with pytest.raises(ValueError, match=message):
        Study.model_validate(planned)


def test_accuracies_stand_beside_figures_once_their_arms_have_run(study):
    asked = study.questions["h"].prediction
    rows = beside_accuracy(study, asked, reading(study), records("one", "three"))
    assert rows == [
        ArmFigures("one", (10.0, 1.0, 10.0, -10.0), 0.5),
        ArmFigures("two", (11.0, 1.0, 11.0, -11.0), None),
        ArmFigures("three", (12.0, 1.0, 12.0, -12.0), 0.75),
    ]
    assert rank_correlations(rows) == {}, "two arms have no order to speak of"
    whole = beside_accuracy(study, asked, reading(study), records(*ARMS))
    # ranks 1 2 3 against 2 1 3: 1 - 6 (1 + 1 + 0) / (3 (9 - 1)) = 0.5
    assert rank_correlations(whole) == {
        "tokens": pytest.approx(0.5),
        "nll_per_token": None,
        "nll_per_text": pytest.approx(0.5),
        "rsr": pytest.approx(-0.5),
    }


def test_texts_are_read_again_if_the_plan_changed(study, tmp_path):
    assert list(unread(study, {})) == ["h"]
    write_suit(tmp_path, "h", reading(study))
    assert unread(study, read_suits(tmp_path)) == {}
    assert list(unread(study, {"h": reading(study, settings=["teacher=worked"])})) == ["h"]
    assert list(unread(study, {"h": reading(study, num_problems=10)})) == ["h"], "9 are planned"
    (tmp_path / "suits" / "h.json").write_text('{"commit": null}')
    with pytest.raises(StudyError, match=r"suits/h\.json: settings: Field required"):
        read_suits(tmp_path)


def test_the_command_reads_them_once_and_the_page_shows_them(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "study.yaml").write_text(yaml.safe_dump(plan()))
    planned = Study.model_validate(plan())
    for name, each in records(*ARMS).items():
        [job] = [job for job in planned.arm_jobs({}) if job.name == name]
        write_record(folder, name, each.model_copy(update={"settings": list(job.settings)}))
    read = []

    def suited(configs, most_problems):
        read.append((list(configs), most_problems))
        rows = [SimpleNamespace(found=_found(10 + n)) for n in range(len(configs))]
        return SimpleNamespace(rows=rows, num_problems=8)

    monkeypatch.setattr(command, "suited", suited)
    monkeypatch.setattr(command, "judged_arms", lambda *_: {})
    for _ in range(2):
        assert command.main(["--run", "--data", str(tmp_path)]) == 0, capsys.readouterr().err
    assert read == [([f"{tmp_path}/{file[6:]}" for file in FILES], 9)]
    kept = (folder / "suits" / "h.json").read_text()
    assert str(tmp_path) not in kept and "$DATA/one.jsonl" in kept
    text = " ".join((tmp_path / "docs" / "study.md").read_text().split())
    assert "| three | 12.0 | 1.000 | 12.0 | -12.000 | 75.0 |" in text
    assert "over 3 arms, not tested: tokens +0.50, nll_per_token not defined, nll" in text
    assert "| h. What predicts | no verdict planned |" in text
    page = (folder / "study.html").read_text()
    assert "Means over the same 8 training problems" in page


def _found(tokens: float):
    values = figures(tokens).model_dump()
    return SimpleNamespace(**{name: SimpleNamespace(value=each) for name, each in values.items()})
