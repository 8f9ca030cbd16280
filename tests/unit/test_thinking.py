"""Thinking is split from the answer, never read as one, and no stopping rule stops within it."""

import json
import os
import re
from pathlib import Path as FilePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdexp.answers import correct
from mdexp.grading.verify import verify_paths
from mdexp.lessons.paths import PathLessons
from mdexp.records import Path, Problem, ProgramResult
from mdexp.sandbox.executor import Sandbox
from mdexp.students.prompts import Renderer
from mdexp.students.tiny import CHAT_TEMPLATE, byte_tokenizer
from mdexp.thoughts.cot import ChainOfThought
from mdexp.thoughts.eot import EquationOfThought
from mdexp.thoughts.pot import ProgramOfThought
from mdexp.training.examples import make_examples
from mdexp.training.invariants import Made, faults
from mdexp.transcripts.thinking import (
    AfterThinking,
    join_thinking,
    opening_at_end,
    split_thinking,
)
from tests.read_texts import NUMBER
from tests.read_texts import read_texts as read_answers

DATA = os.environ.get("MDEXP_DATA")
COT = ChainOfThought(instruction="Reason.", cue="Think.")
POT = ProgramOfThought(instruction="Program.", cue="Compute.")
EOT = EquationOfThought(instruction="Write equations.", cue="Solve.")
TRACE = "Is the answer 9? The answer is 9.\nNo."
SAID = "4 + 3 = 7. The answer is 7."
FORMS = {
    "think": f"<think>\n{TRACE}\n</think>\n\n{SAID}",
    "capitals": f"<THINK>{TRACE}</THINK>{SAID}",
    "no opening tag": f"{TRACE}\n</think>\n{SAID}",
    "brackets": f"[THINK]{TRACE}[/THINK]{SAID}",
    "reasoning and answer": f"<reasoning>{TRACE}</reasoning>\n<answer>\n{SAID}\n</answer>",
    "begin of thought": f"<|begin_of_thought|>{TRACE}<|end_of_thought|>"
    f"<|begin_of_solution|>{SAID}<|end_of_solution|>",
    "channels": f"<|channel|>analysis<|message|>{TRACE}<|end|><|start|>assistant"
    f"<|channel|>final<|message|>{SAID}<|return|>",
    "channel begun by the prompt": f"{TRACE}<|end|><|start|>assistant"
    f"<|channel|>final<|message|>{SAID}",
    "channels without special tokens": f"analysis{TRACE}assistantfinal{SAID}",
}


class NothingRuns:
    def run(self, programs):
        raise AssertionError(programs)

    solve = run


class Gives:
    """An executor that gives the sum of the numbers in what it was asked to work out."""

    def run(self, programs):
        sums = [sum(map(int, re.findall(r"\d+", program))) for program in programs]
        return [ProgramResult(status="ok", answer=number) for number in sums]

    solve = run


@pytest.mark.parametrize("form", FORMS)
def test_both_parts_are_found(form):
    written = split_thinking(FORMS[form])
    assert (written.thinking, written.answer, written.finished) == (TRACE, SAID, True)


@pytest.mark.parametrize("form", FORMS)
def test_the_answer_is_read_from_behind_the_thinking(form):
    [read] = read_answers([(COT, FORMS[form], NUMBER)], NothingRuns())
    assert (read.answer, read.status, read.text) == ("7", "ok", "4 + 3 = 7.")
    assert read.thinking == TRACE


def test_a_program_and_equations_are_those_behind_the_thinking():
    draft = "<think>\nans = 9\n```python\nans = 8\n```\n</think>\n"
    text = f"{draft}ans = 4 + 3"
    reads = read_answers([(POT, text, NUMBER), (EOT, text, NUMBER)], Gives())
    assert [read.answer for read in reads] == [7, 7]


@pytest.mark.parametrize(
    "text",
    [
        "<think>\nThe answer is 9.\n",
        "[THINK]The answer is 9.",
        "<|channel|>analysis<|message|>The answer is 9.",
        "<|channel|>analysis<|message|>The answer is 9.<|end|><|start|>assistant",
        "analysisThe answer is 9.",
        "<think>a</think>The answer is 9.<think>The answer is 8.",
    ],
)
@pytest.mark.parametrize("thought", [COT, POT, EOT])
def test_unfinished_thinking_is_no_answer(text, thought):
    [read] = read_answers([(thought, text, NUMBER)], NothingRuns())
    assert (read.answer, read.status, read.text) == (None, "unfinished_thinking", "")
    assert read.thinking


