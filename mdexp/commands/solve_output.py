"""Formats an answered question: as an object for programs, as text for people."""

from collections.abc import Mapping, Sequence
from typing import Any

from mdexp.commands.printable import printable
from mdexp.grading.vote import voters
from mdexp.records import Generation, Output, Vote
from mdexp.report.conversation import conversation_turns


def solve_output(
    question: str, generations: Sequence[Generation], vote: Vote, outputs: Sequence[Output]
) -> dict[str, Any]:
    """Every path and whether it voted, then the vote and why it came out so. `unverified` says why
    a server's model may not be the trained student; else it is empty."""
    heard = [g for g in voters(generations) if g.thought in vote.order]
    paths = [
        {
            "thought": g.thought,
            "sample": g.sample,
            "heard": g in heard,
            "text": g.text,
            "turns": [{"who": who, "text": text} for who, text in conversation_turns(g.segments)],
            "status": g.status,
            "answer": g.answer,
            "stdout": g.stdout,
            "error": g.error,
            "num_tokens": output.num_tokens,
            "logprob": output.logprob,
            "trace": output.trace,
        }
        for g, output in zip(generations, outputs, strict=True)
    ]
    return {
        "question": question,
        "paths": paths,
        "answer": vote.answer,
        "votes": vote.votes,
        "decided": vote.decided,
        "why": why(vote),
        "unverified": next((o.unverified for o in outputs if o.unverified), ""),
    }


def why(vote: Vote) -> str:
    """Why the vote came out so, in a sentence."""
    if vote.answer is None:
        return "no path has an answer"
    counted = ", ".join(f"{answer}: {weight}" for answer, weight in vote.votes.items())
    settled = f"; a tie, settled by {' before '.join(vote.order)}" if vote.tie else ""
    return f"{vote.decided}, by {vote.rule} ({counted}){settled}"


def for_people(found: Mapping[str, Any]) -> str:
    """The object of `solve_output` as text that is safe for a terminal."""
    lines = [f"question: {found['question']}"]
    for path in found["paths"]:
        lines += ["", *_path(path)]
    answer = "none" if found["answer"] is None else found["answer"]
    lines += ["", f"answer: {answer}", f"why: {found['why']}"]
    if found["unverified"]:
        lines.append(f"not verified: {found['unverified']}")
    return printable("\n".join(lines))


def _path(path: Mapping[str, Any]) -> list[str]:
    silent = "" if path["heard"] else " (does not vote)"
    lines = [f"--- {path['thought']}, {_drawn(path)}, {path['num_tokens']} tokens{silent} ---"]
    lines += [f"[{t['who']}] {t['text']}" for t in path["turns"]] or [path["text"]]
    lines += [
        f"  step {number}: {step['status']}, score {step['score']}"
        for number, step in enumerate(path["trace"].get("steps", ()), start=1)
    ]
    if path["stdout"]:
        lines.append(f"printed: {path['stdout'].rstrip()}")
    found = path["answer"] if path["status"] == "ok" else f"{path['status']} {path['error']}"
    return [*lines, f"=> {found}"]


def _drawn(path: Mapping[str, Any]) -> str:
    """How a path was chosen: beams and the texts of a search are ranked, the best first."""
    if "node" in path["trace"]:
        return f"text {path['sample']} of the search" if path["sample"] else "best of the search"
    if path["trace"]:
        return f"beam {path['sample'] + 1}"
    return f"sample {path['sample']}" if path["sample"] else "greedy"
