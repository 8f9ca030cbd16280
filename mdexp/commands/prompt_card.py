"""The prompts of an exported student, for its model card."""

import json
import re
from collections.abc import Collection, Mapping, Sequence

from mdexp.ports import Done, Run, Seen, Thought, Write
from mdexp.records import ProgramResult, Segment
from mdexp.students.prompts import Renderer
from mdexp.transcripts.driver import Walk, cues, drive
from mdexp.transcripts.opening import new_transcript

QUESTION = "<question>"
OUTPUT = "<output>"
FEEDBACK = "<feedback>"
CHAT = (
    "The first prompt of each is what the chat template makes of one turn of a user: the question, "
    "a line break and the thought's cue. A prompt includes its special tokens, so add none "
    "(`add_special_tokens=False`)."
)
FURTHER = (
    "A thought of several texts is prompted again. Its later prompts contain what the student "
    f"wrote, for `<answer 1>` and so on, what its program printed, for `{OUTPUT}`, and what is "
    f"wrong with it, for `{FEEDBACK}`: the interpreter's error, or what the program gave."
)
SENTINELS = (
    "The vocabulary lacks some characters. In answers these tokens stand for them (a space beside "
    "one comes from the tokenizer):"
)


def prompt_card(
    renderer: Renderer, thoughts: Mapping[str, Thought], roles: Collection[str] = ()
) -> list[str]:
    """Lines of Markdown: all prompts of each thought, and the tokens that stand for missing
    characters. If `roles` have a model each, every prompt names its model."""
    prompts = {
        _title(name, number) + (f", to `{role}/`" if roles else ""): prompt
        for name, thought in thoughts.items()
        for number, (role, prompt) in enumerate(_prompts(renderer, thought), start=1)
    }
    breaks = [prompt.endswith("\n") for prompt in prompts.values()]
    ends = "a line break" if all(breaks) else "its last sign, without a line break"
    if any(breaks) and not all(breaks):
        ends += " unless that is said"
    lines = [
        f"The prompts, word for word, with your question for `{QUESTION}`; each ends with {ends}."
    ]
    if renderer.style == "chat":
        lines.append(CHAT)
    if len(prompts) > len(thoughts):
        lines.append(FURTHER)
    for (title, prompt), ends_line in zip(prompts.items(), breaks, strict=True):
        said = " (ends with a line break)" if ends_line and not all(breaks) else ""
        lines += ["", f"{title}{said}:", "", *_fenced(prompt)]
    if renderer.code_text.sentinels:
        lines += ["", SENTINELS, "", *_sentinels(renderer.code_text.sentinels)]
    return lines


def _title(name: str, number: int) -> str:
    return name if number == 1 else f"{name}, prompt {number}"


def _prompts(renderer: Renderer, thought: Thought) -> list[tuple[str, str]]:
    """Role and prompt of each text that the thought asks for whatever was written before."""
    prompts = _asked_in_turn(renderer, thought, "<answer {}>")
    if len(prompts) == 1 < thought.max_writes:
        # A thought with tools continues only if its text ends with code to run.
        return _asked_in_turn(renderer, thought, "<answer {}, which ends with code>\n```")
    return prompts


def _asked_in_turn(renderer: Renderer, thought: Thought, answer: str) -> list[tuple[str, str]]:
    """Roles and prompts if each text is `answer` with its number and every program fails, so that a
    thought which can ask for a repair does so."""
    prompts: list[tuple[str, str]] = []
    gold = 0 if thought.is_oracle else None
    others = {name: Done(text="", answer=0, status="ok") for name in thought.reads}
    walk = Walk(
        thought=thought,
        transcript=new_transcript(QUESTION),
        seen=Seen(others=others, gold=gold),
    )

    def write(pending: Sequence[tuple[Walk, Write]]) -> list[Segment]:
        [(_, step)] = pending
        prompts.append((step.role, _prompt(renderer, thought, walk, step)))
        return [Segment(author="writer", text=answer.format(len(prompts)))]

    def run(pending: Sequence[tuple[Walk, Run]]) -> list[ProgramResult]:
        return [
            ProgramResult(status="runtime_error", stdout=OUTPUT, error=FEEDBACK) for _ in pending
        ]

    drive([walk], write, run, reads=False)
    return prompts


def _prompt(renderer: Renderer, thought: Thought, walk: Walk, step: Write) -> str:
    first = renderer.prompt(QUESTION, thought)
    said = (*walk.transcript.segments, *cues(walk.transcript, step))
    texts = [place for place, segment in enumerate(said) if segment.author == "writer"]
    if not texts:
        return first
    if renderer.kind == "seq2seq":
        return renderer.opening(said)
    return renderer.rendered(first, said[texts[0] :], ends=False, splits=True).text


def _fenced(text: str) -> list[str]:
    """A code fence longer than any in the text."""
    runs = re.findall("`+", text)
    fence = "`" * max([3, *(len(run) + 1 for run in runs)])
    return [f"{fence}text", text.removesuffix("\n"), fence]


def _sentinels(sentinels: Mapping[str, str]) -> list[str]:
    """A table of tokens and the characters they stand for, written as JSON, in code spans that may
    hold a backtick."""
    rows = [f"| `{token}` | `` {json.dumps(sign)} `` |" for sign, token in sentinels.items()]
    return ["| token | stands for |", "|---|---|", *rows]