def test_thinking_without_an_answer_behind_it_is_no_answer():
    [read] = read_answers([(COT, "<think>The answer is 9.</think>\n", NUMBER)], NothingRuns())
    assert (read.answer, read.status) == (None, "no_answer")


def test_an_answer_before_the_thinking_is_not_lost():
    text = "The answer is 7. <think>I could check: 9?</think>"
    [read] = read_answers([(COT, text, NUMBER)], NothingRuns())
    assert read.answer == "7"


@pytest.mark.parametrize("text", ["", "analysis of 3 bags", "The answer is 7.", "x < think > y"])
def test_a_text_without_marks_is_all_answer(text):
    written = split_thinking(text)
    assert (written.thinking, written.answer, written.finished) == ("", text, True)


@pytest.mark.parametrize("form", FORMS)
def test_decoding_stops_behind_the_thinking_only(form):
    opened = form in ("no opening tag", "channel begun by the prompt")
    rule = AfterThinking(STOP, "<think>\n" if form == "no opening tag" else "")
    if form == "channel begun by the prompt":
        rule = AfterThinking(STOP, "<|channel|>analysis<|message|>")
    text = FORMS[form].removesuffix("<|return|>") + "\nQuestion: and now?"
    stopped = [end for end in range(len(text)) if rule(text[:end]) is not None]
    assert stopped
    whole = rule(text[: stopped[0]])
    assert text.startswith(whole)
    assert SAID in whole
    assert opened or split_thinking(whole).thinking == TRACE


def test_decoding_of_plain_texts_stops_as_the_thought_says():
    assert AfterThinking(STOP)("The answer is 7.\n\nQuestion: And?") == "The answer is 7."
    assert AfterThinking(STOP)("The answer is 7.") is None


@pytest.mark.parametrize(
    ("prompt", "opening"),
    [
        ("<|assistant|><think>\n", "<think>\n"),
        ("<|im_start|>assistant\n", ""),
        ("<|im_start|>assistant\n<think>\n\n</think>\n\n", ""),
        ("assistant<|channel|>analysis<|message|>", "<|channel|>analysis<|message|>"),
    ],
)
def test_the_opening_tag_of_a_prompt(prompt, opening):
    assert opening_at_end(prompt) == opening


PIECES = st.lists(
    st.sampled_from(
        [
            *("<think>", "</think>", "[THINK]", "[/THINK]", "a", "\n", "<answer>"),
            *("<|channel|>final<|message|>", "<|channel|>analysis<|message|>", "<|end|>"),
            *("analysis", "assistantfinal"),
        ]
    ),
    max_size=12,
).map("".join)


@given(PIECES, st.text("ab \n"))
def test_what_came_apart_is_joined_and_split_again(thinking, text):
    """Whatever tags the thinking speaks of: it cannot end before the answer."""
    written = split_thinking(join_thinking(thinking, text))
    if thinking.strip():
        assert written.answer == text.strip("\n").rstrip()
        assert written.finished == bool(text.strip())


STOP = COT.complete


@given(PIECES)
def test_any_text_is_split(text):
    written = split_thinking(text)
    assert written.finished or not written.answer
    assert 0 <= written.start <= len(text)


