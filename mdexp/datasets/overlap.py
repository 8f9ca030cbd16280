"""Decides when two questions count as the same problem.

Case, punctuation and spacing never count. `exact`: the words are equal. `masked`: they are equal
but for their numbers, for words that swap places throughout (Ann for Bob and Bob for Ann), or for
the order of clauses. A problem whose twin with other numbers was trained on tests memory, not
reasoning. Different words in the same order, or the same words in another role, are another
problem: `girls ... more girls than boys` is no twin of `girls ... more boys than girls`.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from mdexp.ports import SourceError
from mdexp.records import Overlap, Problem

_WORD = re.compile(r"\d+|[^\W\d_]+")  # `5kg` is two words
# Not within `1,200` or `2.5`. Words that join clauses keep their place when clauses are sorted.
_CLAUSE_END = re.compile(r"[.,](?!\d)|[?!;:]|\b(?:and|but|if|when|while|then|so)\b", re.IGNORECASE)

_ONES = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety"""
_ORDINALS = """first second eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth
eighteenth nineteenth twentieth thirtieth fortieth fiftieth hundredth thousandth"""
_SCALES = {"hundred", "thousand", "million", "billion", "dozen"}
_PART_WORDS = "half halves quarter third fourth fifth sixth seventh eighth ninth tenth"
_PARTS = {*_PART_WORDS.split()}
_PLURALS = {f"{word}s" for word in _SCALES | _PARTS - {"half", "halves"}}
_NUMBER_WORDS = _SCALES | _PARTS | _PLURALS | {*_ONES.split(), *_ORDINALS.split()}
_TIMES = {"once", "twice", "thrice"}  # as `3 times`
_ORDINAL_ENDS = {"st", "nd", "rd", "th"}


def normalised(question: str) -> str:
    """The words and numbers of a question in lower case, a space between them."""
    return " ".join(_WORD.findall(unicodedata.normalize("NFKC", question).lower()))


def masked(question: str) -> str:
    """The normalised question with `0` for each number; equal questions have equal masks.

    Numbers are digits and words (`a hundred`, `dozen`, `first`, `half`, `twice`).
    """
    found: list[str] = []
    before = ""  # the last word of a number at the end of `found`
    for word in normalised(question).split():
        if word.isdigit() or word in _NUMBER_WORDS:
            _add_number(found, word, before)
            before = word
        elif word in _TIMES:
            found += ["0", "times"]
        elif not (word in _ORDINAL_ENDS and before.isdigit() and found[-1] == "0"):
            found.append(word)
    return " ".join(found)


def _add_number(found: list[str], word: str, before: str) -> None:
    """Add `0`, unless the words end in a number that this word continues: `1,200`, `2.5`, `twenty
    five`, `a hundred and five`, `two and a half`."""
    if found and found[-1] in ("a", "an"):
        found.pop()
    if found[-2:] == ["0", "and"] and (before in _SCALES or word in _PARTS):
        found.pop()
    if found[-1:] != ["0"]:
        found.append("0")


def keys(question: str, overlap: Overlap) -> frozenset[str]:
    """Two questions are the same problem if they share a key. `off` gives none."""
    if overlap == "exact":
        return frozenset({normalised(question)})
    if overlap == "masked":
        return frozenset({_with_swapped_words(masked(question)), _with_clauses_in_order(question)})
    return frozenset()


def _with_swapped_words(text: str) -> str:
    """A key that is equal for two masked questions exactly if swapping words throughout turns one
    into the other: the same words, and the same pattern of equal places."""
    places = {"0": "0"}
    words = text.split()
    pattern = [places.setdefault(word, f"w{len(places)}") for word in words]
    return " ".join([*pattern, ":", *sorted(words)])


def _with_clauses_in_order(question: str) -> str:
    """The masked clauses of a question, sorted."""
    clauses = map(masked, _CLAUSE_END.split(unicodedata.normalize("NFKC", question)))
    return " ; ".join(sorted(clause for clause in clauses if clause))


def refuse_tested(
    exemplars: Sequence[Mapping[str, Any]], problems: Sequence[Problem], overlap: Overlap
) -> None:
    """SourceError if a test problem equals an exemplar of a prompt under a rule, since the prompt
    shows its solution."""
    tested = {
        key: problem
        for problem in problems
        if problem.split == "test"
        for key in keys(problem.question, overlap)
    }
    for row in exemplars:
        for problem in (tested[key] for key in keys(row["question"], overlap) if key in tested):
            same = normalised(problem.question) == normalised(row["question"])
            how = "is" if same else "is, but for its numbers or its order,"
            raise SourceError(
                f"the exemplar {row['question']!r} {how} the test problem {problem.id} of "
                f"{problem.dataset}: take it out, or show others (teacher.prompts); a student that "
                "learned from it is no teacher here (teacher.run)"
            )
