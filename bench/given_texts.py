"""Does a student's last text need its own first texts: key points (KPDD), a rationale (Sci-CoT)?

    python -m bench.given_texts RUN [--problems 300] [--gold FILE] [--control RUN]

RUN is the folder of a run whose student writes several texts (`experiment=kpdd`, `sci_cot`). On its
test problems the student writes the last text, greedily, behind first texts of four kinds:

    own       what the student itself wrote, in the run
    other     what it wrote for another problem: a control, its content cannot help
    gold      by rule from a right solution, as lessons are made: a bound
    none      empty texts

Right solutions are the dataset's own, or those recorded in FILE, which is read as `teacher=replay`
reads one. Problems without any are counted out. Each kind is compared with `own` on the same
problems. `control` is what the student of another run wrote, which solves the problem in one text.

For programs a second table has the share that uses a number which gold's own program does not, by
whether the question has a number that gold does not use. Programs that cannot be parsed are left
out of it.
"""

import argparse
import ast
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.begun_texts import Begun, decoding_of, write_on
from bench.recorded_paths import right_paths
from mdexp.answers import NUMBER, canonical, correct
from mdexp.config.judging import judge
from mdexp.config.settings import Settings
from mdexp.decoding.run_writer import run_writer
from mdexp.grading.pairing import compare_verdicts
from mdexp.grading.statistics import wilson
from mdexp.ports import Done, Executor, Thought
from mdexp.records import Output, Problem, Segment, Transcript, by_id
from mdexp.sandbox.executor import Sandbox
from mdexp.store.json_lines import read_jsonl
from mdexp.store.run_folder import run_file, run_manifest
from mdexp.teacher.worked import worked_texts
from mdexp.transcripts.driver import Walk
from mdexp.transcripts.opening import asked
from mdexp.transcripts.reading import read_all, read_rows

Texts = Mapping[str, tuple[str, ...]]  # by problem: all texts but the last


class Answers(NamedTuple):
    """What the chosen problems were answered with."""

    dones: Sequence[Done]
    tokens: Sequence[int]  # of the last text; of a control, of its only one


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--problems", type=int, default=300)
    parser.add_argument("--gold", type=Path)
    parser.add_argument("--control", type=Path)
    given = parser.parse_args()
    settings = judge(run_manifest(given.run)["settings"])
    with Sandbox(**settings.sandbox.model_dump()) as sandbox:
        for table in tables(
            given.run, settings, given.problems, sandbox, given.gold, given.control
        ):
            Console(width=140).print(table)


def several_texts(settings: Settings) -> str:
    """The thought of the run that writes a fixed number of texts; ValueError if there is none."""
    for name, thought in settings.answering().items():
        if thought.max_writes > 1 and thought.made_from:
            return name
    raise ValueError("no thought of this run writes several texts, as kpdd and sci_cot do")


def tables(
    run: Path,
    settings: Settings,
    num_problems: int,
    sandbox: Executor,
    gold_file: Path | None = None,
    control: Path | None = None,
) -> list[Table]:
    name = several_texts(settings)
    thought = settings.thoughts[name]
    problems = [
        p for p in read_jsonl(run_file(run, "problems.jsonl"), Problem) if p.split == "test"
    ]
    outputs = read_jsonl(run_file(run, "outputs_after.jsonl"), Output)
    own = own_texts(outputs, name, thought.max_writes)
    gold, programs = gold_texts(problems, name, thought, sandbox, gold_file)
    chosen = [p for p in problems if p.id in own and p.id in gold][:num_problems]
    if not chosen:
        raise ValueError(
            "no test problem has first texts that the student finished and a right solution"
        )
    firsts: dict[str, Texts] = {
        "other": shifted(own, [p.id for p in chosen]),
        "gold": gold,
        "none": {problem.id: ("",) * (thought.max_writes - 1) for problem in chosen},
    }
    writer = run_writer(run, settings)
    ours = {o.problem_id: o for o in outputs if (o.thought, o.sample) == (name, 0)}
    in_order = [ours[problem.id] for problem in chosen]
    found = {
        "own": Answers(
            read_rows(in_order, by_id(chosen), {name: thought}, sandbox),
            [output.segments[-1].num_tokens for output in in_order],
        )
    }
    for kind, texts in firsts.items():
        begun = [Begun(p, name, thought, texts[p.id]) for p in chosen]
        walks = write_on(begun, writer, decoding_of(settings), sandbox)
        found[kind] = Answers(
            read_all(walks, sandbox), [walk.transcript.last.num_tokens for walk in walks]
        )
    if control:
        found["control"] = control_answers(control, chosen, sandbox)
    answers = answers_table(chosen, found)
    left_out = sum(p.id in own and p.id not in gold for p in problems)
    answers.caption = (
        f"{left_out} problems have no right solution and are left out; all texts of an answer with "
        f"its own first ones are {fmean(output.num_tokens for output in in_order):.0f} tokens"
    )
    return [answers, numbers_table(chosen, found, programs)] if programs else [answers]


def own_texts(outputs: Sequence[Output], name: str, number: int) -> Texts:
    """The first texts of the trained student's greedy transcripts."""
    found = {}
    for output in outputs:
        texts = tuple(s.text for s in output.segments if s.author == "writer")
        if output.thought == name and output.sample == 0 and len(texts) == number:
            found[output.problem_id] = texts[:-1]
    return found


def shifted(texts: Texts, order: Sequence[str]) -> Texts:
    """Each problem with the texts of the one behind it."""
    return {one: texts[other] for one, other in zip(order, [*order[1:], *order[:1]], strict=True)}


