"""Every method's experiment runs on a tiny student, from our own problems to the report."""

from pathlib import Path

import pytest

from mdexp.records import Example, Generation, Lesson
from mdexp.store.files import read_json
from mdexp.store.json_lines import read_jsonl, write_jsonl
from tests.contract.test_experiments import NAMES, RECORDED, composed
from tests.e2e.conftest import states

PLAIN = {"label", "cot", "pot", "eot"}
CARDS = ["etd_card", "etd_card_control"]  # plain thoughts, and a student of their own
METHODS = [name for name in NAMES if not set(composed(name).thoughts) <= PLAIN] + CARDS


def test_methods_are_found():
    assert {"dcot", "sci_cot", "planning", "dual_instruction", "pad", "tir", "kpdd"} <= set(METHODS)


@pytest.mark.parametrize("name", METHODS)
def test_it_runs_to_the_report(name, command, problems, tmp_path):
    assert (
        command(
            f"experiment={name}",
            f"student=tiny_{composed(name).student.kind}",
            "hydra.run.dir=run",
            "trainer.max_tokens=2048",
            "decoding.max_new_tokens=6",
            *_recorded(problems, tmp_path, composed(name)),
        )
        == 0
    )
    run = tmp_path / "run"
    assert read_json(run / "run.json")["state"] == "done" and "report" not in states(run)
    assert (run / "report.html").is_file()
    settings = composed(name)
    lessons = read_jsonl(run / "lessons.jsonl", Lesson)
    examples = read_jsonl(run / "examples.jsonl", Example)
    assert len(lessons) == len(examples) > 0, "a tiny student reads every lesson"
    answered = {g.thought for g in read_jsonl(run / "generations.jsonl", Generation)}
    assert answered == set(settings.answering())


def _recorded(problems: Path, folder: Path, settings) -> list[str]:
    """Recorded chains for a thought that has its own file."""
    keys = []
    for thought in settings.thoughts.keys() & RECORDED.keys():
        file = folder / f"{thought}.jsonl"
        rows = read_jsonl(problems / "train.jsonl", dict)
        write_jsonl(
            file,
            [
                {
                    "id": row["id"],
                    "thought": RECORDED[thought],
                    "completion": f"{row['rationale']} The answer is {row['answer']}.",
                    "model": "made up",
                }
                for row in rows
            ],
        )
        keys.append(f"teacher.path.{thought}={file}")
    return keys
