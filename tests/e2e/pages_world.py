"""Small versions of the data, weights and servers that the commands of README and docs name.

`added` gives settings with which a command ends in seconds: it trains one step on a few problems,
writes six tokens an answer, and finds here what it would take from the hub or ask of another
machine.
"""

import csv
import json
import random
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import parquet

from mdexp.store.json_lines import write_jsonl
from mdexp.students.load import save_folder
from mdexp.students.tiny import TinyStudent
from tests.contract.conftest import plugin
from tests.e2e.conftest import SHORT, sum_of

ROOT = Path(__file__).parents[2]
SIZES = {  # of sets that are refused if they are not whole
    "svamp": {"train": 700, "test": 300},
    "gsm8k": {"train": 7473, "test": 1319},
    "asdiv": {"test": 2305},
    "strategyqa": {"train": 1603, "test": 687},
}
SMALL_SIZES = {"train": 12, "test": 4}
LIMITS = [f"dataset.limit_{part}={size}" for part, size in SMALL_SIZES.items()]
WEIGHTS = ("my-llama", "my-model", "codellama-7b", "weights")
Row = dict[str, Any]


def build(folder: Path) -> dict[str, Any]:
    """Write them into a folder; returns the answer of each question."""
    for name in ("my-problems", "my-sums", "teacher", *SIZES):
        (folder / name).mkdir()
    recorded = {
        (name, part): rows(name, part, number)
        for name, sizes in SIZES.items()
        for part, number in sizes.items()
    }
    for (name, part), problems in recorded.items():
        write_jsonl(folder / name / f"{part}.jsonl", problems)
    own = {part: rows("own", part, number) for part, number in SMALL_SIZES.items()}
    for part, problems in own.items():
        write_own(folder / "my-problems", part, problems)
    write_jsonl(folder / "my-sums/test.jsonl", rows("sums", "test", 4))
    limits = {f"limit_{part}": number for part, number in SMALL_SIZES.items()}
    generated = [
        {"id": p.id, "question": p.question, "answer": p.answer}
        for p in plugin("dataset", "gsm_symbolic", **limits).problems()
    ]
    known = chain(*recorded.values(), *own.values(), generated)
    golds = {problem["question"]: problem["answer"] for problem in known}
    svamp = recorded["svamp", "train"]
    write_recorded_paths(folder, svamp, [*own["train"], *generated], golds)
    write_weights(folder)
    write_vllm(folder, golds)
    return golds


def rows(name: str, part: str, number: int) -> list[Row]:
    """Problems in the form of a set's recorded files. They are about different things, so that
    none counts as leaked, and have the fields of all sets."""
    dice = random.Random(f"{name}/{part}")
    return [row(name, part, place, dice) for place in range(number)]


def row(name: str, part: str, place: int, dice: random.Random) -> Row:
    letters = "".join(chr(97 + int(digit)) for digit in str(place))
    yes_no = {"answer": "no" if place % 2 else "yes"} if name == "strategyqa" else {}
    return {
        "id": f"{name}/{part}{place}",
        **sum_of(f"{name}{part}{letters}s", dice),
        **yes_no,
        "type": "sum",
        "numeric": True,
        **dict.fromkeys(("source_split", "dss_split", "ho_split"), part),
    }


def write_own(folder: Path, part: str, problems: Sequence[Row]) -> None:
    """The same problems in each format, with the columns that the pages name."""
    kept = ("id", "question", "answer", "rationale")
    write_jsonl(folder / f"{part}.jsonl", [{key: p[key] for key in kept} for p in problems])
    with (folder / f"{part}.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["q", "label", "options"])
        for p in problems:
            gold = p["answer"]
            table.writerow([p["question"], gold, f"{gold - 1}|{gold}|{gold + 1}"])
    columns = [
        {"prompt": p["question"], "target": p["answer"], "rationale": p["rationale"]}
        for p in problems
    ]
    parquet.write_table(pyarrow.Table.from_pylist(columns), folder / f"{part}.parquet")


def write_recorded_paths(
    folder: Path, svamp: Sequence[Row], others: Sequence[Row], golds: Mapping[str, Any]
) -> None:
    def path(problem: Row, thought: str) -> Row:
        text = solution(golds, problem["question"])
        return {"id": problem["id"], "thought": thought, "completion": text, "model": "recorded"}

    prose, programs = ([path(problem, thought) for problem in svamp] for thought in ("cot", "pot"))
    both = [path(problem, thought) for problem in others for thought in ("cot", "pot")]
    files = {
        "own": both,
        "paths": [*prose, *programs, *both],
        "gpt-4o": prose,
        "llama-3": prose,
        "teacher/llmadapters-svamp-cot": prose,
        "teacher/pot-svamp-pot": programs,
        "answers": [
            {"prompt": problem["question"], "output": path["completion"]}
            for problem, path in zip(svamp, prose, strict=True)
        ],
        "batch_output": [batch_line(row["id"], row["completion"]) for row in prose],
    }
    for name, lines in files.items():
        write_jsonl(folder / f"{name}.jsonl", lines)


def batch_line(problem: str, text: str) -> Row:
    choice = {"index": 0, "message": {"content": text}, "finish_reason": "stop"}
    body = {"model": "recorded", "choices": [choice]}
    return {"custom_id": problem, "response": {"status_code": 200, "body": body}, "error": None}


def write_weights(folder: Path) -> None:
    """Random weights under the names of the pages, with room for long texts."""
    student: TinyStudent = plugin("student", "tiny_causal")
    model, tokenizer = student.load(0)
    model.config.max_position_embeddings = 16384
    for name in WEIGHTS:
        save_folder((model, tokenizer), folder / name)


def write_vllm(folder: Path, golds: Mapping[str, Any]) -> None:
    """A stand-in for the program `vllm`, in bin/."""
    (folder / "golds.json").write_text(json.dumps(golds))
    program = folder / "bin" / "vllm"
    program.parent.mkdir()
    words = shlex.join([sys.executable, "-m", "tests.vllm_stub", str(folder / "golds.json")])
    program.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {words} "$@"\n')
    program.chmod(0o755)


def solution(golds: Mapping[str, Any], said: str) -> str:
    """The right answer, in prose and as a program, to the question that is said last."""
    asked = re.findall(r"(Ann has [^?]*\?)", said)
    question = asked[-1] if asked and asked[-1] in golds else max(golds, key=said.rfind)
    assert question in said
    return f"```python\nans = {golds[question]!r}\n```\nThe answer is {golds[question]}."


def added(words: Sequence[str], url: str) -> list[str]:
    """What is appended to the words of a run; `url` is a server that answers."""
    chosen = {group: option for group, _, option in (word.partition("=") for word in words)}
    dataset = chosen.get("dataset", "gsm_symbolic")
    appended = [*SHORT, "trainer.max_steps=1"]
    if "student.path" not in chosen:
        appended += ["student.path=weights"]
    if dataset in (*SIZES, "gsm_symbolic"):
        appended += LIMITS
    if dataset in SIZES:
        appended += ["dataset.path=."]
    if dataset == "csv":  # choices need a teacher, which the page says is left out
        appended += ["teacher=openai", "teacher.model=some-model", f"teacher.base_url={url}"]
    if chosen.get("teacher") == "openai":
        appended += [f"teacher.base_url={url}"]
    if chosen.get("decoding") == "openai":
        appended += [f"decoding.base_url={url}"]
    if "trainer.max_tokens" not in chosen:
        appended += ["trainer.max_tokens=2048"]  # a byte for a token
    if any("optuna" in word for word in words):
        appended += ["hydra.sweeper.n_trials=2"]
    return appended
