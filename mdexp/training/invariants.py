"""Checks invariants of every training sequence, for any tokenizer and chat template.

The checks use the tokenizer itself, not the functions that made the sequences.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import compress

from mdexp.ports import Thought
from mdexp.records import Example, Lesson, Segment, Segments, turns_of
from mdexp.students.prompts import Renderer
from mdexp.training.micro_batch import MicroBatch
from mdexp.transcripts.prompting import chat
from mdexp.transcripts.thinking import opening_at_end, split_thinking

SAME_WEIGHT = 1e-6  # weights of a step sum to 1, within float32 rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An example and what it was made from; `place` is its index among the examples of its
    lesson."""

    example: Example
    lesson: Lesson
    place: int
    thought: Thought
    renderer: Renderer

    @property
    def start(self) -> int:
        """The index of the segment with which the target begins."""
        texts = [n for n, s in enumerate(self.lesson.segments) if s.author == "writer"]
        if self.renderer.kind == "causal":
            return texts[0]
        return [n for n in texts if self.lesson.segments[n].scored][self.place]

    @property
    def given(self) -> Segments:
        """The segments of the prompt."""
        return self.lesson.segments[: self.start]

    @property
    def said(self) -> Segments:
        """The segments of the target."""
        end = len(self.lesson.segments) if self.renderer.kind == "causal" else self.start + 1
        return self.lesson.segments[self.start : end]

    @property
    def scored_texts(self) -> list[Segment]:
        return [segment for segment in self.said if segment.scored]

    @property
    def prompt(self) -> str:
        """The prompt as decoding renders it for a trained student: with the thought's first cue or,
        in a lesson that asks for something else, all segments before the target."""
        question = self.given[0].text
        if turns_of(self.given) == [("user", f"{question}\n{self.thought.cue}")]:
            return self.renderer.prompt(question, self.thought)
        return self.renderer.opening(self.given)


def faults(made: Made) -> dict[str, str]:
    """The broken invariants of a sequence, by name, and what is seen instead."""
    found = {name: check(made) for name, check in INVARIANTS.items()}
    return {name: fault for name, fault in found.items() if fault}


def generation_prompt(made: Made) -> str:
    """The prompt in training equals the prompt in decoding."""
    decoded, trained = made.renderer.prompt_ids(made.prompt), made.example.prompt_ids
    if decoded == trained:
        return ""
    return f"training reads {_end(trained)}, decoding gives {_end(decoded)}"


def prefix(made: Made) -> str:
    """A causal prompt's tokens are the first tokens of prompt and target tokenised together."""
    if made.renderer.kind == "seq2seq":
        return ""
    tokenizer, example = made.renderer.tokenizer, made.example
    text = made.prompt + made.renderer.code_text.encode(example.target)
    if len(made.said) > 1:
        rendered = made.renderer.rendered(made.prompt, made.said)
        text = rendered.text if rendered.says == example.target else text
    whole = tokenizer(text, add_special_tokens=made.renderer.style != "chat")["input_ids"]
    apart = example.prompt_ids + example.target_ids
    if whole == apart or [*whole, tokenizer.eos_token_id] == apart:
        return ""
    return f"together they are {_end(whole)}, apart {_end(apart)}"


def one_bos(made: Made) -> str:
    """The sequence begins with the tokenizer's begin-of-text token (if any), exactly once."""
    tokenizer, read = made.renderer.tokenizer, made.example.prompt_ids
    begins = tokenizer("a")["input_ids"][0] == tokenizer.bos_token_id is not None
    if begins and read[0] != tokenizer.bos_token_id:
        return f"the tokenizer begins a text with {tokenizer.bos_token}, this begins with {read[0]}"
    if tokenizer.bos_token_id is not None and read[:2] == [tokenizer.bos_token_id] * 2:
        return f"it begins with {tokenizer.bos_token} twice"
    return ""


