"""Reads a written solution as a chain of equations, which teacher=worked rewrites.

It understands equations between numbers in prose, with units and currency (`90 onions / 10
onions/minute = 9 minutes`, `£12 x 3 = £36`), and GSM8K's calculator marks (`<<48/2=24>>`). Every
equation is recomputed. Each number must come from the question or an earlier step, or be a common
constant (7 days, 100 %). A solution with unknowns or with steps in words alone is not used.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mdexp.algebra.arithmetic import NotArithmetic, evaluate
from mdexp.answers import canonical, correct
from mdexp.records import Problem

_NUMBER = r"(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)"
_CURRENCY = r"[$£€]?\s?"
_UNIT = r"(?:\s?%|\s[A-Za-z][\w'’]*(?:/[A-Za-z]\w*)?|/[A-Za-z]\w*)"
_OPERAND = rf"\(?{_CURRENCY}{_NUMBER}{_UNIT}{{0,5}}?\)?"
_OPERATOR = r"\s*(?:[-+*/×÷−]|(?<=\s)[xX](?=\s))\s*"
_LEFT = rf"(?<![\w.]){_OPERAND}(?:{_OPERATOR}{_OPERAND})+"
_EQUATION = re.compile(
    rf"(?P<left>{_LEFT})\s*=\s*{_CURRENCY}(?P<right>{_NUMBER}(?:/\d+)?)\s?%?(?![\d(])"
)
_MARK = re.compile(rf"<<(?P<left>[^<>=]+)=(?P<right>[^<>=]+)>>\s?{_CURRENCY}(?:{_NUMBER})?")
_SHOWN = re.compile(rf"(?:{_LEFT}|{_OPERAND})?\s*=?\s*[$£€]?\s*\Z")  # repeated by a mark
_TOKEN = re.compile(
    rf"(?P<number>{_NUMBER})(?P<percent>\s?%)?"
    r"|(?P<sign>[+*×÷−()]|[-/](?![A-Za-z])|(?<![A-Za-z])[xX](?![A-Za-z]))"
)
_SIGNS = {"×": "*", "x": "*", "X": "*", "÷": "/", "−": "-"}
_PAUSE = re.compile(r"[.,;:](?:\s|\Z)")
_FLOAT = re.compile(r"(\d)\.0+\b")  # `16.0`, as generators that compute in floats write it

_WORDS = {
    "half": "1/2", "quarter": "1/4", "third": "1/3", "once": "1", "one": "1", "twice": "2",
    "double": "2", "doubles": "2", "two": "2", "twins": "2", "pair": "2", "couple": "2",
    "three": "3", "thrice": "3", "triple": "3", "four": "4", "five": "5",
    "six": "6", "seven": "7", "eight": "8",
    "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "dozen": "12", "fifteen": "15",
    "twenty": "20", "thirty": "30", "forty": "40", "fifty": "50", "hundred": "100",
}  # fmt: skip
_USUAL = ("1", "2", "4", "7", "12", "24", "30", "52", "60", "100", "365", "1000")


@dataclass(frozen=True, slots=True)
class Step:
    """One equation with the words before and after it; `tokens` are numbers and + - * / ( )."""

    lead: str
    tokens: tuple[str, ...]
    value: str
    tail: str


def read_solution(problem: Problem) -> list[Step]:
    """The steps up to the one that gives the answer; empty if the solution is not understood."""
    known = _numbers_of(problem.question)
    steps: list[Step] = []
    for line in _FLOAT.sub(r"\1", problem.rationale).split("\n"):
        for lead, left, right, tail in _equations(line.strip()):
            step = _recomputed(lead, left, right, tail)
            if step is None or any(_key(n) not in known for n in step.tokens if n[0].isdigit()):
                return []
            known.add(_key(step.value))
            steps.append(step)
    solved = [place for place, step in enumerate(steps) if correct(step.value, problem.answer)]
    return steps[: solved[-1] + 1] if solved else []


def _equations(line: str) -> Iterator[tuple[str, str, str, str]]:
    """For each equation of a line: words before, left side, right side, words after."""
    marked = "<<" in line
    found = list((_MARK if marked else _EQUATION).finditer(line))
    ends = [0] + [match.end() for match in found]
    starts = [match.start() for match in found] + [len(line)]
    between = [line[end:start] for end, start in zip(ends, starts, strict=True)]
    for place, match in enumerate(found):
        # Words between two equations belong to the first equation up to a comma or full stop.
        lead = between[0] if place == 0 else _PAUSE.split(between[place], maxsplit=1)[-1]
        tail = _PAUSE.split(between[place + 1], maxsplit=1)[0]
        yield _SHOWN.sub("", lead) if marked else lead, match["left"], match["right"], tail


def _recomputed(lead: str, left: str, right: str, tail: str) -> Step | None:
    """The step, or None if its left side does not equal its right side."""
    for percent in ("", " / 100"):
        tokens = _tokens(left, percent)
        try:
            value = evaluate(" ".join(tokens))
        except NotArithmetic:
            return None
        shown = canonical(right)
        if shown is not None and correct(str(value), shown):
            return Step(lead.strip(), tokens, shown, tail.strip())
    return None


def _tokens(left: str, percent: str) -> tuple[str, ...]:
    """Numbers and signs of a left side, its units dropped; a percent sign becomes `percent`."""
    tokens: list[str] = []
    for match in _TOKEN.finditer(left):
        if sign := match["sign"]:
            tokens.append(_SIGNS.get(sign, sign))
        else:
            number = match["number"].replace(",", "")
            tokens += [f"0{number}" if number[0] == "." else number]
            tokens += percent.split() if match["percent"] else []
    return tuple(tokens)


def _numbers_of(question: str) -> set[str]:
    """The numbers, in canonical form, that a solution may use without computing them."""
    words = [_WORDS[word] for word in re.findall(r"[a-z]+", question.lower()) if word in _WORDS]
    digits = [number.replace(",", "") for number in re.findall(_NUMBER, question)]
    fractions = re.findall(r"\d+/\d+", question)
    values = {evaluate(text) for text in [*digits, *fractions, *words, *_USUAL]}
    values |= {value / 100 for value in values}
    shares = {value for value in values if 0 < value < 1}
    values |= {form for share in shares for form in (1 - share, 1 + share, 1 / share)}
    return {_key(str(value)) for value in values}


def _key(number: str) -> str:
    return canonical(number) or number
