"""Defines equality of answers: parses, normalises and compares them.

Clean-up comes first: currency, units, words, thousands separators (1,234, 12,34,567 or 1 234),
fractions (3/4, 1 3/4, also LaTeX's), other scripts' digits, scientific notation, arithmetic. A
percent sign is a unit: 50% is 50, not 0.5. Times, ratios and ranges (12:30, 3:4, 12 or 13) are not
answers, nor are texts of more than 400 characters and numbers of 1e300 or more. A whole gold number
must be met within 1e-6, any other within 1e-3 or after rounding to gold's own decimals. A vote
groups by `canonical`, which is an equivalence relation: the rational value rounded to 6 decimals.
The looser rules of the papers are other graders.
"""

import re
from collections.abc import Sequence
from fractions import Fraction

from mdexp.algebra.arithmetic import NotArithmetic, evaluate
from mdexp.algebra.numerals import plain_numerals
from mdexp.answers.free_text import MAX_CHARS, text_key
from mdexp.records import LETTERS, YES_NO, Answer, Expected, TextMatch

INTEGER_TOLERANCE = Fraction(1, 10**6)
DECIMAL_TOLERANCE = Fraction(1, 10**3)
CANONICAL_DECIMALS = 6
NUM_UNKNOWN = 5  # options of a choice whose texts are not known
LARGEST = 10**300  # from there on a number is no answer: neither JSON nor people can hold it

NUMBER = (
    r"[-+−]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d{1,2}(?:,\d{2})+,\d{3}(?!\d)|\d+)"  # 1,234 or 12,34,567
    r"(?:\.\d+)?(?:[eE][-+]?\d{1,3}(?![\w.]))?|[-+−]?\.\d+"
)
NUMBER_IN_TEXT = re.compile(rf"(?<![\w.])(?:{NUMBER})")  # not within a word or another number
# 1 3/4
MIXED = r"\d{1,9}(?:[ \t]{1,9}|[ \t]and[ \t])\d{1,9}\s?/\s?\d{1,9}(?![\d/]|\.\d)"
LATEX = r"\\[dt]?frac\s*" + 2 * rf"\{{\s*(?:{NUMBER})\s*\}}\s*"  # \frac{3}{4}
_WHOLE = re.compile(rf"(?P<a>{NUMBER})(?:\s*/\s*(?P<b>{NUMBER}))?")
_LEADING = re.compile(
    rf"(?P<number>{NUMBER})(?:\s*/\s*(?P<below>{NUMBER}))?\s*%?(?P<rest>.*)", re.DOTALL
)
_NOT_BELOW = r"(?<![/÷^])(?<![/÷^] )"  # as a divisor a fraction would need parentheses
_MIXED = re.compile(rf"{_NOT_BELOW}(?<![\w.,]){MIXED}")
_LATEX = re.compile(_NOT_BELOW + LATEX)
_NUMBER = re.compile(NUMBER)
_CURRENCY = re.compile(r"[$€£¥₹]|\b(?:USD|EUR|GBP|INR|Rs\.?)(?![A-Za-z])")
_BLANKS = re.compile(r"(?<![\d.,/])(\d{1,3})((?: \d{3})+)(?![\d/.,]|\s*/)")  # 1 234 567
_UNIT = re.compile(r"\s?[A-Za-z][A-Za-z /]{0,40}\Z")
_UNIT_POWER = re.compile(r"(?<=[A-Za-z])\^[({]?[23][)}]?")
_NEGATIVE = re.compile(r"\A(?:negative|minus)\s{1,3}(?=[\d.])", re.IGNORECASE)
_OPTION = re.compile(r"\(?([A-Ja-j])\)?")
# A minus between blanks subtracts; without them it may be a range or a date.
_OPERATION = re.compile(r"[+*/^×÷(]|(?:^|\s)[-−]\s")


def parse(answer: Answer | None) -> Fraction | str | None:
    """Value of an answer: a rational, else `yes`, `no` or an option's letter, else None."""
    if answer is None:
        return None
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    value = _parse_text(answer) if isinstance(answer, str) else answer
    if value is None or isinstance(value, str):
        return value
    if not -LARGEST < value < LARGEST:  # nan among them
        return None
    # A float is the decimal that it is written as: 0.33, not the binary fraction next to it.
    return Fraction(str(value)) if isinstance(value, float) else Fraction(value)


def canonical(answer: Answer | None) -> str | None:
    """The key by which answers are grouped, such as `29`, `0.333333`, `yes`; None abstains."""
    value = parse(answer)
    if not isinstance(value, Fraction):
        return value
    rounded = round(value, CANONICAL_DECIMALS)
    return _decimal(rounded)


