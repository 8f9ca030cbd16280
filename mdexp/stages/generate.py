"""Stages `before` and `after`: the student answers before and after training."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdexp.config.settings import Settings
from mdexp.datasets.overlap import refuse_tested
from mdexp.decoding.choosing import choose_outputs, variants_of
from mdexp.decoding.scorer_head import HEAD, read_head
from mdexp.ports import AsksScorer, Decoder, Done, Executor, StudentConfig, Thought
from mdexp.records import Output, Overlap, Phase, Problem, TranscriptKey, by_id
from mdexp.stages.problem_sets import asked_of_student, key_of_free_text, set_sizes
from mdexp.stages.stage import Files, Stage, key_of_decoding
from mdexp.stages.stage_writer import RankOptions, stage_writer
from mdexp.store.json_lines import read_jsonl, write_jsonl
from mdexp.store.stage_store import Counts
from mdexp.students.weights import Weights
from mdexp.transcripts.prompting import keyed_exemplar_files, load_exemplars, most_asked, shown_by
from mdexp.transcripts.reading import Readings, outcomes, reading_order

if TYPE_CHECKING:
    from mdexp.decoding.student_writer import StudentWriter

log = logging.getLogger(__name__)


def generate(
    out: Path,
    reads: Files,
    *,
    student: StudentConfig,
    thoughts: Mapping[str, Thought],
    decoding: Decoder,
    phase: Phase,
    seed: int,
    numerics: Mapping[str, Any],
    executor: Executor,
    weights: Weights,
    readings: Readings | None = None,
    overlap: Overlap = "off",
    ranks: RankOptions | None = None,
) -> Counts:
    """Before training, each thought is prompted zero-shot and few-shot on validation problems, and
    the better prompt is used for the test; a trained student needs no exemplars. SourceError if an
    exemplar is a test problem by `overlap`."""
    from mdexp.decoding.student_writer import Opened

    everything = read_jsonl(reads["problems.jsonl"], Problem)
    problems = asked_of_student(everything, decoding)
    exemplars = load_exemplars(most_asked(problems))[: decoding.num_shots]
    refuse_tested(exemplars, everything, overlap)
    asking = stage_writer(out, student, weights, numerics, phase=phase, seed=seed, ranks=ranks)
    with asking as writer, ExitStack() as until_end:
        writer = replace(
            writer,
            opened=Opened(until_end),
            readings={} if readings is None else readings,
            head=read_head(reads[HEAD]) if HEAD in reads else None,
        )
        outputs, counts = _written(decoding, problems, thoughts, writer, exemplars, executor)
    write_jsonl(out / "outputs.jsonl", outputs)
    writer.work.remove_kept()
    if decoding.engine == "local":
        counts["dtype"] = numerics["dtype"]  # a server's type is not known
    return counts | written_counts(outputs) | writer.work.counts()


def _written(
    decoding: Decoder,
    problems: Sequence[Problem],
    thoughts: Mapping[str, Thought],
    writer: "StudentWriter",
    exemplars: Sequence[Mapping[str, Any]],
    executor: Executor,
) -> tuple[list[Output], Counts]:
    """The outputs of all thoughts (those that read other thoughts come after them), and the choices
    made."""
    phase = writer.phase
    outputs: list[Output] = []
    counts: Counts = {}
    for layer in reading_order(thoughts):
        ours = {name: thoughts[name] for name in layer}
        found = outcomes(outputs, by_id(problems), thoughts, executor, writer.readings)
        trained = phase == "after"
        as_they_are = {n: t for n, t in ours.items() if trained and len(variants_of(t)) == 1}
        if as_they_are:  # written together, so that shared prefixes are computed once
            log.info("%s, %s: %s", phase, ", ".join(as_they_are), set_sizes(problems))
            written, chosen = decoding.solve(problems, as_they_are, writer, executor, found)
            outputs += written
            counts |= chosen
        for name in (name for name in ours if name not in as_they_are):
            log.info("%s, %s: %s", phase, name, set_sizes(problems))
            shown = [] if trained else shown_by(ours[name], exemplars)
            written, counts[name] = _by_best_prompt(
                decoding, problems, name, ours[name], writer, shown, executor, found
            )
            outputs += written
    return outputs, counts


def _by_best_prompt(
    decoder: Decoder,
    problems: Sequence[Problem],
    name: str,
    thought: Thought,
    writer: "StudentWriter",
    shown: Sequence[Mapping[str, Any]],
    executor: Executor,
    found: Mapping[TranscriptKey, Done],
) -> tuple[list[Output], Counts]:
    """A thought's outputs with the best of its prompts on validation problems: with or without
    the exemplars `shown`, and in each variant of the thought. Of equally good ones the first is
    used."""
    validation = [problem for problem in problems if problem.split == "validation"]
    rest = [problem for problem in problems if problem.split != "validation"]
    variants = variants_of(thought)
    prompts = [(shots, way) for shots in sorted({len(shown), 0}, reverse=True) for way in variants]

    def solve(
        with_choice: Decoder, asked: Sequence[Problem], prompt: tuple[int, str]
    ) -> tuple[list[Output], Counts]:
        shots, way = prompt
        prompted = replace(writer, exemplars=shown[:shots])
        written, chosen = with_choice.solve(asked, {name: variants[way]}, prompted, executor, found)
        return written, chosen.get(name, {})

    tried, chosen = {}, {}
    for prompt in prompts:
        tried[prompt], chosen[prompt] = solve(decoder, validation, prompt)
    choice = choose_outputs(tried, validation, {name: thought}, executor, found, writer.readings)
    shots, way = choice.best
    settled = decoder.with_choice(chosen[choice.best])
    outputs = tried[choice.best] + solve(settled, rest, choice.best)[0]
    counts: Counts = dict(chosen[choice.best])
    if writer.phase == "before":
        by_shots = {shots: right for (shots, other), right in choice.solved.items() if other == way}
        counts["solved on validation by shots"] = dict(sorted(by_shots.items()))
        counts["shots"] = shots
    if len(variants) > 1:
        by_way = {other: right for (n, other), right in choice.solved.items() if n == shots}
        counts["solved on validation by variant"] = by_way
        counts["variant"] = way
    return outputs, counts


def written_counts(outputs: Sequence[Output]) -> Counts:
    """Counts of outputs and tokens, and of outputs that the token limit cut short."""
    return {
        "outputs": len(outputs),
        "tokens": sum(output.num_tokens for output in outputs),
        "truncated": sum(not output.finished for output in outputs),
    }


def _settings(s: Settings, phase: Phase) -> dict[str, Any]:
    return {
        "student": s.student,
        "thoughts": s.answering(),
        "decoding": s.decoding if phase == "after" else s.decoding.untrained(),
        "seed": s.seed,
        "phase": phase,
    }


def _asks_scorer(s: Settings) -> bool:
    return isinstance(s.decoding, AsksScorer) and s.decoding.asks_scorer


def _key_of_engine(s: Settings) -> Mapping[str, Any]:
    """Earlier versions did not check which model the server had, and counted what it wrote behind
    the end of a text."""
    probed = {"server": "probed, cut"} if s.decoding.engine == "openai" else {}
    return {**probed, **key_of_decoding(s)}


BEFORE = Stage(
    name="before",
    part="generate",
    version=6,
    function=generate,
    reads=("problems.jsonl",),
    writes={"outputs.jsonl": "outputs_before.jsonl"},
    files=lambda s: {**s.student.files(), **keyed_exemplar_files()},
    settings=lambda s: _settings(s, "before") | {"overlap": s.dataset.overlap},
    key_only=lambda s: {**key_of_free_text(s), **key_of_decoding(s)},
    tools=lambda run: {
        "executor": run.executor,
        "weights": run.untrained,
        "readings": run.readings,
        "ranks": run.ranks,
    },
    runs_programs=True,
    is_numeric=True,
)
AFTER = Stage(
    name="after",
    part="generate",
    version=6,
    function=generate,
    reads=("problems.jsonl",),
    reads_by_choice={HEAD: _asks_scorer},
    writes={"outputs.jsonl": "outputs_after.jsonl"},
    settings=partial(_settings, phase="after"),
    key_only=_key_of_engine,
    tools=lambda run: {
        "executor": run.executor,
        "weights": run.trained,
        "readings": run.readings,
        "ranks": run.ranks,
    },
    runs_programs=True,
    is_numeric=True,
    asks_trained_student=True,
)
