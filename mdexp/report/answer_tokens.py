"""Counts the tokens that the student wrote for an answer: the cost of an accuracy."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean

from mdexp.records import VALIDATION, Output, Vote

Tokens = Mapping[tuple[str, str, str], float]  # dataset, phase, row


def answer_tokens(outputs: Sequence[Output], votes: Sequence[Vote]) -> Tokens:
    """Mean number of tokens written per problem: for a thought, its greedy path; for a vote, all
    paths that it counted."""
    spent: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
    asked: defaultdict[tuple[str, str, str], list[Output]] = defaultdict(list)
    for output in outputs:
        asked[_set(output), output.phase, output.problem_id].append(output)
        if output.sample == 0:
            spent[_set(output), output.phase, output.thought].append(output.num_tokens)
    for vote in votes:
        paths = asked[_set(vote), vote.phase, vote.problem_id]
        sampled = any(path.sample for path in paths)
        heard = [p for p in paths if bool(p.sample) == sampled and p.thought in vote.order]
        spent[_set(vote), vote.phase, vote.row].append(sum(path.num_tokens for path in heard))
    return {row: fmean(tokens) for row, tokens in spent.items()}


def _set(row: Output | Vote) -> str:
    return row.dataset + (VALIDATION if row.split == "validation" else "")
