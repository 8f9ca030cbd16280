"""How many lessons each method makes of recorded answers, and what becomes of injected faults.

    MDEXP_DATA=... python -m bench.lesson_yields            lessons by experiment and thought
    MDEXP_DATA=... python -m bench.lesson_yields --faults   fault operators on verified programs

MDEXP_DATA names a folder with `svamp/` and recorded answers in `teacher/`. Lessons are made as in a
run: by the thoughts and lesson makers of the experiment, of its verified paths.
"""

import argparse
import os
import random
import statistics
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from mdexp.answers import correct
from mdexp.commands.run import config_folder
from mdexp.config.judging import judge
from mdexp.config.settings import Settings
from mdexp.grading.verify import verify_paths
from mdexp.lessons.program_faults import OPERATORS, Operator
from mdexp.ports import Executor, Run
from mdexp.records import Problem, VerifiedPath
from mdexp.sandbox.executor import Sandbox
from mdexp.stages.examples import make_lessons
from mdexp.transcripts.driver import run_all

COT, POT = "dcot_gpt-3.5-svamp-cot", "pot-svamp-pot"
# Experiment: the recorded answers of each thought that it asks a teacher for.
RECORDED = {
    "md": {"cot": COT, "pot": POT},
    "siked": {"cot": COT, "pot": POT},
    "dcot": {"cot": COT},
    "sci_cot": {"cot": COT},
    "planning": {"cot": COT},
    "dual_instruction": {"cot": COT},
    "kpdd": {"pot": POT},
    "tir": {"pot": POT},
    "tir_steps": {"cot": COT, "pot": POT},
    "pad": {"pot": POT},
    "granularity": {
        "cot_coarse": "eit_gpt-4o-svamp-cot-level1",
        "cot_fine": "eit_gpt-4o-svamp-cot-level6",
    },
}
NUM_PATHS = 5  # the most that a file has of one problem


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    data = Path(os.environ["MDEXP_DATA"])
    with Sandbox(timeout_s=5, memory_mib=256, output_kib=16, workers=1) as sandbox:
        table = faults(data, sandbox, given.seed) if given.faults else lessons(data, sandbox)
    Console(width=140).print(table)


def lessons(data: Path, sandbox: Executor) -> Table:
    columns = "experiment", "thought", "asked", "paths", "verified", "used", "lessons", "characters"
    table = Table(*columns, title="lessons of recorded answers; characters: median that is scored")
    for experiment, files in RECORDED.items():
        settings = composed(experiment, data, files)
        problems, paths, verified = recorded(settings, sandbox)
        by_id = {problem.id: problem for problem in problems}
        made = make_lessons(by_id, verified, settings.thoughts, settings.lessons, sandbox)
        for name, thought in settings.thoughts.items():
            sources = list(thought.made_from or [name])
            ours = [lesson for lesson in made if lesson.thought == name]
            scored = [sum(len(s.text) for s in one.segments if s.scored) for one in ours]
            table.add_row(
                experiment,
                name,
                ", ".join(sources),
                str(sum(path in sources for path in paths)),
                str(sum(path.thought in sources for path in verified)),
                str(len({(one.problem_id, source) for one in ours for source in one.sources})),
                str(len(ours)),
                f"{statistics.median(scored):.0f}" if scored else "-",
            )
    return table


def composed(experiment: str, data: Path, files: dict[str, str]) -> Settings:
    named = ",".join(f"{name}:{data}/teacher/{file}.jsonl" for name, file in files.items())
    keys = [f"dataset.path={data}", f"teacher.path={{{named}}}", f"num_paths={NUM_PATHS}"]
    options = [f"experiment={experiment}", "dataset=svamp", "teacher=replay", *keys]
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        config = OmegaConf.to_container(compose("config", options), resolve=True)
    assert isinstance(config, dict)
    return judge({str(key): value for key, value in config.items()})


def recorded(
    settings: Settings, sandbox: Executor
) -> tuple[list[Problem], list[str], list[VerifiedPath]]:
    """Training problems, the thought of each of their recorded paths, and those that verify."""
    problems = [p for p in settings.dataset.problems() if p.split == "train"]
    thoughts = settings.asked_thoughts()
    paths = list(settings.teacher.paths(problems, thoughts, Path(), sandbox))
    by_id = {problem.id: problem for problem in problems}
    verified, _ = verify_paths(
        paths,
        by_id,
        thoughts,
        sandbox,
        settings.verify.mode,
        results_of=settings.shown_results(),
    )
    return problems, [path.thought for path in paths], verified


def faults(data: Path, sandbox: Executor, seed: int) -> Table:
    """One fault of each operator in each verified program, and what the executor says of it."""
    problems, _, verified = recorded(composed("pad", data, {"pot": POT}), sandbox)
    table = Table("operator", "applies", "wrong value", "raises", "still right")
    table.title = f"faults in {len(verified)} verified programs, shares in %"
    by_id = {problem.id: problem for problem in problems}
    for operator in OPERATORS:
        found = outcomes(operator, verified, by_id, sandbox, seed)
        applies = found.total()
        shares = [100 * found[kind] / max(1, applies) for kind in ("wrong", "raises", "right")]
        share = 100 * applies / len(verified)
        table.add_row(operator.__name__, f"{share:.1f}", *(f"{one:.1f}" for one in shares))
    return table


def outcomes(
    operator: Operator,
    verified: Sequence[VerifiedPath],
    problems: dict[str, Problem],
    sandbox: Executor,
    seed: int,
) -> Counter[str]:
    about, faulty = [], []
    for path in verified:
        problem = problems[path.problem_id]
        chance = random.Random(f"{seed}/{path.problem_id}/{path.sample}")
        program = operator(path.text, problem.question, chance)
        if program is not None and program != path.text:
            about.append(problem)
            faulty.append(Run(program=program))
    results = run_all(faulty, sandbox)
    found: Counter[str] = Counter()
    for problem, result in zip(about, results, strict=True):
        if result.answer is None:
            found["raises"] += 1
        else:
            found["right" if correct(result.answer, problem.answer) else "wrong"] += 1
    return found


if __name__ == "__main__":
    main()
