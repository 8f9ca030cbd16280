"""Stage `score`: grades the student's outputs and holds the votes."""

from collections.abc import Mapping
from pathlib import Path

from mdexp.config.settings import Settings
from mdexp.decoding.straight import StraightDecoding
from mdexp.grading import score as scoring
from mdexp.grading.analysis import analyse
from mdexp.grading.choosing import half
from mdexp.ports import Executor, Grader, LearnedVote, Thought, VoteRule
from mdexp.records import Output, PathScore, Problem, by_id
from mdexp.stages.scorer import SCORES
from mdexp.stages.stage import Files, Stage, same_names
from mdexp.store.files import write_json
from mdexp.store.json_lines import read_jsonl, write_jsonl
from mdexp.store.stage_store import Counts
from mdexp.transcripts.reading import Readings

OUTPUTS = ("outputs_before.jsonl", "outputs_after.jsonl")


def score(
    out: Path,
    reads: Files,
    *,
    thoughts: Mapping[str, Thought],
    vote: VoteRule,
    grader: Grader,
    executor: Executor,
    readings: Readings | None = None,
) -> Counts:
    problems = by_id(read_jsonl(reads["problems.jsonl"], Problem))
    outputs = [
        output for name in OUTPUTS if name in reads for output in read_jsonl(reads[name], Output)
    ]
    generations = scoring.grade(outputs, problems, thoughts, executor, grader, readings=readings)
    if SCORES in reads:
        generations = scoring.with_scores(generations, read_jsonl(reads[SCORES], PathScore))
    voting = [name for name, thought in thoughts.items() if thought.votes]
    votes, chosen = scoring.elections(generations, list(thoughts), vote, voting)
    write_jsonl(out / "generations.jsonl", generations)
    write_jsonl(out / "votes.jsonl", votes)
    metrics = scoring.metrics(generations, votes, list(thoughts), grader, vote)
    write_json(out / "metrics.json", metrics)
    write_json(out / "analysis.json", analyse(generations, votes, problems, list(thoughts), vote))
    counts: Counts = {"generations": len(generations), "votes": len(votes)}
    if chosen:
        ids = {g.problem_id for g in generations if g.split == "validation"}
        halves = [sum(half(name) == one for name in ids) for one in (0, 1)]
        counts |= {"solved on validation by vote": chosen, "halves that teach each other": halves}
    return counts


def _key_of_votes(settings: Settings) -> dict[str, int]:
    """Raise `learned vote` when a fitted rule makes its choice differently, and `own votes` when a
    thought's own vote changes for decoders that may write a different number of paths for each
    problem."""
    learned = {"learned vote": 2} if isinstance(settings.vote, LearnedVote) else {}
    straight = type(settings.decoding) is StraightDecoding
    return learned if straight else learned | {"own votes": 2}


SCORE = Stage(
    name="score",
    part="score",
    version=7,
    function=score,
    reads=("problems.jsonl",),
    reads_if_there=(*OUTPUTS, SCORES),
    writes=same_names("generations.jsonl", "votes.jsonl", "metrics.json", "analysis.json"),
    settings=lambda s: {"thoughts": s.answering(), "vote": s.vote, "grader": s.grader},
    key_only=_key_of_votes,
    tools=lambda run: {"executor": run.executor, "readings": run.readings},
    runs_programs=True,
)
