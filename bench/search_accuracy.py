"""Tree search against choosing among as many sampled tokens, by a finished run's student.

    python -m bench.search_accuracy RUN KEPT [--problems 50] [--thought pot] [--budget 1024]

The first test problems of RUN are searched with `decoding=search` and sampled, each n times. n is
the most paths that take no more tokens than the search did, as a mean over problems, with the
prompt counted once. Of both are printed what the value chooses (the likelihood of the tokens, among
paths with an answer), what the majority elects, and whether any path is right, with Wilson's
interval and McNemar's exact p of the difference. KEPT is a file in which what was written is kept:
a killed run continues after the last problem in it.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import yaml

from mdexp.config.judging import judge
from mdexp.decoding.answering import answer
from mdexp.decoding.decode_stats import DecodeStats
from mdexp.decoding.resume_cache import ResumeCache
from mdexp.decoding.run_writer import chosen_thoughts, run_writer
from mdexp.decoding.search import TreeSearch
from mdexp.decoding.student_writer import StudentWriter
from mdexp.grading.score import by_problem, grade
from mdexp.grading.statistics import mcnemar, wilson
from mdexp.grading.vote import elect
from mdexp.ports import Thought
from mdexp.ports.parts import build_part
from mdexp.records import Generation, Output, Problem, by_id
from mdexp.sandbox.executor import Sandbox
from mdexp.store.json_lines import read_jsonl
from mdexp.store.run_folder import run_file, run_manifest

SEARCH = Path(__file__).parents[1] / "conf" / "decoding" / "search.yaml"
FEW = 4  # samples that are written at a time

Paths = Sequence[Generation]  # of one problem


class Side(NamedTuple):
    """The paths of each problem, and what they took: tokens a problem, as a mean."""

    name: str
    problems: Sequence[Paths]
    tokens: float


def best_by_likelihood(paths: Paths) -> bool:
    heard = [path for path in paths if path.status == "ok"]
    return bool(heard) and max(heard, key=lambda path: path.logprob or -1e9).correct


def majority(paths: Paths) -> bool:
    return elect(paths, [paths[0].thought]).correct


def any_right(paths: Paths) -> bool:
    return any(path.correct for path in paths)


CHOICES: dict[str, Callable[[Paths], bool]] = {
    "best by likelihood": best_by_likelihood,
    "majority": majority,
    "any is right": any_right,
}


def decoder(run_options: Any, budget: int, rows: int) -> TreeSearch:
    """The run's decoding as a search; all whole texts of a tree are paths."""
    options = yaml.safe_load(SEARCH.read_text(encoding="utf-8"))
    search = options["search"] | {"budget": budget}
    asked = run_options.model_dump() | {"num_paths": budget, "num_validation": 0}
    asked |= {"batch_size": rows}
    built: Any = build_part(asked | {"_target_": options["_target_"], "search": search})
    return built


def paths_of(outputs: Sequence[Output], graded: Sequence[Generation]) -> list[list[Generation]]:
    """The paths of each problem that a vote hears; of a search without any whole text its best."""
    sampled = {output.problem_id for output in outputs if output.sample}
    return by_problem(g for g in graded if g.sample or g.problem_id not in sampled)


def as_many(
    sample: Callable[[range], Sequence[Output]], prompt: float, tokens: float
) -> tuple[list[Output], float]:
    """The samples of as many numbers as take at most `tokens` a problem, `prompt` among them, and
    what they take."""
    kept: list[Output] = []
    taken, start = prompt, 1
    while True:
        few = sample(range(start, start + FEW))
        problems = len({output.problem_id for output in few})
        for number in range(start, start + FEW):
            new = [output for output in few if output.sample == number]
            more = sum(output.num_tokens for output in new) / problems
            if taken + more > tokens:
                return kept, taken
            kept, taken = kept + new, taken + more
        start += FEW


def prompt_tokens(writer: StudentWriter, problems: Sequence[Problem], thought: Thought) -> float:
    """The mean length of the problems' prompts."""
    renderer = writer.renderer
    prompts = [renderer.prompt(problem.question, thought) for problem in problems]
    return fmean(len(renderer.prompt_ids(prompt)) for prompt in prompts)


def show(first: Side, second: Side) -> None:
    print(f"\n{len(first.problems)} problems\n")
    print("| chosen by | side | paths | tokens a problem | right, % | p |")
    print("|---|---|---|---|---|---|")
    for name, choose in CHOICES.items():
        right = [[choose(paths) for paths in side.problems] for side in (first, second)]
        p = mcnemar(right[0], right[1]).p
        for side, verdicts in zip((first, second), right, strict=True):
            low, high = wilson(sum(verdicts), len(verdicts))
            print(
                f"| {name} | {side.name} | {fmean(map(len, side.problems)):.1f} | "
                f"{side.tokens:.0f} | {100 * fmean(verdicts):.1f} "
                f"({100 * low:.1f} to {100 * high:.1f}) | {p:.3f} |"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("kept", type=Path)
    parser.add_argument("--problems", type=int, default=50)
    parser.add_argument("--thought", default="pot")
    parser.add_argument("--budget", type=int, default=1024)
    parser.add_argument("--rows", type=int, help="at a time; else as in the run")
    given = parser.parse_args()
    manifest = run_manifest(given.run)
    settings = judge(manifest["settings"])
    one = {given.thought: chosen_thoughts(manifest, settings)[given.thought]}
    problems = read_jsonl(run_file(given.run, "problems.jsonl"), Problem)
    tested = [problem for problem in problems if problem.split == "test"][: given.problems]
    writer = run_writer(given.run, settings, DecodeStats(kept=ResumeCache(given.kept)))
    straight: Any = settings.decoding.untrained()
    search = decoder(straight, given.budget, given.rows or straight.batch_size)
    with Sandbox(**settings.sandbox.model_dump()) as sandbox:
        found, counts = search.solve(tested, one, writer, sandbox, {})
        print(counts)
        traces = [output.trace for output in found if output.sample == 0]
        spent = fmean(sum(trace["spent"].values()) for trace in traces)
        sampled, taken = as_many(
            lambda samples: answer(
                writer,
                tested,
                one,
                decoding=search.untrained(),
                executor=sandbox,
                samples=samples,
            ),
            prompt_tokens(writer, tested, one[given.thought]),
            spent,
        )
        known = by_id(tested)
        graded = [grade(outputs, known, one, sandbox) for outputs in (found, sampled)]
    show(
        Side("search", paths_of(found, graded[0]), spent),
        Side("samples", by_problem(graded[1]), taken),
    )


if __name__ == "__main__":
    main()
