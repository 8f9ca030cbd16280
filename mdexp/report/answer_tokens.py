"""Counts the tokens that an answer took: the cost of an accuracy."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean

from mdexp.records import VALIDATION, Output, Vote

Tokens = Mapping[tuple[str, str, str], float]  # dataset, phase, row


def answer_tokens(outputs: Sequence[Output], votes: Sequence[Vote]) -> Tokens:
    """Mean number of tokens per problem: for a thought, its greedy path; for a vote, all paths that
    it counted; for a search all that it spent, prompt and scorer included."""
    spent: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
    asked: defaultdict[tuple[str, str, str], list[Output]] = defaultdict(list)
    for output in outputs:
        asked[_set(output), output.phase, output.problem_id].append(output)
        if output.sample == 0:
            spent[_set(output), output.phase, output.thought].append(_tokens([output]))
    for vote in votes:
        paths = asked[_set(vote), vote.phase, vote.problem_id]
        sampled = any(path.sample for path in paths)
        heard = [
            p
            for p in paths
            if p.thought in vote.order and (_is_searched(p) or bool(p.sample) == sampled)
        ]
        spent[_set(vote), vote.phase, vote.row].append(_tokens(heard))
    return {row: fmean(tokens) for row, tokens in spent.items()}


def _tokens(paths: Sequence[Output]) -> int:
    """What was written of paths; the paths of a search are paid with its first one."""
    searches = [path for path in paths if "spent" in path.trace]
    written = [path.num_tokens for path in paths if not _is_searched(path)]
    return sum(written) + sum(sum(path.trace["spent"].values()) for path in searches)


def _is_searched(path: Output) -> bool:
    return "node" in path.trace


def _set(row: Output | Vote) -> str:
    return row.dataset + (VALIDATION if row.split == "validation" else "")
