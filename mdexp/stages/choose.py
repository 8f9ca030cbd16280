"""Stage `choose`: selects the teacher's and the student's own paths from which a later round
learns."""

import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mdexp.config.settings import Settings
from mdexp.decoding.own_paths import as_path
from mdexp.grading.verify import Mode, verify_paths
from mdexp.lessons.path_equations import equations_of
from mdexp.lessons.strategy import strategy_of
from mdexp.ports import Executor, RoundMethod, Thought
from mdexp.records import Output, Problem, Rejection, ThinkingUse, VerifiedPath, by_id
from mdexp.stages.own import OUTPUTS
from mdexp.stages.problem_sets import training_problems
from mdexp.stages.stage import Files, Stage, same_names
from mdexp.store.json_lines import read_jsonl, write_jsonl
from mdexp.store.stage_store import Counts

log = logging.getLogger(__name__)

CHOSEN = "chosen.jsonl"
STUDENT = "student"  # who wrote an own path
NOT_CHOSEN = "not_chosen"


def choose_paths(
    out: Path,
    reads: Files,
    *,
    method: RoundMethod,
    mode: Mode,
    thinking: ThinkingUse,
    thoughts: Mapping[str, Thought],
    teacher_paths: int,
    round_before: int,
    executor: Executor,
    results_of: Collection[str] = (),
) -> Counts:
    """Verify the student's own paths like a teacher's, and let the method choose. ValueError for an
    own path of a problem that is not trained on, such as a test problem."""
    problems = by_id(training_problems(read_jsonl(reads["problems.jsonl"], Problem)))
    taught = read_jsonl(reads["verified.jsonl"], VerifiedPath)
    outputs = read_jsonl(reads[OUTPUTS], Output)
    refuse_untrained(outputs, problems)
    written = [
        replace(as_path(o, STUDENT), sample=teacher_paths + o.sample, round=round_before)
        for o in outputs
    ]
    verified, rejected = verify_paths(
        written, problems, thoughts, executor, mode, thinking, results_of
    )
    own = _unlike(taught, verified, thoughts)
    chosen = _chosen(method, problems, taught, own, thoughts)
    if not chosen:
        log.warning("round %d: no own path is right; the teacher's stay", round_before + 1)
        chosen = taught
    write_jsonl(out / CHOSEN, chosen)
    kept = {(path.problem_id, path.thought, path.sample) for path in chosen}
    rejected += [
        _not_chosen(path)
        for path in (*taught, *verified)
        if (path.problem_id, path.thought, path.sample) not in kept
    ]
    write_jsonl(out / "unchosen.jsonl", rejected)
    return {
        "own paths": len(outputs),
        "own right": len(verified),
        "own right, distinct by equations": len(
            {(p.problem_id, p.thought, equations_of(p, thoughts)) for p in verified}
        ),
        "problems with an own right path": len({path.problem_id for path in verified}),
        "chosen": len(chosen),
        "chosen own": sum(path.round > 0 for path in chosen),
        "own right by thought": _by_strategy(verified, thoughts),
        "chosen own by thought": _by_strategy([p for p in chosen if p.round > 0], thoughts),
        "dropped": dict(Counter(drop.reason for drop in rejected)),
    }


def _by_strategy(paths: Sequence[VerifiedPath], thoughts: Mapping[str, Thought]) -> dict[str, int]:
    return dict(Counter(strategy_of(path, thoughts).name for path in paths))


def refuse_untrained(outputs: Sequence[Output], problems: Mapping[str, Problem]) -> None:
    """ValueError if an output does not belong to a training problem."""
    if foreign := sorted({output.problem_id for output in outputs} - problems.keys()):
        raise ValueError(
            f"{OUTPUTS}: {foreign[0]} is none of the {len(problems)} problems that may be trained "
            "on; nothing is learned from it"
        )


def _chosen(
    method: RoundMethod,
    problems: Mapping[str, Problem],
    taught: Sequence[VerifiedPath],
    own: Sequence[VerifiedPath],
    thoughts: Mapping[str, Thought],
) -> list[VerifiedPath]:
    """The paths that the method chooses for all problems, in their order."""
    theirs, ours = _by_problem(taught), _by_problem(own)
    return [
        path
        for name, problem in problems.items()
        if name in theirs or name in ours
        for path in method.choose(problem, theirs.get(name, []), ours.get(name, []), thoughts)
    ]


def _by_problem(paths: Sequence[VerifiedPath]) -> Mapping[str, list[VerifiedPath]]:
    found: dict[str, list[VerifiedPath]] = defaultdict(list)
    for path in paths:
        found[path.problem_id].append(path)
    return dict(found)


def _unlike(
    taught: Sequence[VerifiedPath], own: Sequence[VerifiedPath], thoughts: Mapping[str, Thought]
) -> list[VerifiedPath]:
    """The own paths whose text differs from the teacher's."""
    said = {_said(path, thoughts) for path in taught}
    return [path for path in own if _said(path, thoughts) not in said]


def _said(path: VerifiedPath, thoughts: Mapping[str, Thought]) -> tuple[str, ...]:
    name, _, text = strategy_of(path, thoughts)
    earlier = (segment.text for segment in path.segments if segment.author == "writer")
    return (path.problem_id, name, text, *earlier)


def _not_chosen(path: VerifiedPath) -> Rejection:
    return Rejection(
        problem_id=path.problem_id, thought=path.thought, sample=path.sample, reason=NOT_CHOSEN
    )


def _settings(s: Settings) -> dict[str, Any]:
    always = {
        "method": s.of_round(),
        "mode": s.verify.mode,
        "thinking": s.teacher.thinking,
        "thoughts": s.asked_thoughts() | s.learned_from_own(),
        "teacher_paths": s.teacher.num_paths,
        "round_before": s.rounds - 1,
    }
    return always | ({"results_of": names} if (names := s.shown_results()) else {})


CHOOSE = Stage(
    name="choose",
    part="verify",
    version=1,
    function=choose_paths,
    reads=("problems.jsonl", "verified.jsonl", OUTPUTS),
    writes=same_names(CHOSEN, "unchosen.jsonl"),
    settings=_settings,
    tools=lambda run: {"executor": run.executor},
    runs_programs=True,
    in_later_rounds=True,
)
