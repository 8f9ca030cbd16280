"""Does a student's last text need its own first texts: key points (KPDD), a rationale (Sci-CoT)?

    python -m bench.given_texts RUN [--problems 300]

RUN is the folder of a run whose student writes several texts (`experiment=kpdd`, `sci_cot`). On its
test problems the student writes the last text anew, greedily, behind first texts of four kinds:

    own       what the student itself wrote; as in the run
    other     what it wrote for another problem: a control, its content cannot help
    gold      by rule from the dataset's own solution, as lessons are made: a bound
    none      empty texts

For programs a second table has the share that uses a number which gold's own program does not, by
whether the question has a number that gold does not use. A dataset without solutions by rule has
no `gold`, and such problems are counted out.
"""

import argparse
import ast
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from mdexp.answers import NUMBER, canonical, correct
from mdexp.config.judging import judge
from mdexp.config.settings import Settings
from mdexp.decoding.run_student import trained_weights
from mdexp.grading.statistics import wilson
from mdexp.ports import Done, Seen, Thought, Write
from mdexp.records import Output, Problem, Segment, Transcript
from mdexp.sandbox.executor import Sandbox
from mdexp.store.json_lines import read_jsonl
from mdexp.store.run_folder import run_file, run_manifest
from mdexp.students.prompts import Renderer
from mdexp.teacher.worked import worked_texts
from mdexp.transcripts.driver import Walk, cues
from mdexp.transcripts.opening import asked
from mdexp.transcripts.reading import read_all

KINDS = ("own", "other", "gold", "none")
Texts = Mapping[str, tuple[str, ...]]  # by problem: all texts but the last


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--problems", type=int, default=300)
    given = parser.parse_args()
    settings = judge(run_manifest(given.run)["settings"])
    name = several_texts(settings)
    problems = read_jsonl(run_file(given.run, "problems.jsonl"), Problem)
    outputs = read_jsonl(run_file(given.run, "outputs_after.jsonl"), Output)
    with Sandbox(**settings.sandbox.model_dump()) as sandbox:
        for table in tables(given.run, settings, name, problems, outputs, given.problems, sandbox):
            Console(width=120).print(table)


def several_texts(settings: Settings) -> str:
    """The thought of the run that writes a fixed number of texts; ValueError if there is none."""
    for name, thought in settings.answering().items():
        if thought.max_writes > 1 and thought.made_from:
            return name
    raise ValueError("no thought of this run writes several texts, as kpdd and sci_cot do")


def tables(
    run: Path,
    settings: Settings,
    name: str,
    problems: Sequence[Problem],
    outputs: Sequence[Output],
    num_problems: int,
    sandbox: Sandbox,
) -> list[Table]:
    thought = settings.thoughts[name]
    own = own_texts(outputs, name, thought.max_writes)
    gold, programs = gold_texts(problems, name, thought, sandbox)
    chosen = [p for p in problems if p.id in own and p.id in gold and p.split == "test"]
    if not (chosen := chosen[:num_problems]):
        raise ValueError(
            "no test problem has first texts that the student finished and a solution by rule"
        )
    firsts: dict[str, Texts] = {
        "own": own,
        "other": shifted(own, [p.id for p in chosen]),
        "gold": gold,
        "none": {problem.id: ("",) * (thought.max_writes - 1) for problem in chosen},
    }
    model, tokenizer = trained_weights(run, settings).load()
    student = settings.student
    renderer = Renderer(tokenizer, student.kind, student.prompt)
    most = settings.decoding.max_new_tokens
    answers = Table("first texts", "n", "right, %", "95 %", "no answer, %")
    numbers = Table(
        "first texts", "unused number in question", "n", "uses a number gold does not, %"
    )
    for kind in KINDS:
        walks = [behind(p, name, thought, firsts[kind][p.id]) for p in chosen]
        for walk in walks:
            write_last(walk, model, renderer, most)
        dones = read_all(walks, sandbox)
        add_answers(answers, kind, chosen, dones)
        if programs:
            add_numbers(numbers, kind, chosen, dones, programs)
    left_out = sum(p.split == "test" and p.id in own and p.id not in gold for p in problems)
    answers.caption = f"{left_out} problems have no solution by rule and are left out"
    return [answers, numbers] if programs else [answers]


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
    problems: Sequence[Problem], name: str, thought: Thought, sandbox: Sandbox
) -> tuple[Texts, dict[str, str]]:
    """First texts as lessons would have them, and gold's programs where lessons are of programs."""
    [(source_name, source)] = thought.made_from.items()
    texts: dict[str, tuple[str, ...]] = {}
    programs: dict[str, str] = {}
    for problem in problems:
        for text in worked_texts(problem).get(source_name, [])[:1]:
            path = Transcript(
                problem_id=problem.id,
                thought=name,
                sample=0,
                segments=(
                    asked(problem.question),
                    Segment(author="writer", text=text, turn="assistant"),
                ),
            )
            seen = Seen(expected=problem.expected)
            [done] = read_all([Walk(thought=source, transcript=path, seen=seen)], sandbox)
            lesson = thought.lesson(path, done)
            texts[problem.id] = tuple(s.text for s in lesson if s.author == "writer")[:-1]
            if done.is_computed:
                programs[problem.id] = done.text
    return texts, programs


