"""The blocks of code that a model's reply marks: by fences, by tags, by the prompts of a session.

A block ends at the first fence after it that stands in no triple-quoted string, whatever else is on
that line: `"```"`, `"``` Then"`, `"ans = 12```"`, and the fence that opens the next block.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

_FENCE = re.compile(r"[ \t]*(?P<mark>`{3,}|~{3,})[ \t]*(?P<rest>.*)")
_ON_ONE_LINE = re.compile(r"`{3,}(?P<code>[^`\n]+)`{3,}")
_LANGUAGE = re.compile(r"[\s{.]*(?P<language>[\w+#-]*)")
_QUOTES = re.compile(r'"""|\'\'\'')
_TAG = re.compile(
    r"(</?(?:code|python|tool_code|llm-code|program|execute)(?: [^<>\n]*)?>|\[/?PYTHON\]"
    r"|<\|python_tag\|>|\\(?:begin|end)\{(?:verbatim|lstlisting|minted)\}(?:\{python\})?)",
    re.IGNORECASE,
)
_PROMPT = re.compile(r"[ \t]*(?:>>>|\.\.\.)(?: |$)")
_FIRST_PROMPT = re.compile(r"^[ \t]*>>> ", re.MULTILINE)

PYTHON = frozenset({"python", "python2", "python3", "py", "py3", "ipython", "pycon", "tool_code"})
UNNAMED = frozenset({"", "code", "plain", "plaintext", "program", "text", "txt"})
MAX_BLOCKS = 200  # behind them all is text
TEXT = "(text)"  # the language of what stands outside of blocks; no fence can name it


class CodeBlock(NamedTuple):
    """A part of a reply."""

    language: str  # in lower case; empty if the block names none
    code: str


def blocks_of(text: str) -> list[CodeBlock]:
    """The parts of a reply in order: its blocks of code, and the text outside of them."""
    if "```" not in text and "~~~" not in text:
        return list(_tagged(text))
    scan = _Scan(text.split("\n"), heed_strings=True)
    if scan.string:  # it is never closed, and hides fences
        scan = _Scan(text.split("\n"), heed_strings=False)
    parts = [CodeBlock(language, "\n".join(lines)) for language, lines in scan.parts]
    return [
        block
        for part in parts
        for block in (_tagged(part.code) if part.language == TEXT else [part])
    ]


def without_prompts(code: str) -> str:
    """The code of a recorded session (`>>> x = 3`) without prompts and what was printed."""
    if not _FIRST_PROMPT.search(code):
        return code
    prompts = ((line, _PROMPT.match(line)) for line in code.split("\n"))
    return "\n".join(line[prompt.end() :] for line, prompt in prompts if prompt)


class _Scan:
    """The parts of a text between fences, line by line."""

    def __init__(self, lines: list[str], *, heed_strings: bool) -> None:
        self.parts: list[tuple[str, list[str]]] = [(TEXT, [])]
        self.mark = ""  # that opened the block; empty outside
        self.string = ""  # the quotes of the string that is open
        self.heed_strings = heed_strings
        for place, line in enumerate(lines):
            if len(self.parts) > 2 * MAX_BLOCKS:
                self.parts.append((TEXT, lines[place:]))
                break
            if self.mark:
                self.inside(line)
            elif "```" in line or "~~~" in line:
                self.outside(line)
            else:
                self.parts[-1][1].append(line)

    def outside(self, line: str) -> None:
        fence = _FENCE.match(line)
        if fence and fence["mark"] not in fence["rest"]:
            self.open(fence["mark"], fence["rest"])
            return
        if found := _ON_ONE_LINE.search(line):
            self.parts.append(_named(found["code"]))
            self.parts.append((TEXT, []))
            return
        before, mark, rest = line.rpartition("```")
        named = _language(rest) in PYTHON or (not rest.strip() and before.rstrip().endswith(":"))
        self.parts[-1][1].append(before if mark and named else line)
        if mark and named:
            self.open(mark, rest)

    def inside(self, line: str) -> None:
        fence = _FENCE.match(line) if self.mark in line and not self.string else None
        if fence and fence["mark"].startswith(self.mark):
            self.close(fence["rest"])
        elif not self.string and line.rstrip().endswith(self.mark):
            self.parts[-1][1].append(line.rstrip().removesuffix(self.mark))
            self.close("")
        else:
            self.parts[-1][1].append(line)
            if self.heed_strings and _QUOTES.search(line):
                self.string = _open_string(line, self.string)

    def open(self, mark: str, rest: str) -> None:
        self.mark = mark
        self.parts.append((_language(rest), []))

    def close(self, rest: str) -> None:
        """End the block at a fence, which may open the next one by naming a language."""
        mark, self.mark = self.mark, ""
        if _language(rest) in PYTHON:
            self.open(mark, rest)
        else:
            self.parts.append((TEXT, [rest]))


def _language(info: str) -> str:
    found = _LANGUAGE.match(info)
    return found["language"].lower() if found else ""


def _named(code: str) -> tuple[str, list[str]]:
    """The block of ```` ```python ans = 12``` ````, on one line."""
    first, _, rest = code.strip().partition(" ")
    return (first.lower(), [rest]) if first.lower() in PYTHON else ("", [code.strip()])


def _open_string(line: str, string: str) -> str:
    """The quotes of the string that is open after a line, if `string` was before it."""
    for quotes in _QUOTES.findall(line):
        string = quotes if not string else "" if quotes == string else string
    return string


def _tagged(text: str) -> Iterator[CodeBlock]:
    """The parts of a text without fences: what stands between tags, and what stands outside."""
    language = TEXT
    for part in _TAG.split(text, 2 * MAX_BLOCKS):
        if not _TAG.fullmatch(part):
            yield CodeBlock(language, part)
        elif part.startswith(("</", "[/", "\\end")):
            language = TEXT
        else:
            language = "" if part.lower().startswith("<code") else "python"
