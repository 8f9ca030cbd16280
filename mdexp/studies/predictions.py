"""What an untrained student makes of each teacher's texts, beside what training on them came to.

The record of such a reading outlives the machine, as that of a job does. It is no test: the figures
stand beside the accuracies, with Spearman's rank correlation of the two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scipy.stats import spearmanr

from mdexp.store.files import write_text
from mdexp.studies.job_record import RecordPart, Records, read_each
from mdexp.studies.plan import Prediction, Side, Study
from mdexp.studies.verdicts import solved

READINGS = "suits"  # folder of these records within a study's folder
FIGURES = ("tokens", "nll_per_token", "nll_per_text", "rsr")


class FileFigures(RecordPart):
    """Means over problems, of the texts of one recorded file (grading/suitability.py)."""

    tokens: float
    nll_per_token: float  # nats
    nll_per_text: float  # nats
    rsr: float  # rank-surprisal ratio


class SuitRecord(RecordPart):
    settings: list[str]
    commit: str | None  # of the code
    num_problems: int
    arms: dict[str, FileFigures]


SuitRecords = Mapping[str, SuitRecord]  # by question


def write_suit(folder: Path, question: str, record: SuitRecord) -> None:
    (folder / READINGS).mkdir(parents=True, exist_ok=True)
    write_text(folder / READINGS / f"{question}.json", record.model_dump_json() + "\n")


def read_suits(folder: Path) -> dict[str, SuitRecord]:
    """The readings of a study, by question; StudyError names an invalid file."""
    return read_each(folder / READINGS, SuitRecord)


def unread(study: Study, suits: SuitRecords) -> dict[str, Prediction]:
    """The predictions whose texts have not been read, or by other settings than the plan has."""
    return {
        name: question.prediction
        for name, question in study.questions.items()
        if question.prediction is not None
        and (
            name not in suits
            or tuple(suits[name].settings) != study.suit_settings(question.prediction)
            or suits[name].num_problems > question.prediction.problems
        )
    }


@dataclass(frozen=True, slots=True)
class ArmFigures:
    arm: str
    figures: tuple[float, ...]  # in the order of FIGURES
    accuracy: float | None  # mean over seeds; None until a job of the arm has run


def beside_accuracy(
    study: Study, prediction: Prediction, record: SuitRecord, records: Records
) -> list[ArmFigures]:
    """The figures of each arm's texts with the accuracy that training on them came to."""
    rows = []
    for arm in prediction.arms:
        seeds = [s for s in study.arms[arm].seeds if f"{arm}-{s}" in records]
        right = solved(study, Side(arm=arm, row=prediction.row), seeds, records) if seeds else None
        figures = tuple(getattr(record.arms[arm], figure) for figure in FIGURES)
        rows.append(ArmFigures(arm, figures, None if right is None else float(right.mean())))
    return rows


def rank_correlations(rows: Sequence[ArmFigures]) -> dict[str, float | None]:
    """Spearman's rank correlation of each figure with accuracy, over the arms that have run; None
    if all values of one side are equal. Empty below three arms."""
    known = [(row.figures, row.accuracy) for row in rows if row.accuracy is not None]
    if len(known) < 3:
        return {}
    accuracies = [accuracy for _, accuracy in known]
    return {
        name: _spearman([figures[n] for figures, _ in known], accuracies)
        for n, name in enumerate(FIGURES)
    }


def _spearman(figures: Sequence[float], accuracies: Sequence[float]) -> float | None:
    if len(set(figures)) == 1 or len(set(accuracies)) == 1:
        return None
    return float(spearmanr(figures, accuracies).statistic)
