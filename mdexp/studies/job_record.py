"""The record of a finished job: one small JSON file in the repository, enough for every test.

It outlives the run folder and the store. It holds which problems each row solved, every sampled
path's answer, verdict and length, the job's cost, and the versions of its stages.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mdexp.grading.analysis import KINDS
from mdexp.grading.election import candidate
from mdexp.grading.pairing import paired_verdicts
from mdexp.records import Generation, Output, Phase, Problem, Vote
from mdexp.stages.convert import CONVERT
from mdexp.stages.table import TABLE
from mdexp.store.files import read_json, write_text
from mdexp.store.json_lines import read_jsonl
from mdexp.store.run_folder import MANIFEST, run_file
from mdexp.studies.plan import StudyJob
from mdexp.studies.study_files import StudyError, fault_lines

RESULTS = "jobs"  # folder of the records within a study's folder
Kind = TypeVar("Kind", bound=BaseModel)
PHASE: Phase = "after"


class RecordPart(BaseModel):
    """A part of a record; unknown keys and values of another type are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


Digits = Annotated[str, Field(pattern="^[01]*$")]  # a verdict each


class SampledPaths(RecordPart):
    """A thought's sampled paths, by problem and within it by sample."""

    keys: list[list[str | None]]  # the answer each votes for; None abstains
    right: list[Digits]
    tokens: list[list[int]]  # generated

    @model_validator(mode="after")
    def _has_all_of_each_path(self) -> Self:
        if not len(self.keys) == len(self.right) == len(self.tokens):
            numbers = f"{len(self.keys)}, {len(self.right)} and {len(self.tokens)}"
            raise ValueError(f"keys, right and tokens are of {numbers} problems")
        for number, parts in enumerate(zip(self.keys, self.right, self.tokens, strict=True)):
            keys, right, tokens = map(len, parts)
            if not keys == right == tokens:
                raise ValueError(
                    f"problem {number}: {keys} keys, {right} verdicts and {tokens} token counts"
                )
        return self


class SetResults(RecordPart):
    """One dataset's test problems after training. All lists are in the order of `problems`."""

    problems: list[str]  # ids
    digest: str  # of ids, questions and gold answers
    kinds: dict[str, list[str]]  # of each problem: its `type`, its `steps`
    rows: dict[str, Digits]  # of each problem
    answers: dict[str, list[Any]]  # of each row
    paths: dict[str, SampledPaths]  # by thought
    greedy_tokens: dict[str, list[int]] = {}  # by thought; older records lack them

    @model_validator(mode="after")
    def _has_all_of_each_problem(self) -> Self:
        lists = (self.kinds, self.rows, self.answers, self.greedy_tokens)
        sizes = [(name, len(of)) for part in lists for name, of in part.items()]
        sizes += [(f"paths of {thought}", len(of.keys)) for thought, of in self.paths.items()]
        for name, size in sizes:
            if size != len(self.problems):
                raise ValueError(f"{name} has {size} entries for {len(self.problems)} problems")
        return self


class JobCost(RecordPart):
    target_tokens: int  # target tokens of all training steps
    steps: int
    seconds: float  # seconds of all stages, including those found in the store


class JobRecord(RecordPart):
    arm: str
    seed: int
    settings: list[str]
    commit: str | None  # of the code
    stages: dict[str, int]  # version of each
    cost: JobCost
    metrics: dict[str, Any]  # as in metrics.json
    tests: dict[str, SetResults]  # by dataset


Records = Mapping[str, JobRecord]  # of finished jobs, by name


def stage_versions() -> dict[str, int]:
    """The version of each stage of this code."""
    return {stage.name: stage.version for stage in (CONVERT, *TABLE)}


def job_record(run: Path, job: StudyJob, commit: str | None) -> JobRecord:
    """The record of a finished run folder."""
    manifest = read_json(run / MANIFEST)
    versions = stage_versions()
    stages = {stage["name"]: stage for stage in manifest["stages"]}
    trained = stages["train"]["counts"]
    return JobRecord(
        arm=job.arm,
        seed=job.seed,
        settings=list(job.settings or ()),
        commit=commit,
        stages={name: versions[name] for name in stages},
        cost=JobCost(
            target_tokens=trained["target_tokens"],
            steps=trained["steps"],
            seconds=round(sum(stage["seconds"] for stage in stages.values()), 1),
        ),
        metrics=read_json(run_file(run, "metrics.json")),
        tests=_set_results(run),
    )