ROW = {"problem_id": "p", "thought": "cot", "sample": 0, "model": "m"}
PROBLEM = Problem(id="p", dataset="d", split="train", question="4 and 3?", answer=7)
# Of a past turn this one keeps nothing of the thinking, as Qwen3's and DeepSeek's do.
DROPS = (
    "{% for m in messages %}{{ m['role'] + ': ' }}"
    "{% if m['role'] == 'assistant' and not loop.last %}{{ m['content'].split('</think>')[-1] }}"
    "{% else %}{{ m['content'] }}{% endif %}{{ '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)
OPENS = CHAT_TEMPLATE.replace("'assistant: ' }}", "'assistant: <think>\n' }}")
CLOSES = CHAT_TEMPLATE.replace("'assistant: ' }}", "'assistant: <think>\n\n</think>\n\n' }}")


def renderer(template=CHAT_TEMPLATE):
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = template
    return Renderer(tokenizer, "causal", "chat")


def verified(use, **fields):
    path = Path(**(ROW | {"text": SAID, "thinking": TRACE} | fields))
    return verify_paths([path], {"p": PROBLEM}, {"cot": COT, "pot": POT}, Gives(), "gold", use)


def example(use, template=CHAT_TEMPLATE, **fields):
    [path], _ = verified(use, **fields)
    lessons = list(PathLessons().make(PROBLEM, [path], {"cot": COT}, Gives()))
    [made], unused = make_examples(lessons, renderer(template), 4000)
    assert unused == []
    return made


@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize(
    ("use", "target"),
    [
        ("drop", "4 + 3 = 7.\nThe answer is 7."),
        ("keep", f"<think>\n{TRACE}\n</think>\n\n4 + 3 = 7.\nThe answer is 7."),
        ("only", "Is the answer 9?\nThe answer is 7."),
    ],
)
def test_what_becomes_of_thinking(use, target, apart):
    fields = {} if apart else {"text": FORMS["brackets"], "thinking": ""}
    assert example(use, **fields).target == target


@pytest.mark.parametrize(("use", "opened"), [("drop", ""), ("keep", f"{TRACE}")])
def test_thinking_that_the_prompt_opens_is_closed(use, opened):
    made = example(use, OPENS)
    assert made.target == f"{opened}\n</think>\n\n4 + 3 = 7.\nThe answer is 7."


def test_a_student_with_tags_of_its_own_learns_those():
    made = example("keep", CHAT_TEMPLATE + "{# [THINK] #}")
    assert made.target.startswith(f"[THINK]{TRACE}[/THINK]4 + 3")


def test_two_paths_that_differ_in_their_thinking_alone_are_two_if_it_is_kept():
    paths = [Path(**ROW | {"text": SAID, "thinking": t, "sample": i}) for i, t in enumerate("ab")]
    for use, number in (("drop", 1), ("keep", 2)):
        kept, _ = verify_paths(paths, {"p": PROBLEM}, {"cot": COT}, Gives(), "gold", use)
        assert len(kept) == number


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"text": "", "finish_reason": "length"}, "unfinished_thinking"),
        ({"text": "<think>hm", "thinking": "", "finish_reason": "length"}, "unfinished_thinking"),
        ({"text": "", "thinking": "", "finish_reason": "refusal"}, "refused"),
        ({"text": "", "thinking": "", "finish_reason": "content_filter"}, "refused"),
        ({"text": "x", "thinking": "", "finish_reason": "length"}, "truncated"),
    ],
)
def test_why_a_path_has_no_answer(fields, reason):
    _, [rejected] = verified("drop", **fields)
    assert rejected.reason == reason


def test_of_a_program_the_thinking_is_run_and_not_what_stands_behind_it():
    _, [rejected] = verified("only", thought="pot", text="ans = 7", thinking="ans = 9")
    assert (rejected.reason, rejected.detail) == ("wrong_answer", "9 is not 7")


@pytest.mark.parametrize(
    ("use", "template", "fault"),
    [
        ("keep", CHAT_TEMPLATE, ""),
        ("keep", OPENS, ""),
        ("drop", DROPS, ""),
        ("keep", DROPS, "leaves 'Is the answer 9?"),
        ("keep", CLOSES, "the prompt has closed its thinking"),
    ],
)
def test_a_template_that_drops_thinking_is_named(use, template, fault):
    [path], _ = verified(use)
    [lesson] = PathLessons().make(PROBLEM, [path], {"cot": COT}, Gives())
    made = Made(
        example=example(use, template),
        lesson=lesson,
        place=0,
        thought=COT,
        renderer=renderer(template),
    )
    found = faults(made)
    assert fault in found.pop("thinking_is_kept", "")
    assert found == {}


@pytest.mark.skipif(not DATA, reason="MDEXP_DATA names no folder with the real data")
def test_recorded_texts_with_thinking_lead_to_gold():
    thoughts = {"cot": COT, "pot": POT, "eot": EOT}
    lines = (FilePath(DATA) / "readings.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row["kind"].startswith("<think>")]
    with Sandbox(timeout_s=5, memory_mib=256, output_kib=4, workers=1) as sandbox:
        reads = read_answers(
            [(thoughts[r["thought"]], r["completion"], NUMBER) for r in rows], sandbox
        )
    assert len(rows) >= 5
    for row, read in zip(rows, reads, strict=True):
        assert correct(read.answer, row["gold"]), row["id"]
        assert read.thinking