def end_is_scored(made: Made) -> str:
    """The last token of the target is the end of sequence. Every scored turn ends with it, and no
    other scored token is one."""
    end, target = made.renderer.tokenizer.eos_token_id, made.example.target_ids
    ends = scored_ids(made.example).count(end)
    said = [segment for segment in made.said if segment.author != "executor"]
    turns = sum(
        segment.scored and (behind is None or behind.turn is not None)
        for segment, behind in zip(said, [*said[1:], None], strict=True)
    )
    if target[-1:] == [end] and made.example.scored()[-1:] == [True] and ends == turns:
        return ""
    return (
        f"end of sequence is token {end}, which ends {turns} scored turns and is {ends} of the "
        f"scored tokens; the target ends with {_end(target)}"
    )


def only_its_texts_are_scored(made: Made) -> str:
    """The scored tokens are exactly the texts that the student is to write."""
    read = made.renderer.text(scored_ids(made.example))
    left = read
    for segment in made.scored_texts:
        before, found, left = left.partition(segment.text.strip())
        if not found or (before.strip() and not segment.thinking):
            return f"scored is {read!r}"
    return "" if not left.strip() else f"scored is {read!r}"


def round_trip(made: Made) -> str:
    """The target's tokens decode to the target's text."""
    read_back = made.renderer.text(made.example.target_ids)
    return "" if read_back == made.example.target else f"it reads back as {read_back!r}"


def thinking_is_kept(made: Made) -> str:
    """The prompt leaves room for the target's thinking, and the chat template keeps thinking in
    past turns, which many templates drop or empty."""
    begun = opening_at_end(made.prompt)
    thinking = split_thinking(begun + made.example.target).thinking
    if made.renderer.style != "chat" or not thinking:
        return ""
    closed = split_thinking(made.prompt).start
    if not begun and closed and not made.prompt[closed:].strip():
        return f"the prompt has closed its thinking: {made.prompt[-40:]!r}"
    asked = chat(made.given)[-1]
    answered = {"role": "assistant", "content": begun + made.example.target}
    rendered = made.renderer.tokenizer.apply_chat_template(
        [asked, answered, asked], tokenize=False, add_generation_prompt=True
    )
    if thinking in str(rendered) or len(made.said) > 1:  # past turns are not rendered again
        return ""
    return f"the chat template leaves {thinking[:40]!r} out of a past turn: train on single turns"


INVARIANTS: dict[str, Callable[[Made], str]] = {
    check.__name__: check
    for check in (
        generation_prompt,
        prefix,
        one_bos,
        end_is_scored,
        only_its_texts_are_scored,
        round_trip,
        thinking_is_kept,
    )
}


def scored_ids(example: Example) -> list[int]:
    """The tokens of a target that training scores."""
    return list(compress(example.target_ids, example.scored()))


def batch_faults(
    step: Sequence[Example], weights: Sequence[float], batches: Sequence[MicroBatch]
) -> dict[str, str]:
    """The micro-batches of a step score each scored target token once and no token of prompts or
    padding, and their weights sum to that of the objective's token `weights`. Thoughts of share 0
    are not in `step`."""
    scored = Counter[int]()
    total = 0.0
    for batch in batches:
        scored.update(batch.labels[batch.weights > 0].tolist())
        total += float(batch.weights.sum())
    targets = Counter(token for example in step for token in scored_ids(example))
    found = {}
    if extra := scored - targets:
        found["only_targets_are_scored"] = f"{extra.total()} tokens are scored beside the targets"
    if missing := targets - scored:
        found["every_target_is_scored"] = f"{missing.total()} tokens of targets are not scored"
    whole = sum(w * example.num_scored for w, example in zip(weights, step, strict=True))
    if abs(total - whole) > SAME_WEIGHT * whole:
        found["weights_are_the_objective's"] = f"they sum to {total}, not {whole}"
    return found


def _end(ids: Sequence[int]) -> str:
    return f"... {list(ids[-6:])} ({len(ids)} tokens)"
