"""How well a scorer chooses among a trained student's paths: AUC within problems, best-of-k, votes.

    python -m bench.selection RUN FOLDER [--train 300] [--validation 50] [--test 300] [--paths 8]

RUN is the folder of a run that trained a student. Its paths (greedy, then --paths sampled ones of
each thought) go to FOLDER/outputs.jsonl, a few problems at a time, so that a killed bench goes on
behind the last ones; `--write-none` takes those that are there. The scorer of
conf/scorer/energy.yaml learns from the training problems and is chosen on validation problems; the
test problems are those that have all paths. This is what `experiment=energy` does, but for the
student before training, and FOLDER/selection.json has what that would show. Beside it, training
problems are scored in five folds, by heads that other problems taught.
"""

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from mdexp.config.judging import judge
from mdexp.decoding.answering import answer
from mdexp.decoding.prefix_scores import BATCH, read_prefixes, scored, written_paths
from mdexp.decoding.run_writer import chosen_thoughts, run_writer
from mdexp.decoding.student_writer import StudentWriter
from mdexp.grading.score import grade
from mdexp.grading.selection import Selection, selections, verdict
from mdexp.ports import PrefixScorer, ReadPrefix, Thought
from mdexp.ports.parts import build_part, described
from mdexp.records import Generation, LinearHead, Output, Problem
from mdexp.sandbox.executor import Sandbox
from mdexp.stages.problem_sets import training_problems
from mdexp.store.files import write_json, written_fields
from mdexp.store.json_lines import read_jsonl
from mdexp.store.run_folder import run_file, run_manifest
from mdexp.students.prefix_states import PrefixReader

SPLITS = ("train", "validation", "test")
FOLDS = 5  # of the training problems
AT_ONCE = 14  # problems whose paths are written together, then kept
SCORER = Path(__file__).parents[1] / "conf" / "scorer" / "energy.yaml"


def main() -> None:
    given = arguments()
    manifest = run_manifest(given.run)
    settings = judge(manifest["settings"])
    problems = read_jsonl(run_file(given.run, "problems.jsonl"), Problem)
    thoughts = chosen_thoughts(manifest, settings)
    asked = [
        *training_problems(problems)[: given.train],
        *[p for p in problems if p.split == "validation"][: given.validation],
        *[p for p in problems if p.split == "test"][: given.test],
    ]
    writer = run_writer(given.run, settings)
    sampled = dict.fromkeys(("num_paths", "validation_paths"), given.paths)
    decoding: Any = build_part(described(settings.decoding.untrained()) | sampled)
    file = given.folder / "outputs.jsonl"
    given.folder.mkdir(parents=True, exist_ok=True)
    with Sandbox(**settings.sandbox.model_dump()) as executor:
        missing = [p for p in asked if p.id not in complete(file, len(thoughts), given.paths)]
        for start in range(0, 0 if given.write_none else len(missing), AT_ONCE):
            few = missing[start : start + AT_ONCE]
            written = answer(writer, few, thoughts, decoding=decoding, executor=executor)
            with file.open("a") as out:
                out.writelines(f"{json.dumps(written_fields(output))}\n" for output in written)
            print(f"{start + len(few)} of {len(missing)} problems written", flush=True)
        ready = complete(file, len(thoughts), given.paths)
        known = {p.id: p for p in asked if p.id in ready}
        outputs = [o for o in read_jsonl(file, Output) if o.problem_id in known]
        graded = grade(outputs, known, thoughts, executor, settings.grader)
    part: Any = build_part(yaml.safe_load(SCORER.read_text()))
    read = read_paths(part, writer, outputs, graded, known, thoughts)
    side = {s: [p for p in read if known[p.problem_id].split == s] for s in SPLITS}
    paths = {s: [g for g in graded if g.split == s] for s in SPLITS}
    head, counts = part.fit(side["train"], side["validation"])
    number = part.depths.index(head.depth)
    whole = {s: [p for p in side[s] if p.step is None] for s in SPLITS}
    by_head = {s: with_head(paths[s], whole[s], number, head) for s in ("validation", "test")}
    order = settings.voting()
    tuned = by_head["validation"]
    sizes = {s: len({g.problem_id for g in ours}) for s, ours in paths.items()}
    print(sizes, json.dumps(counts))
    of_training = cross_fitted(part, paths["train"], side["train"], side["validation"])
    found = {
        "test problems": selections(by_head["test"], tuned, order),
        f"training problems, {FOLDS} folds": selections(of_training, tuned, order),
    }
    write_json(given.folder / "selection.json", {"problems": sizes, "scorer": counts, **found})
    for title, ways in found.items():
        for name, one in ways.items():
            print(f"\n{title}: ", end="")
            show(name, one)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--train", type=int, default=300)
    parser.add_argument("--validation", type=int, default=50)
    parser.add_argument("--test", type=int, default=300)
    parser.add_argument("--paths", type=int, default=8)
    parser.add_argument("--write-none", action="store_true")
    return parser.parse_args()


