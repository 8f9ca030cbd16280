"""Puts into sentences what the stages of a run kept and dropped."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mdexp.store.stage_store import STILL_MISSING

# reason -> the key to change, and how
_ADVICE = {
    "leaked": ("dataset.overlap", "exact compares the numbers, too; off trains on them all"),
    "near_duplicates": ("dataset.near_duplicates", "keep trains on them"),
    "missing": ("teacher", "it did not answer, or its files have no row for these problems"),
    "wrong_answer": ("verify.mode", "runs and none keep paths that do not meet the gold answer"),
    "no_agreement": ("verify.mode", "runs and none ask for no agreement"),
    "truncated": ("teacher.max_tokens", "raise it"),
    "unsupported": ("sandbox", "default runs what sandbox=monty cannot"),
    "timeout": ("sandbox.timeout_s", "raise it"),
    "memory": ("sandbox.memory_mib", "raise it"),
    "output": ("sandbox.output_kib", "raise it"),
    "too_long": ("trainer.max_tokens", "raise it"),
    "lossy": ("student", "its tokenizer does not give back the texts; choose another one"),
    "not_a_prefix": ("student.prompt", "its chat template changes the prompt; plain has none"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How many items a stage kept, and how many it dropped for each reason."""

    stage: str
    what: str  # in the plural, such as "training problems"
    given: int
    kept: int
    dropped: Mapping[str, int]

    def __str__(self) -> str:
        reasons = self._reasons()
        sentence = f"{self.stage} kept {self.kept} of {self.given} {self.what}"
        return f"{sentence}; dropped: {reasons}" if reasons else sentence

    @property
    def line(self) -> str:
        """`verify: kept 128 of 160 paths; no_answer 20, wrong_answer 12`."""
        sentence = f"{self.stage}: kept {self.kept} of {self.given} {self.what}"
        return f"{sentence}; {self._reasons()}" if self._reasons() else sentence

    def _reasons(self) -> str:
        """The reasons, the most common first."""
        ranked = sorted(self.dropped.items(), key=lambda item: -item[1])
        return ", ".join(f"{reason} {count}" for reason, count in ranked if count)

    def advice(self) -> tuple[str, str]:
        """Which key to change for the most common reason, and how."""
        reason = max(self.dropped, key=lambda reason: self.dropped[reason], default="")
        unread = ("teacher", "rejected.jsonl of the run folder has the paths and the reasons")
        return _ADVICE.get(reason, unread)


def kept(stage: str, counts: Mapping[str, Any]) -> list[Kept]:
    """What a stage kept of each kind of item that it may drop."""
    if not counts:
        return []
    match stage:
        case "prepare":
            return [_training(counts), *_sets(counts)]
        case "extract":
            dropped = {"missing": counts.get("missing", 0)}
            return [_of("extract", "paths that were asked for", counts.get("paths", 0), dropped)]
        case "verify":
            return [_of("verify", "paths", counts["verified"], counts["dropped"])]
        case "examples":
            # A lesson may have several examples. In earlier versions it had one, and lessons were
            # not counted.
            unfit = counts["dropped"]
            made = counts.get("lessons", counts["examples"] + sum(unfit.values()))
            return [_of("examples", "lessons", made - sum(unfit.values()), unfit)]
    return []


def mostly_dropped(stages: Sequence[Mapping[str, Any]]) -> list[str]:
    """A sentence for each stage that dropped more than half of what it got."""
    found = [one for stage in stages for one in kept(stage["name"], stage["counts"])]
    return [str(one) for one in found if 2 * one.kept < one.given]


def stage_line(stage: str, counts: Mapping[str, Any]) -> str:
    """The outcome of a stage as one line of a log; empty if the stage logs its own line."""
    match stage:
        case "extract" | "verify" | "examples":
            return kept(stage, counts)[0].line if counts else ""
        case "train" if counts:
            made = f"{counts['examples']} examples of {counts['problems']} problems"
            return f"train: {counts['steps']} steps over {made}, {counts['target_tokens']} tokens"
        case "before" | "after" if "outputs" in counts:
            cut = counts.get("truncated", 0)
            told = f"{stage}: {counts['outputs']} answers of {counts.get('tokens', 0)} tokens"
            return f"{told}; {cut} cut short by decoding.max_new_tokens" if cut else told
        case "choose" if counts:
            return (
                f"choose: {counts['own right']} of {counts['own paths']} own paths are right; "
                f"lessons are made of {counts['chosen']} paths, {counts['chosen own']} of them own"
            )
        case "score" if counts:
            return f"score: {counts['generations']} answers graded, {counts['votes']} votes"
    return ""