def gold_texts(
    problems: Sequence[Problem],
    name: str,
    thought: Thought,
    sandbox: Executor,
    file: Path | None = None,
) -> tuple[Texts, dict[str, str]]:
    """First texts as lessons would have them, and gold's programs where lessons are of programs."""
    texts: dict[str, tuple[str, ...]] = {}
    programs: dict[str, str] = {}
    for problem, done in right_solutions(problems, thought, sandbox, file):
        path = Transcript(
            problem_id=problem.id, thought=name, sample=0, segments=(asked(problem.question),)
        )
        lesson = thought.lesson(path, done)
        texts[problem.id] = tuple(s.text for s in lesson if s.author == "writer")[:-1]
        if done.is_computed:
            programs[problem.id] = done.text
    return texts, programs


def right_solutions(
    problems: Sequence[Problem], thought: Thought, sandbox: Executor, file: Path | None
) -> list[tuple[Problem, Done]]:
    """A solution of each problem that has one, by the thought that lessons are made from."""
    [(source_name, source)] = thought.made_from.items()
    if file:
        recorded = right_paths(file, problems, source_name, source, sandbox)
        texts = {name: path.text for name, path in recorded.items()}
    else:
        every = {p.id: worked_texts(p).get(source_name, []) for p in problems}
        texts = {name: found[0] for name, found in every.items() if found}
    solved = [problem for problem in problems if problem.id in texts]
    walks = [
        Walk(
            thought=source,
            transcript=Transcript(
                problem_id=problem.id,
                thought=source_name,
                sample=0,
                segments=(
                    asked(problem.question),
                    Segment(author="writer", text=texts[problem.id], turn="assistant"),
                ),
            ),
        )
        for problem in solved
    ]
    pairs = zip(solved, read_all(walks, sandbox), strict=True)
    return [(problem, done) for problem, done in pairs if correct(done.answer, problem.answer)]


def control_answers(run: Path, chosen: Sequence[Problem], sandbox: Executor) -> Answers:
    """The greedy answers of another run's student, by its first thought that was trained on and
    answers in one text.
    ValueError where it was not asked some of the problems."""
    settings = judge(run_manifest(run)["settings"])
    answering = settings.answering()
    outputs = read_jsonl(run_file(run, "outputs_after.jsonl"), Output)
    said = {(o.thought, o.problem_id): o for o in outputs if o.sample == 0}
    shares = settings.objective.shares(answering, settings.lam) or {}
    [name, *_] = [n for n, t in answering.items() if t.max_writes == 1 and shares.get(n, 1) > 0]
    if lost := [p.id for p in chosen if (name, p.id) not in said]:
        raise ValueError(f"{run}: {name} was not asked {len(lost)} problems, such as {lost[0]}")
    ours = [said[name, problem.id] for problem in chosen]
    dones = read_rows(ours, by_id(chosen), answering, sandbox)
    return Answers(dones, [output.num_tokens for output in ours])


def answers_table(problems: Sequence[Problem], found: Mapping[str, Answers]) -> Table:
    table = Table("first texts", "n", "right, %", "95 %", "no answer, %", "tokens, last text")
    table.add_column("against own, points (95 %)")
    table.add_column("p")
    right = {
        kind: {p.id: correct(d.answer, p.answer) for p, d in zip(problems, one.dones, strict=True)}
        for kind, one in found.items()
    }
    for kind, one in found.items():
        n, solved = len(problems), sum(right[kind].values())
        low, high = (100 * end for end in wilson(solved, n))
        none = sum(done.answer is None for done in one.dones)
        against = ("", "")
        if kind != "own":
            c = compare_verdicts(right["own"], right[kind])
            ends = " to ".join(f"{100 * end:+.1f}" for end in c.difference.ci95)
            against = (f"{100 * c.difference.mean:+.1f} ({ends})", f"{c.mcnemar.p:.2g}")
        table.add_row(
            kind,
            str(n),
            f"{100 * solved / n:.1f}",
            f"{low:.1f} to {high:.1f}",
            f"{100 * none / n:.1f}",
            f"{fmean(one.tokens):.0f}",
            *against,
        )
    return table


def numbers_table(
    problems: Sequence[Problem], found: Mapping[str, Answers], programs: Mapping[str, str]
) -> Table:
    table = Table("first texts", "unused number in question", "n")
    table.add_column("uses a number gold does not, %")
    table.add_column("95 %")
    golds = {name: numbers_of(program) or set() for name, program in programs.items()}
    for kind, one in found.items():
        outside: dict[bool, list[bool]] = {False: [], True: []}
        for problem, done in zip(problems, one.dones, strict=True):
            if (used := numbers_of(done.text)) is not None:
                gold = golds[problem.id]
                outside[bool(in_question(problem.question) - gold)].append(bool(used - gold))
        both = {"no": outside[False], "yes": outside[True]}
        for has_unused, each in (both | {"either": outside[False] + outside[True]}).items():
            row = ("-", "")
            if each:
                low, high = (100 * end for end in wilson(sum(each), len(each)))
                row = (f"{100 * sum(each) / len(each):.1f}", f"{low:.1f} to {high:.1f}")
            table.add_row(kind, has_unused, str(len(each)), *row)
    return table


def numbers_of(program: str) -> set[str | None] | None:
    """The numbers that a program writes out; None of one that cannot be parsed."""
    try:
        tree = ast.parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    constants = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)]
    return {
        canonical(value)
        for value in constants
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def in_question(question: str) -> set[str | None]:
    return {canonical(found) for found in re.findall(rf"(?<![\w.])(?:{NUMBER})", question)}


if __name__ == "__main__":
    main()
