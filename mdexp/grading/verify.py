"""Which of the teacher's paths are kept, and why the others are not.

Modes: `gold` keeps what meets the gold answer; `runs` what has an answer at all; `agree` what at
least two thoughts of a problem answer alike, for questions without gold (the agreement of CoT and
PoT was right in 96.8 % of cases on recorded outputs); `none` whatever its thought can read.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from mdexp.answers import canonical, correct
from mdexp.ports import Done, Executor, Thought
from mdexp.reading import read_rows
from mdexp.records import (
    REFUSED,
    Answer,
    Path,
    Problem,
    Rejection,
    Segment,
    ThinkingUse,
    VerifiedPath,
)
from mdexp.thoughts.thinking import split_thinking

Mode = Literal["gold", "runs", "agree", "none"]


def verify_paths(
    paths: Sequence[Path],
    problems: Mapping[str, Problem],
    thoughts: Mapping[str, Thought],
    executor: Executor,
    mode: Mode,
    thinking: ThinkingUse = "drop",
) -> tuple[list[VerifiedPath], list[Rejection]]:
    """Every path is either kept or rejected with a reason."""
    reads = read_rows(paths, problems, thoughts, executor)
    if thinking == "only":
        chains = read_rows(paths, problems, thoughts, executor, part="thinking")
        reads = [_chain(chain, read) for chain, read in zip(chains, reads, strict=True)]
    agreed = _agreed(paths, reads)
    kept: list[VerifiedPath] = []
    rejected: list[Rejection] = []
    seen: set[tuple[str, ...]] = set()
    for path, read in zip(paths, reads, strict=True):
        problem = problems[path.problem_id]
        fault = _fault(path, read, problem, mode, agreed)
        text = read.text or str(canonical(read.answer))
        before = read.thinking if thinking == "keep" else ""
        same = (path.problem_id, path.thought, text, before, *_earlier_texts(path))
        if not fault and same in seen:
            fault = ("duplicate", "an earlier path of this problem reads the same")
        if fault:
            rejected.append(_rejection(path, *fault))
            continue
        seen.add(same)
        answer = problem.answer if mode == "gold" else read.answer
        kept.append(_verified(path, read, answer, thinking))
    return kept, rejected


def _verified(path: Path, read: Done, answer: Answer | None, thinking: ThinkingUse) -> VerifiedPath:
    assert answer is not None, path  # one without is rejected
    return VerifiedPath(
        problem_id=path.problem_id,
        thought=path.thought,
        sample=path.sample,
        text=read.text,
        answer=answer,
        model=path.model,
        segments=tuple(map(_without_thinking, path.segments)),
        thinking=read.thinking if thinking == "keep" else "",
    )


def _chain(chain: Done, read: Done) -> Done:
    """Thinking as the path: prose states the answer that stands behind it, while a program or
    equations in it give the answer themselves."""
    if chain.is_computed or read.answer is None:
        return chain
    return replace(chain, answer=read.answer, status="ok")


def _without_thinking(segment: Segment) -> Segment:
    """A segment as it may be trained on."""
    if segment.author != "writer":
        return segment
    return replace(segment, text=split_thinking(segment.text).answer, thinking="")


def _earlier_texts(path: Path) -> list[str]:
    return [segment.text for segment in path.segments if segment.author == "writer"][:-1]


def _last_text(path: Path) -> str:
    return path.segments[-1].text if path.segments else path.text


def _rejection(path: Path, reason: str, detail: str) -> Rejection:
    return Rejection(
        problem_id=path.problem_id,
        thought=path.thought,
        sample=path.sample,
        reason=reason,
        detail=detail,
    )


def _fault(
    path: Path, read: Done, problem: Problem, mode: Mode, agreed: Mapping[str, set[str]]
) -> tuple[str, str] | None:
    """Reason and detail, or None for a path to keep."""
    if problem.leaked:
        return "leaked", "the problem equals a test problem"
    if path.finish_reason in REFUSED and not _last_text(path).strip():
        return "refused", "the teacher refuses to answer"
    if read.status == "unfinished_thinking":
        return read.status, read.error
    if path.finish_reason == "length":
        return "truncated", "the teacher's token limit cut it short"
    if read.answer is None:
        return read.status, read.error
    if mode == "gold" and not correct(read.answer, problem.answer):
        return "wrong_answer", f"{read.answer!r} is not {problem.answer!r}"
    if mode == "agree" and canonical(read.answer) not in agreed[path.problem_id]:
        return "no_agreement", f"no other thought answers {read.answer!r}"
    return None


def _agreed(paths: Sequence[Path], reads: Sequence[Done]) -> dict[str, set[str]]:
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