def vote_key(answer: Answer | None, match: TextMatch | None) -> str | None:
    """The key by which the answers of a problem are grouped; with `match`, that of free text."""
    if match is None:
        return canonical(answer)
    if answer is None:
        return None
    return text_key(answer if isinstance(answer, str) else plain(answer), match)


def correct(answer: Answer | None, gold: Answer, match: TextMatch | None = None) -> bool:
    """Whether an answer equals gold by the rule of this module; an answer without a value never
    does. With `match`, gold is free text, compared by that rule."""
    if match:
        key = vote_key(answer, match)
        return key is not None and key == vote_key(gold, match)
    value, truth = parse(answer), parse(gold)
    if value is None or truth is None:
        return False
    if isinstance(value, str) or isinstance(truth, str):
        return value == truth
    if truth.denominator == 1:
        return abs(value - truth) <= INTEGER_TOLERANCE
    if abs(value - truth) <= DECIMAL_TOLERANCE:
        return True
    return round(value, _decimals(gold)) == truth


def fitting(answer: Answer | None, expected: Expected) -> Answer | None:
    """The answer as one of the expected kind; None for another kind, such as a number to a yes/no
    question.

    The text or number behind an option stands for its letter.
    """
    value = parse(answer)
    match expected.kind:
        case "number":
            return answer if isinstance(value, Fraction) else None
        case "yes_no":
            return answer if value in ("yes", "no") else None
        case "options":
            of_choice = isinstance(value, str) and value in letters(expected.options)
            return answer if of_choice else _letter(answer, expected.options)
        case "text":
            return answer


def plain(answer: Answer) -> str:
    """An answer as it is written in a target: `12`, `0.5`, `yes`; other texts as they stand."""
    key = canonical(answer)
    return str(answer).strip() if key is None else key


def letters(options: Sequence[str]) -> Sequence[str]:
    """The letters that may answer a choice: A to E, where the texts behind them are not known."""
    return tuple(LETTERS[: max(NUM_UNKNOWN, len(options))])


def _letter(answer: Answer | None, options: Sequence[str]) -> str | None:
    """The letter of the one option that says the same."""
    same = [i for i, option in enumerate(options) if _says_the_same(answer, option)]
    return chr(ord("a") + same[0]) if len(same) == 1 else None


def _says_the_same(answer: Answer | None, option: str) -> bool:
    key = canonical(answer)
    if key is not None and key == canonical(option):
        return True
    return isinstance(answer, str) and answer.strip(" .").lower() == option.strip(" .").lower()


def _parse_text(text: str) -> Fraction | str | None:
    if len(text) > MAX_CHARS:
        return None
    text = _CURRENCY.sub("", plain_numerals(text)).strip().strip("*_`\"'").strip().rstrip(".")
    text = _UNIT_POWER.sub("", _NEGATIVE.sub("-", text.strip()))
    text = _BLANKS.sub(lambda found: found[0].replace(" ", ""), text)
    text = _MIXED.sub(_improper, _LATEX.sub(_written_out, text).strip())
    if word := YES_NO.get(text.lower()):
        return word
    if option := _OPTION.fullmatch(text):
        return option[1].lower()
    if _WHOLE.fullmatch(text) or _OPERATION.search(text):
        for expression in (text, _UNIT.sub("", text)):
            try:
                return evaluate(expression.rstrip("%").strip())
            except NotArithmetic:
                pass
    match = _LEADING.match(text)
    # Units may follow a number ("51 dollars"), a second number or an operator may not.
    if not match or re.search(r"\d|^\s*[-+*/=^]", match["rest"]):
        return None
    try:
        return evaluate(match["number"] + (f"/{match['below']}" if match["below"] else ""))
    except NotArithmetic:
        return None


def _written_out(fraction: re.Match[str]) -> str:
    """LaTeX's fraction as ` 3/4 `: after a whole number it makes a mixed one."""
    above, below = _NUMBER.findall(fraction[0])
    return f" {above}/{below} "


def _improper(mixed: re.Match[str]) -> str:
    """`1 3/4` as `7/4`."""
    whole, above, below = (int(number) for number in re.findall(r"\d+", mixed[0]))
    return f"{whole * below + above}/{below}"


def _decimals(gold: Answer) -> int:
    text = repr(gold) if isinstance(gold, float) else str(gold)
    match = re.search(r"\.(\d+)", text)
    return len(match[1]) if match and "e" not in text.lower() else 0


def _decimal(value: Fraction) -> str:
    sign = "-" if value < 0 else ""
    scaled = abs(value.numerator) * 10**CANONICAL_DECIMALS // value.denominator
    whole, part = divmod(scaled, 10**CANONICAL_DECIMALS)
    return f"{sign}{whole}" + f".{part:0{CANONICAL_DECIMALS}d}".rstrip("0").rstrip(".")
