"""How well a scorer chooses among a trained student's paths: AUC within problems, best-of-k, votes.

    python -m bench.selection RUN FOLDER [--train 300] [--validation 50] [--test 300] [--paths 8]

RUN is the folder of a run that trained a student. Its paths (greedy, then --paths sampled ones of
each thought) go to FOLDER/outputs.jsonl, a few problems at a time, so that a killed bench goes on
behind the last ones; `--write-none` takes those that are there. The scorer of
conf/scorer/energy.yaml learns from the training problems and is chosen on validation problems; the
test problems are those that have all paths. This is what `experiment=energy` does, but for the
student before training, and FOLDER/selection.json has what that would show.
"""

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from mdexp.config.judging import judge
from mdexp.decoding.answering import answer
from mdexp.decoding.prefix_scores import (
    BATCH,
    PrefixScores,
    WrittenPath,
    read_prefixes,
    written_paths,
)
from mdexp.decoding.run_writer import chosen_thoughts, run_writer
from mdexp.decoding.student_writer import StudentWriter
from mdexp.grading.score import grade, with_scores
from mdexp.grading.selection import Selection, selections, verdict
from mdexp.ports import PrefixScorer, Thought
from mdexp.ports.parts import build_part, described
from mdexp.records import Generation, Output, PathScore, Problem
from mdexp.sandbox.executor import Sandbox
from mdexp.stages.problem_sets import training_problems
from mdexp.store.files import write_json, written_fields
from mdexp.store.json_lines import read_jsonl
from mdexp.store.run_folder import run_file, run_manifest
from mdexp.students.prefix_states import PrefixReader

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
    graded, counts = scored(part, writer, outputs, graded, known, thoughts)
    by_split = {s: [g for g in graded if g.split == s] for s in ("train", "validation", "test")}
    order = settings.voting()
    found = selections(by_split["test"], by_split["validation"], order)
    sizes = {split: len({g.problem_id for g in ours}) for split, ours in by_split.items()}
    write_json(
        given.folder / "selection.json", {"problems": sizes, "scorer": counts, "selection": found}
    )
    print(sizes, json.dumps(counts))
    for name, one in found.items():
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


def scored(
    part: PrefixScorer,
    writer: StudentWriter,
    outputs: Sequence[Output],
    graded: Sequence[Generation],
    known: Mapping[str, Problem],
    thoughts: Mapping[str, Thought],
) -> tuple[list[Generation], Mapping[str, Any]]:
    """The graded paths with the scores of a head that learned from those of training problems."""
    reader = PrefixReader(model=writer.model, depths=part.depths, batch_size=BATCH)
    teaching = [n for n, path in enumerate(graded) if path.split != "test"]
    paths: Sequence[WrittenPath] = written_paths(outputs, known, thoughts, writer.renderer)
    read = read_prefixes(
        reader, [paths[n] for n in teaching], [graded[n] for n in teaching], by_step=part.by_step
    )
    trained = [prefix for prefix in read if known[prefix.problem_id].split == "train"]
    tuned = [prefix for prefix in read if known[prefix.problem_id].split == "validation"]
    head, counts = part.fit(trained, tuned)
    scores = PrefixScores(writer.model, head, writer.renderer.tokenizer.eos_token_id)
    found = scores([path.prefix for path in paths])
    rows = [
        PathScore(
            problem_id=output.problem_id,
            thought=output.thought,
            sample=output.sample,
            score=score,
            num_tokens=len(path.prefix.token_ids),
        )
        for output, path, score in zip(outputs, paths, found, strict=True)
    ]
    return with_scores(graded, rows), counts


def show(name: str, found: Selection) -> None:
    print(f"\n{name}, {found['paths']} paths, {found['ranked']} problems to rank: {verdict(found)}")
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
