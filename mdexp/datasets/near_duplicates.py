"""Near duplicates: questions that have at least 90 % of their words in common, in any order.

Found with an index of rare words instead of comparing all pairs (prefix filtering, Bayardo et al.
2007, WWW). If two questions share that many words, they share one of the few rarest of each.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

from mdexp.datasets.overlap import masked, normalised
from mdexp.records import Overlap

PERCENT = 90  # of the words of the longer question

Words = frozenset[tuple[str, int]]  # the second `the` of a question is ("the", 2)


def words(question: str, overlap: Overlap) -> Words:
    """The words to compare: numbers count as words, and where overlap=masked as one same word."""
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
        """The position of a near duplicate other than position `but`."""
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
        """So many of the rarest words that a near duplicate must have one of them, too."""
        ordered = sorted(these, key=lambda word: (self._frequency[word], word))
        return ordered[: len(these) - _needed(len(these)) + 1]


def _alike(one: Words, other: Words) -> bool:
    needed = _needed(max(len(one), len(other)))
    return min(len(one), len(other)) >= needed and len(one & other) >= needed


def _needed(size: int) -> int:
    """How many words a near duplicate shares with a question of so many words, at least."""
    return -(-PERCENT * size // 100)
