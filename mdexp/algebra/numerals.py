"""Numbers as people, LaTeX and other scripts write them, brought to plain digits and ASCII signs.

`9{,}500`, `12\\,000`, `\\frac12`, `2½`, `10³`, `\\boxed{\\text{B}}`, full-width and Arabic digits.
What is no such form stays as it is. Every pattern here takes time linear in the text's length.
"""

import re
import unicodedata

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_POWER = re.compile(r"(?<=[\d)])⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")  # behind a letter it belongs to a unit
_WRAPPED = re.compile(r"\\(?:boxed|fbox|text(?:bf|it|rm)?|math(?:rm|bf|sf)|mbox)\s?\{([^{}]*)\}")
_NAMED = (
    (re.compile(r"\{,\}"), ","),
    (re.compile(r"(?<=\d)\\[,;:! ](?=\d)"), ""),
    (re.compile(r"\\(?:[,;:!()\[\] ]|left\b|right\b|quad\b|qquad\b|displaystyle\b)|~"), " "),
    (re.compile(r"\\(?:times|cdot)(?![A-Za-z])"), "×"),
    (re.compile(r"\\div(?![A-Za-z])"), "÷"),
    (re.compile(r"\\(?=[$%#&_{}])"), ""),
    (re.compile(r"\^\{(-?\d{1,4})\}"), r"^(\1)"),
    (re.compile(r"(\\[dt]?frac)\s?(\d)\s?(\d)(?!\d)"), r"\1{\2}{\3}"),
)
# A dash before a number is its sign, but not between two numbers: there it may be a range.
_SIGN = re.compile(r"(?<!\d)(?<!\d\s)[–—‒‐](?=[$€£]?[\d.])")


class _Characters(dict[int, str]):
    """How each character that is not ASCII is written; found once."""

    def __missing__(self, code: int) -> str:
        self[code] = written = _in_ascii(chr(code))
        return written


def plain_numerals(text: str) -> str:
    """The text with its numbers in plain digits, signs and separators."""
    if not text.isascii():
        text = _POWER.sub(lambda power: f"^({power[0].translate(_SUPERSCRIPTS)})", text)
        text = _SIGN.sub("-", text.translate(_CHARACTERS))
    if "\\" in text or "{" in text:
        for form, plain in _NAMED:
            text = form.sub(plain, text)
        for _ in range(3):  # one in another
            text = _WRAPPED.sub(r"\1", text)
    return text


def _in_ascii(character: str) -> str:
    if character in "–—‒‐⁰¹²³⁴⁵⁶⁷⁸⁹⁻":
        return character
    if character in "−٫٬":
        return {"−": "-", "٫": ".", "٬": ","}[character]
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    if "VULGAR FRACTION" in unicodedata.name(character, ""):
        above, _, below = unicodedata.normalize("NFKC", character).partition("⁄")
        return f" {above}/{below}" if below.isdigit() else character
    if unicodedata.category(character)[0] in "ZPS":  # full-width signs, thin blanks
        plain = unicodedata.normalize("NFKC", character)
        return plain if len(plain) == 1 and plain.isascii() else character
    return character


_CHARACTERS = _Characters()