def behind(problem: Problem, name: str, thought: Thought, texts: Sequence[str]) -> Walk:
    """A transcript whose first texts are given."""
    walk = Walk(
        thought=thought,
        transcript=Transcript(
            problem_id=problem.id, thought=name, sample=0, segments=(asked(problem.question),)
        ),
        seen=Seen(expected=problem.expected),
    )
    for text in texts:
        step = walk.step()
        assert isinstance(step, Write), "every text but the last is followed by another"
        said = Segment(author="writer", text=text, turn="assistant")
        walk.transcript = walk.transcript.after(*cues(walk.transcript, step), said)
    return walk


def write_last(walk: Walk, model: Any, renderer: Renderer, max_new_tokens: int) -> None:
    """Let the student write the last text, greedily, and cut it where its thought is done."""
    import torch

    step = walk.step()
    assert isinstance(step, Write), "the last text is still to come"
    segments = (*walk.transcript.segments, *cues(walk.transcript, step))
    first = next(n for n, s in enumerate(segments) if s.author == "writer")
    if renderer.kind == "seq2seq":
        ids = renderer.prompt_ids(renderer.opening(segments))
    else:
        prompt = renderer.opening(segments[:first])
        ids = renderer.rendered(prompt, segments[first:], ends=False, splits=True).ids
    with torch.no_grad():
        [row] = model.generate(
            input_ids=torch.tensor([ids]), max_new_tokens=max_new_tokens, do_sample=False
        )
    new = row[1:] if renderer.kind == "seq2seq" else row[len(ids) :]
    text = renderer.text(new.tolist())
    ended = renderer.tokenizer.eos_token_id in new.tolist()
    cut = step.stop(text)
    said = Segment(
        author="writer",
        text=text if cut is None else cut,
        turn="assistant",
        finished=ended or cut is not None,
    )
    walk.transcript = walk.transcript.after(*cues(walk.transcript, step), said)


def add_answers(
    table: Table, kind: str, problems: Sequence[Problem], dones: Sequence[Done]
) -> None:
    n = len(problems)
    right = sum(correct(d.answer, p.answer) for d, p in zip(dones, problems, strict=True))
    none = sum(done.answer is None for done in dones)
    low, high = wilson(right, n)
    percent = [f"{100 * share:.1f}" for share in (right / n, low, high, none / n)]
    table.add_row(kind, str(n), percent[0], f"{percent[1]} to {percent[2]}", percent[3])


def add_numbers(
    table: Table,
    kind: str,
    problems: Sequence[Problem],
    dones: Sequence[Done],
    programs: Mapping[str, str],
) -> None:
    for has_unused in (False, True):
        outside = [
            bool(numbers_of(done.text) - numbers_of(programs[problem.id]))
            for problem, done in zip(problems, dones, strict=True)
            if bool(in_question(problem.question) - numbers_of(programs[problem.id])) == has_unused
        ]
        share = f"{100 * sum(outside) / len(outside):.1f}" if outside else "-"
        table.add_row(kind, "yes" if has_unused else "no", str(len(outside)), share)


def numbers_of(program: str) -> set[str | None]:
    """The numbers that a program writes out; none of one that cannot be parsed."""
    try:
        tree = ast.parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
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
