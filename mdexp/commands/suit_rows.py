"""Measures how well the texts of several teachers suit one untrained student."""

import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdexp.config.judging import judge
from mdexp.config.settings import Settings
from mdexp.records import Example, Problem, Rejection
from mdexp.store.json_lines import read_jsonl
from mdexp.store.run_folder import run_file
from mdexp.sweeps.job_name import identity
from mdexp.teacher.command_id import new_command
from mdexp.teacher.replay import ReplayTeacher

if TYPE_CHECKING:
    from mdexp.grading.suitability import Suitability

Config = Mapping[str, Any]  # composed, as plain data
Name = tuple[str, str]  # of a source and a thought
UP_TO_EXAMPLES = {
    "stages": ["prepare", "extract", "verify", "examples"],
    "rounds": 1,
    "run": None,
    "logger": {"_target_": "mdexp.tracking.csv_logger.CsvLogger"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SuitRow:
    source: str  # the recorded file, or the teacher's class
    thought: str
    # Paths and lessons of the source that are not trained on, by reason.
    left_out: Mapping[str, int]
    found: "Suitability"


@dataclass(frozen=True, slots=True, kw_only=True)
class SuitTable:
    rows: Sequence[SuitRow]
    num_problems: int  # read
    num_shared: int  # problems for which every row has a text


def by_source(config: Config) -> dict[str, Config]:
    """The configuration with each recorded file of teacher=replay in turn; else as it is."""
    teacher = judge(config).teacher
    if not isinstance(teacher, ReplayTeacher):
        return {type(teacher).__name__: config}
    parts: dict[str, Any]
    if isinstance(teacher.path, dict):
        parts = {file: {thought: file} for thought, file in teacher.path.items()}
    else:
        parts = {f: f for f in ([teacher.path] if isinstance(teacher.path, str) else teacher.path)}
    return {
        file: {**config, "teacher": {**config["teacher"], "path": part}}
        for file, part in parts.items()
    }


def suited(configs: Mapping[str, Config], most_problems: int) -> SuitTable:
    """Measure the texts of each configuration, which differ in their teacher alone, over the
    problems that they share; ValueError if they share none."""
    from mdexp.decoding.run_student import untrained_weights
    from mdexp.grading.suitability import MOST_RANK, suitability
    from mdexp.stages.problem_sets import shared_problems
    from mdexp.training.text_scores import text_scores

    made: dict[Name, list[Example]] = defaultdict(list)
    left_out: dict[Name, Counter[str]] = defaultdict(Counter)
    with tempfile.TemporaryDirectory() as place:
        for number, (source, config) in enumerate(configs.items()):
            run = Path(place) / str(number)
            settings = _make_examples(config, run)
            for example in read_jsonl(run_file(run, "examples.jsonl"), Example):
                made[source, example.thought].append(example)
            for file in ("rejected.jsonl", "unused.jsonl"):
                for one in read_jsonl(run_file(run, file), Rejection):
                    left_out[source, one.thought][one.reason] += 1
        problems = read_jsonl(run_file(run, "problems.jsonl"), Problem)
        with_text = {
            f"{thought} of {source}": {example.problem_id for example in examples}
            for (source, thought), examples in made.items()
        }
        chosen, num_shared = shared_problems(problems, with_text, most_problems)
        model, tokenizer = untrained_weights(run, settings).load()
    read = {"most_rank": MOST_RANK, "pad_id": tokenizer.pad_token_id or 0}
    rows: list[SuitRow] = []
    first = None
    for (source, thought), examples in made.items():
        ours = [example for example in examples if example.problem_id in chosen]
        texts = text_scores(ours, model, settings.student.kind, **read)
        row = SuitRow(
            source=source,
            thought=thought,
            left_out=left_out[source, thought],
            found=suitability(texts, chosen, first),
        )
        rows.append(row)
        first = first or texts
    return SuitTable(rows=rows, num_problems=len(chosen), num_shared=num_shared)


def _make_examples(config: Config, run: Path) -> Settings:
    """Run the stages up to the training examples; returns the settings."""
    config = {**config, **UP_TO_EXAMPLES}
    settings = judge(config)
    from mdexp.experiment import run_experiment  # loads torch

    with new_command():
        run_experiment(settings, identity(run, config))
    return settings
