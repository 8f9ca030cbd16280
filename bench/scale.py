"""Time and memory of each stage from recorded answers to the report, by the number of paths.

    python -m bench.scale --paths 20000 200000 --folder FOLDER
    python -m bench.scale --stage verify --folder FOLDER/20000     one stage, in this process

The data are generated: ten paths a problem, half of them cot and half pot, no two alike, 190 tokens
with their prompt; a tenth as many answers of a student, ten to a test problem. Each stage runs in
its own process; `--stage tokenise` is a part of `examples`. `seconds` are those of this process
and its children on a CPU, `MiB` is the most memory that the process held, and held before the
stage. `train reads` plans the steps of an epoch and lays out every hundredth: a training on that
many paths is not run. `slope` is that of log(seconds) over log(paths) between the two largest
sizes: 1 is linear.
"""

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mdexp.config.composition import single_run
from mdexp.config.judging import judge
from mdexp.config.settings import Settings
from mdexp.records import Example, Lesson, Output, Problem, Split
from mdexp.report.write import write_report
from mdexp.sandbox.executor import Sandbox
from mdexp.stages.examples import EXAMPLES
from mdexp.stages.extract import EXTRACT
from mdexp.stages.score import SCORE
from mdexp.stages.stage import Stage
from mdexp.stages.verify import VERIFY
from mdexp.store.indexed_lines import IndexedRecords
from mdexp.store.json_lines import read_jsonl, write_jsonl
from mdexp.students.process_memory import peak_memory_mib
from mdexp.students.prompts import Renderer
from mdexp.students.weights import Weights
from mdexp.training.examples import make_examples
from mdexp.training.fit import layout_options, planned_steps
from mdexp.training.layout import lay_out
from mdexp.training.planned import names_of

PATHS_PER_PROBLEM = 10  # five of each thought
MIB = 2**20


