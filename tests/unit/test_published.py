"""Figures of papers: each with its evidence, and in the report of a run on the same test set."""

from pathlib import Path

from mdexp.config.config_path import config_folder
from mdexp.report.build import build_report
from mdexp.report.published import published
from tests.synthetic_run import run_parts


def test_figures_are_those_of_the_test_set() -> None:
    assert [f.accuracy for f in published({"svamp"})] == [85.0, 84.5, 85.5, 87.5, 82.0]
    assert {f.evidence for f in published({"gsm8k", "asdiv"})} == {"note", "derived"}
    assert published({"toy"}) == []


def test_every_row_with_a_figure_has_an_experiment() -> None:
    students = {"LLaMA2-7B": "llama2", "CodeLlama-7B": "codellama", "Mistral-7B": "mistral"}
    for figure in published({"svamp", "gsm8k", "asdiv"}):
        if figure.paper.startswith("MD") and figure.student in students:
            name = f"md_{students[figure.student]}_{figure.dataset}.yaml"
            text = (config_folder() / "experiment" / name).read_text()
            assert f"{figure.accuracy}" in text, "the yaml cites the figure"
            assert "does not state: " in text


def test_the_report_prints_them_beside_ours(tmp_path: Path) -> None:
    parts = run_parts()
    build_report(tmp_path, **parts)
    assert "What papers state" not in (tmp_path / "report.md").read_text(), "there are none for toy"
    parts["metrics"] = {"svamp": parts["metrics"]["toy"]} | parts["metrics"]
    build_report(tmp_path, **parts)
    told = (tmp_path / "report.md").read_text()
    assert (
        "| svamp | MD, arXiv 2312.10730 v2 | CodeLlama-7B | CoT + PoT multi-path | 85.5 % |" in told
    )
