"""PaD: does a student mend its own failures as it mends injected ones, and better than resampling?

    python -m bench.repairs RUN --programs FILE [--problems 300] [--samples 2]

RUN is the folder of a trained run with `thought=[...,repair]` (experiment=pad). Asked are its test
problems for which FILE, read as `teacher=replay` reads one, has a right program. For each the
student writes a greedy program and `--samples` sampled ones. Then it is shown, with what the
interpreter says of it, and asked once to correct it:

    own        its greedy program, where that is wrong
    injected   the recorded program of the same problem with a fault as lessons have it

The first table has the share that is right afterwards. The second compares, on exactly the failed
greedy programs, one repair with fresh samples at as many tokens: written ones, and with those that
the repair reads beside (what is said of the program). Between one and two samples a problem gets
the second with the chance that meets the budget. One failure a problem, so that problems are the
clusters. All failures are sent back, which needs gold: rates are those of each kind of failure,
and only the ones that raise could be known without gold.
"""

import argparse
import sys
from collections.abc import Sequence
from math import comb
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.begun_texts import Begun, decoding_of, write_on
from bench.equal_tokens import Spend, at_budget
from bench.recorded_paths import right_paths
from mdexp.answers import correct
from mdexp.config.judging import judge
from mdexp.config.settings import Settings
from mdexp.decoding.answering import answer
from mdexp.decoding.decode_stats import DecodeStats
from mdexp.decoding.resume_cache import ResumeCache
from mdexp.decoding.run_writer import run_writer
from mdexp.decoding.student_writer import StudentWriter
from mdexp.grading.pairing import compare_verdicts
from mdexp.grading.statistics import bca, wilson
from mdexp.lessons.faulty_programs import FaultyPrograms
from mdexp.ports import Executor
from mdexp.records import Output, Problem, VerifiedPath, by_id
from mdexp.sandbox.executor import Sandbox
from mdexp.store.json_lines import read_jsonl
from mdexp.store.run_folder import run_file, run_manifest
from mdexp.thoughts.repair import Repair
from mdexp.transcripts.reading import read_all, read_rows

SEED = 0  # of resampled problems


class Repaired(NamedTuple):
    """A faulty program that was shown to the student, and what it wrote behind it."""

    problem_id: str
    raises: bool  # the faulty program gave no answer
    right: bool  # the repair does
    again: bool  # the repair is the faulty program
    written: int  # tokens of the repair
    read: int  # tokens of what was said of the program


class Sampled(NamedTuple):
    """Fresh programs of a problem."""

    right: Sequence[bool]
    tokens: Sequence[int]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--programs", type=Path, required=True)
    parser.add_argument("--problems", type=int, default=300)
    parser.add_argument("--samples", type=int, default=2)
    given = parser.parse_args()
    settings = judge(run_manifest(given.run)["settings"])
    with Sandbox(**settings.sandbox.model_dump()) as sandbox:
        own, injected, sampled, note = measured(
            given.run, settings, given.programs, given.problems, given.samples, sandbox
        )
    console = Console(width=140)
    console.print(note)
    console.print(fix_table(own, injected))
    console.print(resampling_table(own, sampled))


def measured(
    run: Path, settings: Settings, file: Path, num_problems: int, samples: int, sandbox: Executor
) -> tuple[list[Repaired], list[Repaired], dict[str, Sampled], str]:
    """Repairs of own and of injected faults, fresh samples by problem, and what was left out."""
    name, repair = repair_of(settings)
    test = [p for p in read_jsonl(run_file(run, "problems.jsonl"), Problem) if p.split == "test"]
    recorded = right_paths(file, test, repair.inner_name, repair.inner, sandbox)
    problems = [problem for problem in test if problem.id in recorded][:num_problems]
    kept = ResumeCache(run / "bench_repairs.jsonl")
    writer = run_writer(run, settings, DecodeStats(kept=kept))
    inner = {repair.inner_name: repair.inner}
    outputs = answer(
        writer,
        problems,
        inner,
        decoding=decoding_of(settings),
        executor=sandbox,
        samples=range(1 + samples),
    )
    dones = read_rows(outputs, by_id(problems), inner, sandbox)
    right = [
        correct(done.answer, by_id(problems)[output.problem_id].answer)
        for output, done in zip(outputs, dones, strict=True)
    ]
    rows = list(zip(outputs, right, strict=True))
    greedy = {o.problem_id: o for o, is_right in rows if o.sample == 0 and not is_right}
    failed = {name: output for name, output in greedy.items() if output.finished}
    faults = injected_faults(settings, name, repair, problems, recorded, sandbox)
    sampled = {p.id: fresh(p.id, rows) for p in problems}
    ours = [Begun(p, name, repair, (failed[p.id].text,)) for p in problems if p.id in failed]
    theirs = [Begun(p, name, repair, (faults[p.id],)) for p in problems if p.id in faults]
    note = (
        f"{len(recorded)} of {len(test)} test problems have a right recorded program, of which "
        f"{len(problems)} were asked; {len(problems) - len(greedy)} greedy programs are right, "
        f"{len(greedy) - len(failed)} were cut short and are left out, {len(failed)} failed"
    )
    return (
        repaired(ours, writer, settings, sandbox),
        repaired(theirs, writer, settings, sandbox),
        sampled,
        note,
    )


def repair_of(settings: Settings) -> tuple[str, Repair]:
    """The run's thought of repair, as one that sends back whatever is wrong, once."""
    for name, thought in settings.thoughts.items():
        if isinstance(thought, Repair):
            return name, thought.model_copy(update={"trigger": "oracle", "rounds": 1})
    raise ValueError("no thought of this run repairs programs, as repair does")


