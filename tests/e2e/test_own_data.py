"""Own tables from the command line: read by their columns, or refused before anything is bought."""

from pathlib import Path

import pytest

from mdexp.commands.run import main
from tests.e2e.conftest import SMALL, states

WORDS = [*SMALL, "dataset=csv", "dataset.path=own", "hydra.run.dir=run"]


def write(part: str, *lines: str) -> None:
    Path("own").mkdir(exist_ok=True)
    Path("own", f"{part}.csv").write_text("".join(f"{line}\n" for line in lines))


@pytest.mark.parametrize(
    ("test", "said"),
    [
        (["id,question,answer", "1,How many?,3"], "train.csv and test.csv share 1 of their ids"),
        (["id,question,answer"], "own/test.csv: it has no rows"),
    ],
)
def test_a_set_that_cannot_be_tested_is_refused(
    test: list[str], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    write("train", "id,question,answer", "1,How few?,2")
    write("test", *test)
    assert main(WORDS) == 2
    assert said in capfd.readouterr().err
    assert states(Path("run")) == {}


def test_columns_are_named_on_the_command_line(capfd: pytest.CaptureFixture[str]) -> None:
    write("test", "q,label,options,note", "Which?,red,red|blue,x")
    fields = "dataset.fields={question: q, answer: label, choices: options}"
    assert main([*WORDS, fields, "stages=[prepare]"]) == 0
    said = capfd.readouterr()
    assert "columns that are not read: note (1 rows)" in said.out + said.err
    assert '"question": "Which? A) red B) blue", "answer": "A"' in Path(
        "run/problems.jsonl"
    ).read_text().replace("\\n", " ")
