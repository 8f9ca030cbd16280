"""How many recorded texts of teachers each thought reads, and reads right, file by file.

    MDEXP_DATA=... python -m bench.readings cot --save before.json    # in the older checkout
    MDEXP_DATA=... python -m bench.readings cot --against before.json # in the newer one

With `--against` it counts the rows that were right and no longer are (lost) and the other way round
(won), and prints each lost one. It ends with the time that the reader takes for long texts.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mdexp.answers import correct
from mdexp.ports import Seen, Thought
from mdexp.records import AnswerKind, Expected, Problem, Segment
from mdexp.records import Path as Written
from mdexp.sandbox.executor import Sandbox
from mdexp.thoughts.cot import ChainOfThought
from mdexp.thoughts.eot import EquationOfThought
from mdexp.thoughts.pot import ProgramOfThought
from mdexp.transcripts.opening import new_transcript
from mdexp.transcripts.reading import read_rows

THOUGHTS: dict[str, Thought] = {
    "cot": ChainOfThought(instruction="", cue=""),
    "pot": ProgramOfThought(instruction="", cue=""),
    "eot": EquationOfThought(instruction="", cue=""),
}
KINDS: tuple[AnswerKind, ...] = ("number", "yes_no", "options", "text")
LONG = 100_000  # characters of a long text
# Of each the worst that is known: markers, boxes, emphasis, blanks, digits, LaTeX, questions.
PIECES = (
    "The answer is ",
    "answer" + " " * 40,
    r"\boxed{",
    "**1",
    "*",
    "\n \t",
    "1",
    "1,234",
    "1 ",
    "-",
    "(",
    r"\frac{",
    "{",
    "\nQ",
    "yes no ",
    "#### ",
    "so, ",
    "$",
    "é٣½",
)


class Verdict(NamedTuple):
    """What became of a recorded text."""

    id: str
    answer: str
    status: str
    right: bool
    tail: str


def main() -> None:
    given = _arguments()
    folder = Path(os.environ["MDEXP_DATA"])
    problems = {problem.id: problem for problem in _problems(folder)}
    before = json.loads(given.against.read_text()) if given.against else {}
    table = {
        file.name: _verdicts(file, THOUGHTS[given.thought], problems)
        for file in sorted(folder.glob(f"teacher/*-{given.thought}*.jsonl"))
    }
    for name, verdicts in table.items():
        _show(name, verdicts, [Verdict(*row) for row in before.get(name, [])])
    if given.save:
        given.save.write_text(json.dumps(table))
    _show_time(THOUGHTS[given.thought])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("thought", choices=THOUGHTS)
    parser.add_argument("--save", type=Path, help="write the verdicts to this file")
    parser.add_argument("--against", type=Path, help="compare with the verdicts of this file")
    return parser.parse_args()


def _problems(folder: Path) -> Iterator[Problem]:
    for file in folder.glob("*/*.jsonl"):
        if file.stem in ("train", "test"):
            for row in _rows(file):
                known = {key: row[key] for key in ("id", "question", "answer")}
                yield Problem(dataset=file.parent.name, split="train", **known)


def _verdicts(file: Path, thought: Thought, problems: dict[str, Problem]) -> list[Verdict]:
    rows = [row for row in _rows(file) if row["id"] in problems]
    written = [
        Written(problem_id=row["id"], thought="", sample=sample, text=row["completion"], model="")
        for sample, row in enumerate(rows)
    ]
    with Sandbox(timeout_s=5, memory_mib=256, output_kib=64, workers=2) as sandbox:
        reads = read_rows(written, problems, {"": thought}, sandbox)
    return [
        Verdict(
            row["id"],
            str(read.answer),
            read.status,
            correct(read.answer, problems[row["id"]].answer),
            row["completion"][-200:],
        )
        for row, read in zip(rows, reads, strict=True)
    ]


def _show(name: str, after: list[Verdict], before: list[Verdict]) -> None:
    read, right = sum(v.status == "ok" for v in after), sum(v.right for v in after)
    line = f"{name:45} rows {len(after):5}  read {read:5}  right {right:5}"
    if not before:
        print(line)
        return
    pairs = list(zip(before, after, strict=True))
    lost = [(old, new) for old, new in pairs if old.right and not new.right]
    won = sum(new.right and not old.right for old, new in pairs)
    then = f"read {sum(v.status == 'ok' for v in before):5}  right {sum(v.right for v in before):5}"
    print(f"{line}  before: {then}  lost {len(lost)}  won {won}")
    for old, new in lost:
        print(f"    lost {new.id}: {old.answer!r} is now {new.answer!r}, {new.tail!r}")


def _show_time(thought: Thought) -> None:
    """The slowest reading of a long text that repeats one piece."""
    slowest = max((_seconds(thought, piece, kind), piece) for piece in PIECES for kind in KINDS)
    print(f"{LONG} characters: at most {1000 * slowest[0]:.0f} ms, of {slowest[1]!r} repeated")


def _seconds(thought: Thought, piece: str, kind: AnswerKind) -> float:
    text = Segment(author="writer", text=piece * (LONG // len(piece)), turn="assistant")
    transcript = new_transcript("").after(text)
    started = time.process_time()
    thought.next(transcript, Seen(expected=Expected(kind=kind)))
    return time.process_time() - started


def _rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.open(encoding="utf-8")]


if __name__ == "__main__":
    main()