def _set_results(run: Path) -> dict[str, SetResults]:
    problems = [p for p in _rows(run, "problems.jsonl", Problem) if p.split == "test"]
    generations = _rows(run, "generations.jsonl", Generation)
    votes = [v for v in _rows(run, "votes.jsonl", Vote) if v.phase == PHASE]
    lengths = {
        (o.dataset, o.problem_id, o.thought, o.sample): o.num_tokens
        for o in _rows(run, "outputs_after.jsonl", Output)
    }
    found = {}
    for dataset, rows in paired_verdicts(generations, votes, PHASE).items():
        ours = {p.id: p for p in problems if p.dataset == dataset}
        tested = [
            g for g in generations if (g.dataset, g.phase, g.split) == (dataset, PHASE, "test")
        ]
        answers = {(g.thought, g.problem_id): g.answer for g in tested if g.sample == 0}
        answers |= {(v.row, v.problem_id): v.answer for v in votes if v.dataset == dataset}
        found[dataset] = SetResults(
            problems=list(ours),
            digest=_digest(list(ours.values())),
            kinds={name: [KINDS[name](p) for p in ours.values()] for name in ("type", "steps")},
            rows={row: _digits([right[id] for id in ours]) for row, right in rows.items()},
            answers={row: [answers[row, id] for id in ours] for row in rows},
            paths=_paths([g for g in tested if g.sample > 0], list(ours), lengths),
            greedy_tokens={
                thought: [lengths[dataset, id, thought, 0] for id in ours]
                for thought in dict.fromkeys(g.thought for g in tested if g.sample == 0)
            },
        )
    return found


def _paths(
    sampled: Sequence[Generation], problems: Sequence[str], lengths: Mapping[Any, int]
) -> dict[str, SampledPaths]:
    by_thought: dict[str, dict[str, list[Generation]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted(sampled, key=lambda path: path.sample):
        by_thought[path.thought][path.problem_id].append(path)
    return {
        thought: SampledPaths(
            keys=[[candidate(path) for path in paths[id]] for id in problems],
            right=[_digits([path.correct for path in paths[id]]) for id in problems],
            tokens=[
                [lengths[p.dataset, p.problem_id, p.thought, p.sample] for p in paths[id]]
                for id in problems
            ],
        )
        for thought, paths in by_thought.items()
    }


def _rows(run: Path, name: str, kind: type[Any]) -> list[Any]:
    return read_jsonl(run_file(run, name), kind)


def _digits(verdicts: Sequence[bool]) -> str:
    return "".join(str(int(right)) for right in verdicts)


def _digest(problems: Sequence[Problem]) -> str:
    asked = [[problem.id, problem.question, problem.answer] for problem in problems]
    return hashlib.sha256(json.dumps(asked, ensure_ascii=False).encode()).hexdigest()[:16]


def write_record(folder: Path, name: str, record: JobRecord) -> None:
    (folder / RESULTS).mkdir(parents=True, exist_ok=True)
    write_text(folder / RESULTS / f"{name}.json", record.model_dump_json() + "\n")


def read_records(folder: Path) -> dict[str, JobRecord]:
    """The records of a study's finished jobs, by name; StudyError names an invalid file."""
    records = read_each(folder / RESULTS, JobRecord)
    for name, record in records.items():
        # The jobs of a search have names without a seed.
        if name not in (record.arm, f"{record.arm}-{record.seed}"):
            raise StudyError(
                f"{folder / RESULTS / name}.json is the record of {record.arm}, seed {record.seed}"
            )
    return records


def read_each(folder: Path, kind: type[Kind]) -> dict[str, Kind]:
    """The records in a folder, by the names of their files; StudyError names an invalid one."""
    found = {}
    for file in sorted(folder.glob("*.json")):
        try:
            found[file.stem] = kind.model_validate_json(file.read_bytes())
        except ValidationError as error:
            raise StudyError("\n".join(fault_lines(file, error))) from error
    return found