def still_missing(counts: Mapping[str, Any], *, trains: bool) -> str:
    """Which paths are missing that a later run may get, and whether this run goes on; else
    empty."""
    if not counts.get(STILL_MISSING):
        return ""
    then = f"training goes on with the {counts['paths']} that are there; " if trains else ""
    return (
        f"extract: {counts['missing']} of {counts['asked']} paths are missing; {then}"
        "the same command asks for them again"
    )


def longer_than_answers(counts: Mapping[str, Any], max_new_tokens: int) -> list[str]:
    """A sentence for each thought of which 5 % or more of the targets are longer than an answer may
    be."""
    return [
        f"5 % or more of the targets of {thought} are longer than "
        f"decoding.max_new_tokens={max_new_tokens} (95 % have at most {tokens['95 %']} tokens, the "
        f"longest has {tokens['all']}): answers as long are cut short"
        for thought, tokens in counts.get("target lengths", {}).items()
        if tokens["95 %"] > max_new_tokens
    ]


def nothing_left(stage: str, counts: Mapping[str, Any]) -> dict[str, str]:
    """Why a run cannot train after this stage: the key to change and a sentence; else None."""
    for one in kept(stage, counts)[:1]:
        if one.kept:
            continue
        if not one.given and stage == "prepare":
            return {
                "dataset": "it has no training problem, so nothing can be trained; a run with "
                "stages=[prepare,generate,score,report] asks the untrained student"
            }
        key, what_to_do = one.advice()
        if key == "trainer.max_tokens" and "shortest lesson" in counts:
            what_to_do = (
                f"{counts['max_tokens']} is too few, the shortest lesson has "
                f"{counts['shortest lesson']} tokens"
            )
        return {key: f"{one}, so nothing can be trained; {what_to_do}"}
    return {}


def problem_counts(counts: Mapping[str, Any]) -> str:
    """The problems of a run, and the training problems that are close to a test problem."""
    parts = [f"{counts[split]} {split}" for split in ("train", "validation") if counts.get(split)]
    parts += [f"{counts['leaked']} of train left out (leaked)"] if counts.get("leaked") else []
    near, same = counts.get("near_duplicates"), counts.get("kept/exact")
    masked = counts.get("kept/masked")
    parts += [f"{near} share 90 % of their words with a test problem"] if near else []
    parts += [f"{same} equal a test problem and are trained on"] if same else []
    parts += [f"{masked} equal one but for numbers and are trained on"] if masked else []
    return ", ".join(parts)


def unread_columns(counts: Mapping[str, Any]) -> str:
    """Which columns of the user's own files are not read, with their number of rows; else empty."""
    found = {k.removeprefix("unread/"): n for k, n in counts.items() if k.startswith("unread/")}
    named = ", ".join(f"{name} ({rows} rows)" for name, rows in found.items())
    return f"columns that are not read: {named}; dataset.fields names those that are" * bool(found)


def _training(counts: Mapping[str, int]) -> Kept:
    leaked, near = counts.get("leaked", 0), counts.get("leaked/near_duplicates", 0)
    dropped = {"leaked": leaked - near, "near_duplicates": near}
    return _of("prepare", "training problems", counts.get("train", 0) - leaked, dropped)


def _sets(counts: Mapping[str, int]) -> Iterator[Kept]:
    """The problems that are left of the run's own set (dropped/REASON) and of each further test set
    (dropped/SET/REASON)."""
    splits = sum(counts.get(split, 0) for split in ("train", "validation", "test"))
    dropped: dict[str, dict[str, int]] = defaultdict(dict)
    for key, count in counts.items():
        if key.startswith("dropped/"):
            name, _, reason = key.removeprefix("dropped/").rpartition("/")
            dropped[name][reason] = count
    for name, reasons in dropped.items():
        left = counts.get(f"test/{name}", 0) if name else splits
        yield _of("prepare", f"problems of {name or 'the dataset'}", left, reasons)


def _of(stage: str, what: str, kept: int, dropped: Mapping[str, int]) -> Kept:
    given = kept + sum(dropped.values())
    return Kept(stage=stage, what=what, given=given, kept=kept, dropped=dropped)