def problems(num_paths: int) -> Iterator[Problem]:
    sizes: dict[Split, int] = {"train": num_paths // 10, "test": num_paths // 100}
    for split, number in sizes.items():
        for n in range(number):
            yield Problem(
                id=f"{split} {n}", dataset="made", split=split, question=question(n), answer=3 * n
            )


def question(n: int) -> str:
    return (
        f"A baker in the harbour has {n} loaves of rye bread in the morning. By noon the oven has "
        f"given {n} more, and in the afternoon another {n}. How many loaves of bread are there in "
        "the evening, if none of them was sold to anybody?"
    )


def text(thought: str, n: int, k: int) -> str:
    if thought == "cot":
        return (
            f"In the morning baker number {k} has {n} loaves of rye bread. By noon the oven has "
            f"given {n} more, so that there are {n} + {n} = {2 * n} loaves on the shelf. In the "
            f"afternoon there come another {n}, which makes {2 * n} + {n} = {3 * n} loaves. The "
            f"answer is {3 * n}."
        )
    return (
        f"loaves_in_the_morning_{k} = {n}\nloaves_by_noon = loaves_in_the_morning_{k} + {n}\n"
        f"loaves_in_the_afternoon = {n}\n"
        "loaves_in_the_evening = loaves_by_noon + loaves_in_the_afternoon\n"
        "ans = loaves_in_the_evening"
    )


def recorded(num_paths: int) -> Iterator[dict[str, str]]:
    for n in range(num_paths // PATHS_PER_PROBLEM):
        for thought in ("cot", "pot"):
            for k in range(PATHS_PER_PROBLEM // 2):
                completion = text(thought, n, k)
                name = f"train {n}"
                yield {"id": name, "thought": thought, "completion": completion, "model": "made"}


def outputs(num_paths: int) -> Iterator[Output]:
    for n in range(num_paths // 100):
        for thought in ("cot", "pot"):
            for k in range(5):
                yield Output(
                    problem_id=f"test {n}",
                    dataset="made",
                    split="test",
                    phase="after",
                    thought=thought,
                    sample=k,
                    num_shots=0,
                    text=text(thought, n + (n + k) % 3, k),
                    num_tokens=100,
                    finished=True,
                    logprob=-0.25,
                )


def settings_of(folder: Path, student: str) -> Settings:
    words = ["thought=[cot,pot]", "lambda=0.5", "dataset=svamp", f"student={student}"]
    config, _ = single_run(
        [*words, "teacher=replay", f"teacher.path={folder}/recorded.jsonl", "num_paths=5"]
    )
    return judge(config)


def make(folder: Path, num_paths: int, student: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_jsonl(folder / "problems.jsonl", problems(num_paths))
    write_jsonl(folder / "recorded.jsonl", recorded(num_paths))
    write_jsonl(folder / "outputs_after.jsonl", outputs(num_paths))
    weights = Weights(student=settings_of(folder, student).student, seed=0)
    weights.tokenizer().save_pretrained(folder / "student")  # read from a packed file, seconds
    weights.config().save_pretrained(folder / "student")


def run_stage(stage: Stage, folder: Path, s: Settings, **tools: Any) -> Any:
    reads = {name: folder / name for name in (*stage.reads, *stage.reads_if_there)}
    there = {name: file for name, file in reads.items() if file.exists()}
    return stage.function(folder, there, **stage.settings(s), **tools)


def student_of(folder: Path, s: Settings) -> Weights:
    return Weights(student=s.student, seed=0).unpacked(folder / "student")


def tokenise(folder: Path, s: Settings) -> dict[str, int]:
    """Of the stage `examples` what follows the lessons: their tokens alone."""
    lessons = read_jsonl(folder / "lessons.jsonl", Lesson)
    renderer = Renderer(student_of(folder, s).tokenizer(), s.student.kind, s.student.prompt)
    started = time.process_time()
    made, _ = make_examples(lessons, renderer, s.trainer.max_tokens)
    seconds = time.process_time() - started
    tokens = sum(len(e.prompt_ids) + len(e.target_ids) for e in made)
    return {
        "tokens of an example": tokens // len(made),
        "examples a second": int(len(made) / seconds),
    }


def train_reads(folder: Path, s: Settings) -> dict[str, int]:
    shares, objective, trainer = s.shares(), s.objective, s.trainer
    tokenizer = student_of(folder, s).tokenizer()
    options = layout_options(s.student, shares, objective, trainer, tokenizer)
    examples = IndexedRecords(folder / "examples.jsonl", Example)
    _, steps, _ = planned_steps(names_of(examples), shares, objective, trainer, s.seed)
    for step in steps[::100]:
        lay_out([examples[entry.number] for entry in step], **options)
    return {"steps": len(steps)}


def report(folder: Path, s: Settings) -> dict[str, int]:
    write_jsonl(folder / "history.jsonl", [])
    write_report(folder, lambda name: folder / name, lambda name: True, s, {"stages": []})
    return {"page, MiB": (folder / "report.html").stat().st_size // MIB}


def stages(folder: Path, s: Settings, sandbox: Sandbox) -> dict[str, Callable[[], Any]]:
    programs = {"executor": sandbox}
    weights = {"weights": student_of(folder, s)}
    ledger = {"ledger": folder / "ledger"}
    return {
        "extract": lambda: run_stage(EXTRACT, folder, s, **programs, **ledger),
        "verify": lambda: run_stage(VERIFY, folder, s, **programs),
        "examples": lambda: run_stage(EXAMPLES, folder, s, **programs, **weights),
        "tokenise": lambda: tokenise(folder, s),
        "train reads": lambda: train_reads(folder, s),
        "score": lambda: run_stage(SCORE, folder, s, **programs),
        "report": lambda: report(folder, s),
    }


def measured(name: str, folder: Path, student: str) -> dict[str, Any]:
    """One stage in this process: seconds on a CPU, most memory, and what it says it did."""
    s = settings_of(folder, student)
    with Sandbox(**s.sandbox.model_dump()) as sandbox:
        work = stages(folder, s, sandbox)[name]
        before, wall, own = peak_memory_mib(), time.monotonic(), time.process_time()
        counts = work()
        wall = time.monotonic() - wall
        own, peak = time.process_time() - own, peak_memory_mib()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = own + children.ru_utime + children.ru_stime
    shown = {"seconds": cpu, "wall": wall, "MiB": peak, "MiB before": before}
    return shown | {"counts": {k: v for k, v in counts.items() if isinstance(v, int)}}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--paths", type=int, nargs="+", default=[20_000, 200_000])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--student", default="smollm2", help="whose tokenizer (default smollm2)")
    parser.add_argument("--stage", help="one stage of FOLDER, which is there already")
    given = parser.parse_args()
    if given.stage:
        print(json.dumps(measured(given.stage, given.folder, given.student)))
        return
    names = ("extract", "verify", "examples", "train reads", "score", "report")
    found: dict[str, dict[int, float]] = {name: {} for name in names}
    for number in sorted(given.paths):
        folder = given.folder / str(number)
        make(folder, number, given.student)
        for name in names:
            words = [
                "-m",
                "bench.scale",
                "--stage",
                name,
                "--folder",
                folder,
                "--student",
                given.student,
            ]
            ran = subprocess.run([sys.executable, *map(str, words)], stdout=subprocess.PIPE)
            if ran.returncode:
                sys.exit(f"{name} of {number} paths ended with code {ran.returncode}")
            row = json.loads(ran.stdout.splitlines()[-1])
            found[name][number] = row["seconds"]
            print(
                f"{number:>9,} {name:12} {row['seconds']:8.1f} s {1e6 * row['wall'] / number:8.0f} "
                f"us a path {row['MiB']:6,} MiB ({row['MiB before']:,} before)  {row['counts']}",
                flush=True,
            )
    for name, times in found.items():
        *_, (few, short), (many, long) = [(0, 0.0), *times.items()]
        if few:
            print(f"{name:12} slope {math.log(long / short) / math.log(many / few):.3f}")


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
