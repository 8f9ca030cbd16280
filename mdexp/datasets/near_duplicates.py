"""Finds near duplicates: questions that share at least 90 % of their words, in any order.

An index of rare words replaces comparing all pairs (prefix filtering, Bayardo et al. 2007, WWW):
two questions that share so many words share one of the few rarest words of each.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

from mdexp.datasets.overlap import masked, normalised
from mdexp.records import Overlap

PERCENT = 90  # of the words of the longer question

Words = frozenset[tuple[str, int]]  # the second `the` of a question is ("the", 2)


def words(question: str, overlap: Overlap) -> Words:
    """The words to compare: numbers count as words, with overlap=masked all as the same word."""
    seen = Counter[str]()
    found = set()
    for word in (masked if overlap == "masked" else normalised)(question).split():
        seen[word] += 1
        found.add((word, seen[word]))
    return frozenset(found)


class NearDuplicates:
    """An index of questions. `find` gives the position of a near duplicate among them, or None."""

    def __init__(self, questions: Sequence[str], overlap: Overlap) -> None:
        self._overlap = overlap
        self._positions: dict[Words, list[int]] = defaultdict(list)
        for position, question in enumerate(questions):
            self._positions[words(question, overlap)].append(position)
        self._frequency = Counter(word for known in self._positions for word in known)
        self._index: dict[tuple[str, int], list[Words]] = defaultdict(list)
        for known in self._positions:
            for word in self._rarest(known):
                self._index[word].append(known)

    def find(self, question: str, but: int | None = None) -> int | None:
        """The position of a near duplicate, not counting position `but`; None if there is none."""
        asked = words(question, self._overlap)
        tried = set[int]()
        for word in self._rarest(asked):
            for known in self._index.get(word, ()):
                if id(known) in tried:
                    continue
                tried.add(id(known))
                if _alike(asked, known):
                    for position in self._positions[known]:
                        if position != but:
                            return position
        return None

    def _rarest(self, these: Words) -> list[tuple[str, int]]:
        """As many of the rarest words as it takes for a near duplicate to contain one of them."""
        ordered = sorted(these, key=lambda word: (self._frequency[word], word))
        return ordered[: len(these) - _needed(len(these)) + 1]


def _alike(one: Words, other: Words) -> bool:
    needed = _needed(max(len(one), len(other)))
    return min(len(one), len(other)) >= needed and len(one & other) >= needed


def _needed(size: int) -> int:
    """The least number of words that a near duplicate shares with a question of so many words."""
    return -(-PERCENT * size // 100)
