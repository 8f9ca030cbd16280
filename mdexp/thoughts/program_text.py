"""Finds the program in a model's reply.

The blocks that are marked as Python come first, then those that name no language, then code that
stands in the open between prose. What does not parse is given as it is: running it says what is
wrong.
"""

import re
import textwrap
from collections.abc import Sequence
from itertools import groupby

from mdexp.thoughts.code_blocks import PYTHON, TEXT, UNNAMED, CodeBlock, blocks_of, without_prompts
from mdexp.thoughts.program_form import syntax_tree
from mdexp.thoughts.program_pieces import program_of
from mdexp.transcripts.run_on import up_to_run_on

_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)
# "A:", or the language alone on a line, as is left of a fence that a chat has rendered.
_LEAD = re.compile(
    r"\A(?:\s*(?:A|Answer)\s*:[ \t]*\n*|\s*(?:python3?|tool_code)[ \t]*\n)+", re.IGNORECASE
)
_TRIPLE_QUOTED = re.compile(r'("""|\'\'\').*?(?:\1|\Z)', re.DOTALL)
# How a line of code starts even where the program as a whole is broken.
_CODE = re.compile(
    r"[A-Za-z_][\w.]*(?:\[[^]\n]*\])?(?:\s*,\s*[A-Za-z_]\w*)*(?:\s*:\s*[\w.]+)?"
    r"\s*(?:[-+*/%]|//|\*\*)?=(?!=)"
    r"|(?:def|class)\s+\w+\s*[(:]|(?:import|from)\s+[\w.]+(?:\s+(?:as|import)\b|\s*(?:,|$))"
    r"|(?:for|while|if|elif|with|except)\b.*:(?:\s*#.*)?$|(?:else|try|finally)\s*:"
    r"|print\s*\(|[A-Za-z_][\w.]*\(.*\)$|@\w|#|\"\"\"|'''"
)
_KEYWORD = re.compile(
    r"(?:and|as|assert|await|break|class|continue|def|del|elif|else|except|for|from|global|if"
    r"|import|in|is|lambda|not|or|pass|print|raise|return|try|while|with|yield)\b"
)
# Two words in a row, a number with a word behind it, or one word as a heading.
_SENTENCE = re.compile(
    r"[^\W\d_][,;:.*]*[ \t]+[*(]*[^\W\d_]|\d [^\W\d_]{2}|^\**[^\W\d_]+\s*(?:[:.!]\**|\*\*:?)$"
)
_QUOTED = re.compile(r"^[ \t]*`([^`\n]+)`[ \t]*$", re.MULTILINE)


def up_to_next_question(text: str) -> str | None:
    """A growing text up to an invented next question that is in no string of a program."""
    hidden = _TRIPLE_QUOTED.sub(lambda string: "x" * len(string[0]), text)
    cut = up_to_run_on(hidden)
    return text[: len(cut)] if cut and not cut.isspace() else None


def program_within(text: str) -> str:
    """The program within a reply, or what comes closest to one."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\t" in text:
        text = _INDENT.sub(lambda indent: indent[0].replace("\t", "    "), text)
    whole = _dedented(_LEAD.sub("", text)).strip("\n")
    if syntax_tree(whole) is not None:
        return whole
    blocks = blocks_of(whole)
    if marked := _codes(blocks, PYTHON):
        return program_of(marked) or _as_it_is(marked)
    if program := program_of(unnamed := _codes(blocks, UNNAMED)):
        return program
    open_text = "\n".join(block.code for block in blocks if block.language == TEXT)
    return _in_the_open(open_text) or (unnamed[-1] if unnamed else open_text.strip("\n").rstrip())


def _dedented(code: str) -> str:
    return textwrap.dedent(code) if code[:1].isspace() else code


def _codes(blocks: Sequence[CodeBlock], languages: frozenset[str]) -> list[str]:
    """The code of the blocks in these languages, without prompts and prose behind it."""
    codes = (without_prompts(block.code) for block in blocks if block.language in languages)
    clean = (_dedented(code).strip("\n").rstrip() for code in codes)
    return [
        code if syntax_tree(code) is not None else without_prose_behind(code)
        for code in clean
        if code
    ]


def _as_it_is(codes: Sequence[str]) -> str:
    """All pieces together where they parse, though they give no answer; else the last one."""
    joined = "\n".join(codes)
    return joined if syntax_tree(joined) is not None else codes[-1]


def _in_the_open(text: str) -> str | None:
    """The program in unfenced prose, from its first line of code; None if there is no such line."""
    lines = _QUOTED.sub(r"\1", without_prompts(text)).split("\n")
    start = next((i for i, line in enumerate(lines) if _CODE.match(line.strip())), None)
    if start is None:
        return None
    while start and lines[start][:1].isspace() and _KEYWORD.match(lines[start - 1].strip()):
        start -= 1  # of a block, whose first line is broken
    rest = _dedented("\n".join(lines[start:])).rstrip()
    if syntax_tree(rest) is not None:
        return rest
    return program_of(_pieces(rest)) or rest


def without_prose_behind(code: str) -> str:
    """Code without the lines of prose at its end."""
    lines = code.split("\n")
    while len(lines) > 1 and (not lines[-1].strip() or _is_prose(lines[-1])):
        lines.pop()
    return "\n".join(lines)


def _pieces(text: str) -> list[str]:
    """The pieces of code between paragraphs of prose."""
    pieces: list[list[str]] = [[]]
    lines = text.split("\n")
    place = 0
    for prose, group in groupby(lines, _is_prose):
        size = len(list(group))
        if prose and _is_paragraph(lines, place, place + size):
            pieces.append([])
        else:
            pieces[-1] += lines[place : place + size]
        place += size
    return [_dedented("\n".join(piece)).strip("\n").rstrip() for piece in pieces]


def _is_paragraph(lines: Sequence[str], start: int, end: int) -> bool:
    """Whether lines of prose stand by themselves, not in the midst of a program."""
    return (
        end == len(lines)
        or not lines[start - 1].strip()
        or not lines[end].strip()
        or lines[end - 1].rstrip().endswith(":")
    )


def _is_prose(line: str) -> bool:
    """Whether a line is a sentence or heading, and no code, broken or not."""
    line = line.strip()
    if not line or _CODE.match(line):
        return False
    if _KEYWORD.match(line):
        return line.endswith((".", "!", "?")) and _SENTENCE.search(line) is not None
    return _SENTENCE.search(line) is not None