def injected_faults(
    settings: Settings,
    name: str,
    repair: Repair,
    problems: Sequence[Problem],
    recorded: dict[str, VerifiedPath],
    sandbox: Executor,
) -> dict[str, str]:
    """A faulty program by problem, made as the run's lessons are; none where the fault that is
    drawn does no harm."""
    [maker] = [part for part in settings.lessons.values() if isinstance(part, FaultyPrograms)]
    found = {}
    for problem in problems:
        lessons = maker.make(problem, [recorded[problem.id]], {name: repair}, sandbox)
        for lesson in list(lessons)[:1]:
            found[problem.id] = lesson.segments[2].text
    return found


def fresh(problem_id: str, rows: Sequence[tuple[Output, bool]]) -> Sampled:
    ours = [(o, right) for o, right in rows if o.problem_id == problem_id and o.sample]
    return Sampled([right for _, right in ours], [output.num_tokens for output, _ in ours])


def repaired(
    begun: Sequence[Begun], writer: StudentWriter, settings: Settings, sandbox: Executor
) -> list[Repaired]:
    walks = write_on(begun, writer, decoding_of(settings), sandbox)
    found = []
    for one, walk, done in zip(begun, walks, read_all(walks, sandbox), strict=True):
        segments = walk.transcript.segments
        place = next(n for n, s in enumerate(segments) if s.author == "writer")
        [cue] = [s for s in segments[place:] if s.author == "cue"]
        result = next(s.result for s in segments[place:] if s.author == "executor")
        assert result is not None, "a program was run"
        last = walk.transcript.last
        found.append(
            Repaired(
                problem_id=one.problem.id,
                raises=result.answer is None,
                right=correct(done.answer, one.problem.answer),
                again=last.text.split() == one.texts[0].split(),
                written=last.num_tokens,
                read=len(writer.renderer.prompt_ids(cue.text)),
            )
        )
    return found


def fix_table(own: Sequence[Repaired], injected: Sequence[Repaired]) -> Table:
    columns = (
        "faults",
        "kind",
        "n",
        "right after one repair, %",
        "95 %",
        "the same program again, %",
    )
    table = Table(*columns, "tokens")
    for name, rows in (("own", own), ("injected", injected)):
        kinds = {
            "raises": [row for row in rows if row.raises],
            "wrong value": [row for row in rows if not row.raises],
            "all": rows,
        }
        for kind, ours in kinds.items():
            if ours:
                n, fixed = len(ours), sum(row.right for row in ours)
                low, high = (100 * end for end in wilson(fixed, n))
                table.add_row(
                    name,
                    kind,
                    str(n),
                    f"{100 * fixed / n:.1f}",
                    f"{low:.1f} to {high:.1f}",
                    f"{100 * sum(row.again for row in ours) / n:.1f}",
                    f"{fmean(row.written for row in ours):.0f}",
                )
    first = {row.problem_id: row.right for row in own}
    second = {row.problem_id: row.right for row in injected if row.problem_id in first}
    if second:
        c = compare_verdicts({name: first[name] for name in second}, second)
        ends = " to ".join(f"{100 * end:+.1f}" for end in c.difference.ci95)
        table.caption = (
            f"injected minus own on the {c.n} problems that have both: "
            f"{100 * c.difference.mean:+.1f} points ({ends}), "
            f"{c.mcnemar.only_second} : {c.mcnemar.only_first}, p = {c.mcnemar.p:.2g}"
        )
    return table


def resampling_table(own: Sequence[Repaired], sampled: dict[str, Sampled]) -> Table:
    table = Table("failures", "way", "n", "tokens", "right, %", "repair minus it, points (95 %)")
    for kind, ours in (("all", own), ("raises", [row for row in own if row.raises])):
        if not ours:
            continue
        written = fmean(row.written for row in ours)
        read = fmean(row.read for row in ours)
        mended = np.array([float(row.right) for row in ours])
        n, rate = str(len(ours)), f"{100 * mended.mean():.1f}"
        table.add_row(kind, "repair", n, f"{written:.0f} and {read:.0f} read", rate, "")
        sizes = resampling([sampled[row.problem_id] for row in ours])
        for way, tokens in (("as many written", written), ("written and read", written + read)):
            if tokens > sizes[-1].tokens:
                table.add_row(kind, f"samples, {way}", n, f"{tokens:.0f}", "needs more samples", "")
                continue
            spent = at_budget(sizes, tokens)
            gain = mended - spent.values
            low, high = (100 * end for end in bca(gain, seed=SEED, least=-1.0))
            table.add_row(
                kind,
                f"samples, {way}",
                n,
                f"{tokens:.0f}",
                f"{100 * spent.values.mean():.1f}",
                f"{100 * gain.mean():+.1f} ({low:+.1f} to {high:+.1f})",
            )
    return table


def resampling(sampled: Sequence[Sampled]) -> list[Spend]:
    """None, one, two, ... fresh programs for each problem, and the chance that one is right."""
    most = min(len(one.right) for one in sampled)
    each = fmean(fmean(one.tokens) for one in sampled)
    return [
        Spend(number * each, np.array([any_right(one.right, number) for one in sampled]))
        for number in range(most + 1)
    ]


def any_right(right: Sequence[bool], number: int) -> float:
    """Chance that so many of the samples hold a right one."""
    wrong = len(right) - sum(right)
    return 1 - comb(wrong, number) / comb(len(right), number)


if __name__ == "__main__":
    main()