def complete(file: Path, num_thoughts: int, num_paths: int) -> set[str]:
    """The problems that have all sampled paths in the file; of training problems, which only teach,
    one path less is enough (`mdexp harvest` writes the greedy one among them)."""
    if not file.is_file():
        return set()
    counted: Counter[str] = Counter()
    splits: dict[str, str] = {}
    for output in read_jsonl(file, Output):
        counted[output.problem_id] += 1
        splits[output.problem_id] = output.split
    return {
        id
        for id, number in counted.items()
        if number >= num_thoughts * (num_paths + (splits[id] != "train"))
    }


def read_paths(
    part: PrefixScorer,
    writer: StudentWriter,
    outputs: Sequence[Output],
    graded: Sequence[Generation],
    known: Mapping[str, Problem],
    thoughts: Mapping[str, Thought],
) -> list[ReadPrefix]:
    """All paths and their beginnings, as the student reads them."""
    reader = PrefixReader(model=writer.model, depths=part.depths, batch_size=BATCH)
    paths = written_paths(outputs, known, thoughts, writer.renderer)
    return read_prefixes(reader, paths, graded, by_step=part.by_step)


def with_head(
    graded: Sequence[Generation], whole: Sequence[ReadPrefix], number: int, head: LinearHead
) -> list[Generation]:
    """The graded paths with the head's scores; `whole` are these paths as they are read, and the
    head's depth is the one of that `number`."""
    return [
        replace(path, score=scored(head, prefix.states[number]))
        for path, prefix in zip(graded, whole, strict=True)
    ]


def cross_fitted(
    part: PrefixScorer,
    graded: Sequence[Generation],
    read: Sequence[ReadPrefix],
    validation: Sequence[ReadPrefix],
) -> list[Generation]:
    """Paths of training problems, each with the score of a head that four fifths of these problems
    taught, its own problem not among them."""
    ids = list(dict.fromkeys(path.problem_id for path in graded))
    fold = {id: number % FOLDS for number, id in enumerate(ids)}
    found: list[Generation] = []
    for ours in range(FOLDS):
        head, _ = part.fit([p for p in read if fold[p.problem_id] != ours], validation)
        whole = [p for p in read if p.step is None and fold[p.problem_id] == ours]
        held_out = [path for path in graded if fold[path.problem_id] == ours]
        found += with_head(held_out, whole, part.depths.index(head.depth), head)
    return found


def show(name: str, found: Selection) -> None:
    print(f"{name}, {found['paths']} paths, {found['ranked']} problems to rank: {verdict(found)}")
    for measure, auc in found["auc"].items():
        low, high = auc["ci95"]
        print(f"AUC within a problem by {measure}: {auc['mean']:.3f} ({low:.3f} to {high:.3f})")
    for measure, gain in found["gains"].items():
        low, high = gain["ci95"]
        print(f"  score above {measure}: {gain['mean']:+.3f} ({low:+.3f} to {high:+.3f})")
    for way, cell in found["rows"].items():
        low, high = cell["ci95"]
        line = f"{way}: {cell['correct']} of {cell['n']} ({100 * low:.1f} to {100 * high:.1f} %)"
        if versus := found["versus"].get(way):
            line += f"; against the majority {versus['only_majority']} : {versus['only_this']}"
            line += f", p = {versus['p']:.3f}"
        print(line)


if __name__ == "__main__":
    main()
