"""Which of the teacher's paths are kept, and why the others are not.

Modes: `gold` keeps what meets the gold answer; `runs` what has an answer at all; `agree` what at
least two thoughts of a problem answer alike, for questions without gold (the agreement of CoT and
PoT was right in 96.8 % of cases on recorded outputs); `none` whatever its thought can read.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal

from mdexp.answers import canonical, correct
from mdexp.ports import Executor, Thought
from mdexp.reading import Read, read_answers
from mdexp.records import Answer, Path, Problem, Rejection, VerifiedPath

Mode = Literal["gold", "runs", "agree", "none"]


def verify_paths(
    paths: Sequence[Path],
    problems: Mapping[str, Problem],
    thoughts: Mapping[str, Thought],
    executor: Executor,
    mode: Mode,
) -> tuple[list[VerifiedPath], list[Rejection]]:
    """Every path is either kept or rejected with a reason."""
    texts = [(thoughts[p.thought], p.text, problems[p.problem_id].expected) for p in paths]
    reads = read_answers(texts, executor)
    agreed = _agreed(paths, reads)
    kept: list[VerifiedPath] = []
    rejected: list[Rejection] = []
    seen: set[tuple[str, str, str]] = set()
    for path, read in zip(paths, reads, strict=True):
        problem = problems[path.problem_id]
        fault = _fault(path, read, problem, mode, agreed)
        same = (path.problem_id, path.thought, read.text or str(canonical(read.answer)))
        if not fault and same in seen:
            fault = ("duplicate", "an earlier path of this problem reads the same")
        if fault:
            rejected.append(_rejection(path, *fault))
            continue
        seen.add(same)
        kept.append(_verified(path, read.text, problem.answer if mode == "gold" else read.answer))
    return kept, rejected


def _verified(path: Path, text: str, answer: Answer | None) -> VerifiedPath:
    assert answer is not None, path  # one without is rejected
    return VerifiedPath(
        problem_id=path.problem_id,
        thought=path.thought,
        sample=path.sample,
        text=text,
        answer=answer,
        model=path.model,
    )


def _rejection(path: Path, reason: str, detail: str) -> Rejection:
    return Rejection(
        problem_id=path.problem_id,
        thought=path.thought,
        sample=path.sample,
        reason=reason,
        detail=detail,
    )


def _fault(
    path: Path, read: Read, problem: Problem, mode: Mode, agreed: Mapping[str, set[str]]
) -> tuple[str, str] | None:
    """Reason and detail, or None for a path to keep."""
    if problem.leaked:
        return "leaked", "the problem equals a test problem"
    if path.finish_reason == "length":
        return "truncated", "the teacher's token limit cut it short"
    if read.answer is None:
        return read.status, read.error
    if mode == "gold" and not correct(read.answer, problem.answer):
        return "wrong_answer", f"{read.answer!r} is not {problem.answer!r}"
    if mode == "agree" and canonical(read.answer) not in agreed[path.problem_id]:
        return "no_agreement", f"no other thought answers {read.answer!r}"
    return None


def _agreed(paths: Sequence[Path], reads: Sequence[Read]) -> dict[str, set[str]]:
    """For each problem the answers that two or more thoughts give."""
    answers: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for path, read in zip(paths, reads, strict=True):
        if (key := canonical(read.answer)) is not None:
            answers[path.problem_id][key].add(path.thought)
    return {
        path.problem_id: {
            key for key, thoughts in answers[path.problem_id].items() if len(thoughts) > 1
        }
        for path in paths
    }
