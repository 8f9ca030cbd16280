"""Splits a reasoning model's text into its thinking and its answer.

Such models think aloud before they answer, and mark where: `<think>…</think>` (DeepSeek-R1, Qwen3),
`[THINK]…[/THINK]` (Magistral), `<reasoning>…</reasoning><answer>…</answer>` (GRPO recipes),
`<|begin_of_thought|>` (Sky-T1), Harmony channels (gpt-oss), with or without their special tokens.
Chat templates may put the opening tag into the prompt, so that only the closing one is written.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

_NAMES = r"(?:seed:)?(?:think|thinking|thought|reasoning)"
_OPENING = rf"<{_NAMES}>|\[THINK\]|<\|begin_of_thought\|>|◁think▷"
_CLOSING = rf"</{_NAMES}>|\[/THINK\]|<\|end_of_thought\|>|◁/think▷"
_TAG = re.compile(rf"(?P<opening>{_OPENING})|{_CLOSING}", re.IGNORECASE)
_ANSWER_TAG = re.compile(r"</?answer>|<\|(?:begin|end)_of_solution\|>", re.IGNORECASE)

_CHANNEL = re.compile(r"<\|channel\|>\s*+(\w++)[^<]*+(?:<\|constrain\|>[^<]*+)?<\|message\|>")
_CONTROL = re.compile(r"<\|(?:start|end|return|call)\|>")
# Harmony without its special tokens, which many servers leave out: `analysisWe add.assistantfinal`.
_BARE = re.compile(r"\A\s*(?:assistant)?analysis(?=[A-Z]|.*assistantfinal)", re.DOTALL)
_BARE_FINAL = "assistantfinal"

# What opens and closes thinking in a training target, by the mark of a student that knows it.
_TAGS = {
    "<|channel|>": (
        "<|channel|>analysis<|message|>",
        "<|end|><|start|>assistant<|channel|>final<|message|>",
    ),
    "[THINK]": ("[THINK]", "[/THINK]"),
    "<think>": ("<think>\n", "\n</think>\n\n"),
}
_OPEN_END = re.compile(
    rf"(?:{_OPENING}|<\|channel\|>\s*analysis\s*<\|message\|>)\s*\Z", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A text in two parts. `start` is where the answer begins behind the last thinking; a text that
    ends within its thinking is not `finished`, and has no answer yet."""

    thinking: str
    answer: str
    start: int = 0
    finished: bool = True


@dataclass(frozen=True, slots=True)
class AfterThinking:
    """A stopping rule for texts that may begin with thinking: `stop` is asked only about what is
    behind that. `opening` is an opening tag with which the prompt ends."""

    stop: Callable[[str], str | None]
    opening: str = ""

    def __call__(self, text: str) -> str | None:
        whole = self.opening + text
        written = split_thinking(whole)
        end = self.stop(whole[written.start :]) if written.finished else None
        return None if end is None else (whole[: written.start] + end)[len(self.opening) :]


def split_thinking(text: str) -> Written:
    """Both parts of a text. One without any mark is all answer, and comes back as it is."""
    if _CHANNEL.search(text):
        return _by_channels(text)
    if bare := _BARE.match(text):
        return _by_bare_channels(text, bare.end())
    return _by_tags(text)


def join_thinking(thinking: str, text: str) -> str:
    """One text of thinking that came apart from its answer, as servers send it: what
    `split_thinking` splits again. Without an answer the thinking is not closed."""
    if not thinking.strip():
        return text
    # Marks that the thinking speaks of would end it early.
    untagged = _CHANNEL.sub(" ", _TAG.sub(" ", thinking)).strip()
    opened = f"<think>\n{untagged}\n"
    return f"{opened}</think>\n\n{text}" if text.strip() else opened


def own_tags(known: str) -> tuple[str, str]:
    """What opens and closes thinking for a student whose vocabulary or chat template is `known`;
    `<think>` where it has no tags."""
    return next((tags for mark, tags in _TAGS.items() if mark in known), _TAGS["<think>"])


def behind_thinking(target: str, thinking: str, tags: tuple[str, str], prompt: str) -> str:
    """A training target behind its thinking in `tags`. Thinking that the prompt has opened is
    closed, also where there is none."""
    opening, closing = tags
    if opening_at_end(prompt):
        return f"{thinking}{closing}{target}"
    return f"{opening}{thinking}{closing}{target}" if thinking else target


def opening_at_end(prompt: str) -> str:
    """The opening tag with which a prompt ends, and the white space behind it; mostly none."""
    match = _OPEN_END.search(prompt)
    return match[0] if match else ""


def _by_tags(text: str) -> Written:
    thinking: list[str] = []
    answer: list[str] = []
    start, inside = 0, False
    for tag in _TAG.finditer(text):
        opens = tag["opening"] is not None
        if opens and inside:  # a tag that the thinking speaks of
            continue
        # A closing tag without an opening one: all before it was thinking.
        is_thinking = inside or not (opens or thinking)
        (thinking if is_thinking else answer).append(text[start : tag.start()])
        start, inside = tag.end(), opens
    if inside:
        thinking.append(text[start:])
    elif not thinking:
        return Written(thinking="", answer=text)
    else:
        answer.append(text[start:])
    said = _ANSWER_TAG.sub("", "".join(answer))
    return _written(thinking, said, start, finished=not inside)


def _by_channels(text: str) -> Written:
    """What stands before the first channel continues one that the prompt has begun."""
    marks = list(_CHANNEL.finditer(text))
    thinking = [_body(text[: marks[0].start()])]
    answer: list[str] = []
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    for mark, end in zip(marks, ends, strict=True):
        (answer if mark[1] == "final" else thinking).append(_body(text[mark.end() : end]))
    finished = marks[-1][1] == "final"
    return _written(thinking, "".join(answer), marks[-1].end(), finished=finished)


def _body(text: str) -> str:
    """A message up to its end; what follows it names the next one."""
    return _CONTROL.split(text, maxsplit=1)[0]


def _by_bare_channels(text: str, begin: int) -> Written:
    end = text.rfind(_BARE_FINAL)
    if end < begin:
        return _written([text[begin:]], "", len(text), finished=False)
    start = end + len(_BARE_FINAL)
    return _written([text[begin:end]], text[start:], start, finished=True)


def _written(thinking: list[str], answer: str, start: int, *, finished: bool) -> Written:
    return Written(
        thinking="\n".join(part.strip() for part in thinking if part.strip()),
        answer=answer.strip("\n").rstrip() if finished else "",
        start=start,
        finished=finished,
    )
