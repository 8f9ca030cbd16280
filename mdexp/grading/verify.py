"""Decides which of the teacher's paths are kept, and why the others are rejected.

Modes: `gold` keeps paths whose answer equals gold; `runs`, paths with any answer; `agree`, paths
whose answer at least two thoughts give, for questions without gold (on recorded outputs, 96.8 % of
answers on which CoT and PoT agreed were right); `none`, all that their thought can read.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from mdexp.answers import correct, vote_key
from mdexp.ports import Done, Executor, Thought
from mdexp.records import (
    REFUSED,
    Answer,
    Path,
    Problem,
    Rejection,
    Segment,
    Segments,
    ThinkingUse,
    VerifiedPath,
)
from mdexp.transcripts.driver import executed
from mdexp.transcripts.reading import read_rows, without_thinking
from mdexp.transcripts.thinking import join_thinking, split_thinking

Mode = Literal["gold", "runs", "agree", "none"]


def verify_paths(
    paths: Sequence[Path],
    problems: Mapping[str, Problem],
    thoughts: Mapping[str, Thought],
    executor: Executor,
    mode: Mode,
    thinking: ThinkingUse = "drop",
    results_of: Collection[str] = (),
) -> tuple[list[VerifiedPath], list[Rejection]]:
    """The paths that are kept, and the others with the reason. A kept path of a thought in
    `results_of` includes the result of its program."""
    reads = read_rows(paths, problems, thoughts, executor)
    if thinking == "only":
        chains = read_rows(paths, problems, thoughts, executor, part="thinking")
        reads = [_chain(chain, read) for chain, read in zip(chains, reads, strict=True)]
    agreed = _agreed(paths, reads, problems)
    kept: list[VerifiedPath] = []
    rejected: list[Rejection] = []
    seen: set[tuple[str, ...]] = set()
    for path, read in zip(paths, reads, strict=True):
        problem = problems[path.problem_id]
        fault = _fault(path, read, problem, mode, agreed)
        text = read.text or str(vote_key(read.answer, problem.match))
        before = read.thinking if thinking == "keep" else ""
        same = (path.problem_id, path.thought, text, before, *_earlier_texts(path))
        if not fault and same in seen:
            fault = ("duplicate", "an earlier path of this problem reads the same")
        if fault:
            rejected.append(_rejection(path, *fault))
            continue
        seen.add(same)
        answer = problem.answer if mode == "gold" else read.answer
        segments = _segments(path, read, thinking, path.thought in results_of)
        kept.append(_verified(path, read, answer, segments, thinking))
    return kept, rejected


def _verified(
    path: Path, read: Done, answer: Answer | None, segments: Segments, thinking: ThinkingUse
) -> VerifiedPath:
    assert answer is not None, path  # a path without an answer is rejected
    return VerifiedPath(
        problem_id=path.problem_id,
        thought=path.thought,
        sample=path.sample,
        text=read.text,
        answer=answer,
        model=path.model,
        segments=segments,
        thinking=read.thinking if thinking == "keep" and not path.segments else "",
        round=path.round,
    )


def _segments(path: Path, read: Done, thinking: ThinkingUse, with_result: bool) -> Segments:
    """Those of a path of several texts, and of one text `with_result`."""
    if path.segments or not with_result or read.result is None:
        return tuple(_trained_on(segment, thinking) for segment in path.segments)
    program = Segment(author="writer", text=read.text, turn="assistant")
    return (program, executed(read.result))


def _chain(chain: Done, read: Done) -> Done:
    """The thinking as the path. Prose is followed by the answer's statement; a program or equations
    give the answer themselves."""
    if chain.is_computed or read.answer is None:
        return chain
    return replace(chain, answer=read.answer, status="ok")


def _trained_on(segment: Segment, use: ThinkingUse) -> Segment:
    """A segment for training, with its thinking in a separate field if that is kept."""
    if segment.author != "writer":
        return segment
    aloud = join_thinking(segment.thinking, segment.text)
    thinking = split_thinking(aloud).thinking if use == "keep" else ""
    return replace(without_thinking(segment), thinking=thinking)


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
    """The reason and detail of a rejection, or None for a path to keep."""
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
    if mode == "gold" and not correct(read.answer, problem.answer, problem.match):
        return "wrong_answer", f"{read.answer!r} is not {problem.answer!r}"
    if mode == "agree" and vote_key(read.answer, problem.match) not in agreed[path.problem_id]:
        return "no_agreement", f"no other thought answers {read.answer!r}"
    return None


def _agreed(
    paths: Sequence[Path], reads: Sequence[Done], problems: Mapping[str, Problem]
) -> dict[str, set[str]]:
    """For each problem, the answers that two or more thoughts give."""
    answers: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for path, read in zip(paths, reads, strict=True):
        if (key := vote_key(read.answer, problems[path.problem_id].match)) is not None:
            answers[path.problem_id][key].add(path.thought)
    return {
        path.problem_id: {
            key for key, thoughts in answers[path.problem_id].items() if len(thoughts) > 1
        }
        for path in paths
    }
