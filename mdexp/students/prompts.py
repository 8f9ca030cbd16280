"""Renders transcripts as tokens and back, in the same way for training and decoding.

A causal student continues its prompt; a seq2seq student reads it as encoder input. The prompt is
the question, the thought's cue, and for few-shot prompting the exemplars as earlier turns. Earlier
turns of a transcript are never rendered again, since chat templates strip or drop them: what a
template puts between two turns is found once, around a sentinel, and stands between their tokens.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

from mdexp.ports import Message, Thought
from mdexp.records import Segment
from mdexp.students.code_text import CodeText
from mdexp.students.load import Kind
from mdexp.transcripts.prompting import chat, turns
from mdexp.transcripts.thinking import behind_thinking, opening_at_end, own_tags

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SENTINEL = "SENTINEL0TURN"
Text = tuple[str, bool]  # what is tokenised, and whether with the tokenizer's special tokens


class NotAPrefix(ValueError):
    """The tokens of a text are not the first tokens of that text and what follows it."""


class TurnsAltered(ValueError):
    """A chat template does not render a student's earlier turn as it was written."""


@dataclass(slots=True)
class Rendered:
    """The tokens of a transcript; `scored` marks those that the student is trained to write.

    `text` is what was tokenised; `says` is what the tokens behind the prompt say, without the ends
    of sequence.
    """

    text: str
    ids: list[int]
    scored: list[bool]
    says: str = ""
    splits: bool = False
    num_split: int = 0

    def add(self, text: str, ids: Sequence[int], *, says: str, scored: bool) -> None:
        self.text += text
        self.says += says
        self.ids += ids
        self.scored += [scored] * len(ids)


class Piece(NamedTuple):
    """A text behind a prompt: as it is tokenised, and what it says. `token` is its one token, where
    that is known."""

    text: str
    says: str
    scored: bool
    token: int | None = None


class Renderer:
    """Renders prompts and targets with one student's tokenizer."""

    def __init__(
        self, tokenizer: "PreTrainedTokenizerBase", kind: Kind, style: Literal["chat", "plain"]
    ) -> None:
        if style == "chat" and not tokenizer.chat_template:
            raise ValueError("student.prompt=chat: this tokenizer has no chat template; use plain")
        self.tokenizer, self.kind, self.style = tokenizer, kind, style
        self.code_text = CodeText(tokenizer)
        self.known: dict[Text, list[int]] = {}  # tokens of texts that were read ahead

    def prompt(
        self, question: str, thought: Thought, exemplars: Sequence[Mapping[str, Any]] = ()
    ) -> str:
        """The prompt as text, up to where the answer begins."""
        return self._prompt(turns(question, thought, exemplars))

    def opening(self, segments: Sequence[Segment]) -> str:
        """The prompt as text, up to where the writer is to answer the segments."""
        return self._prompt(chat(segments))

    def prompt_ids(self, prompt: str) -> list[int]:
        return self._ids(prompt) if self.kind == "seq2seq" else self._unterminated(prompt)

    def reading_ahead(self, sequences: Sequence[tuple[str, Sequence[Segment]]]) -> Self:
        """A renderer that has tokenised each prompt, and what is said behind it, in one batch: a
        fast tokenizer takes many texts in less time than one by one."""
        texts: dict[Text, None] = {}
        for prompt, segments in sequences:
            texts |= dict.fromkeys(self._tokenised(prompt, self._pieces(prompt, segments)))
        ahead = copy(self)
        ahead.known = {}
        for specials in (False, True):
            batch = [text for text, with_specials in texts if with_specials == specials]
            for text, ids in zip(batch, self._batch_ids(batch, specials), strict=True):
                ahead.known[text, specials] = ids
        return ahead

    def rendered(
        self, prompt: str, segments: Sequence[Segment], *, ends: bool = True, splits: bool = False
    ) -> Rendered:
        """A prompt and what follows it, which begins with a text of the writer.

        `ends`: the last text ends the sequence. A seq2seq student reads the prompt by itself, and
        is given one text. Where two texts share a token, that is split and counted (`splits`), or
        NotAPrefix is raised. TurnsAltered.
        """
        ids = self.prompt_ids(prompt)
        whole = Rendered(text=prompt, ids=[*ids], scored=[False] * len(ids), splits=splits)
        for piece in self._pieces(prompt, segments, ends=ends):
            ids = [piece.token] if piece.token is not None else self._ids_behind(whole, piece.text)
            whole.add(piece.text, ids, says=piece.says, scored=piece.scored)
        return whole

    def _pieces(
        self, prompt: str, segments: Sequence[Segment], *, ends: bool = True
    ) -> list[Piece]:
        """What follows a prompt, text by text; TurnsAltered."""
        pieces: list[Piece] = []
        before = prompt
        said = [segment for segment in segments if segment.author != "executor"]
        for segment, following in zip(said, [*said[1:], None], strict=True):
            if segment.author == "cue" and segment.turn:
                pieces.append(self._glue(segment.text))
            else:
                says = self._written_out(before, segment)
                text = self.code_text.encode(says)
                pieces.append(Piece(text, says, scored=segment.scored))
            before += pieces[-1].text
            if segment.author == "writer" and (following.turn if following else ends):
                end, token = str(self.tokenizer.eos_token), self.tokenizer.eos_token_id
                pieces.append(Piece(end, "", scored=segment.scored, token=token))
                before += end
        return pieces

    def _tokenised(self, prompt: str, pieces: Sequence[Piece]) -> Iterator[Text]:
        """What `rendered` has tokenised, where no token spans two texts."""
        specials = self.style != "chat"
        yield prompt, specials
        before = prompt
        for piece in pieces:
            if piece.token is None:
                seq2seq = self.kind == "seq2seq"
                yield (piece.text, False) if seq2seq else (before + piece.text, specials)
            before += piece.text

    @cached_property
    def _thinking_tags(self) -> tuple[str, str]:
        added = " ".join(self.tokenizer.get_added_vocab())
        return own_tags(f"{self.tokenizer.chat_template} {added}")

    def _written_out(self, before: str, segment: Segment) -> str:
        """A text as it stands behind what was before: with its thinking in the student's tags."""
        opening = opening_at_end(before)
        if opening and segment.text.startswith(opening):
            return segment.text.removeprefix(opening)
        if segment.author == "writer" and segment.turn == "assistant":
            return behind_thinking(segment.text, segment.thinking, self._thinking_tags, before)
        return segment.text

    def num_tokens(self, text: str) -> int:
        """How many tokens a text of the writer has by itself, without its end."""
        return len(self._ids(self.code_text.encode(text), specials=False))

    def text(self, ids: Sequence[int]) -> str:
        """The text of generated tokens, without end of sequence and padding."""
        specials = {self.tokenizer.eos_token_id, self.tokenizer.pad_token_id}
        kept = [token for token in ids if token not in specials]
        text = self.tokenizer.decode(kept, clean_up_tokenization_spaces=False)
        return self.code_text.decode(str(text))

    def _prompt(self, messages: Sequence[Message]) -> str:
        if self.style == "chat":
            prompt = self.tokenizer.apply_chat_template(
                list(messages), tokenize=False, add_generation_prompt=True
            )
            return str(prompt)
        return "\n\n".join(_plain_turn(message) for message in messages) + "\n\nAnswer:\n"

    def _ids_behind(self, before: Rendered, text: str) -> list[int]:
        if self.kind == "seq2seq":
            return self._ids(text, specials=False)
        together = self._unterminated(before.text + text)
        if together[: len(before.ids)] != before.ids:
            if before.splits:
                before.num_split += 1
                return self._ids(text, specials=False)
            raise NotAPrefix(f"{before.text[-20:]!r} + {text[:20]!r}")
        return together[len(before.ids) :]

    def _glue(self, cue: str) -> Piece:
        """What lies between the end of the student's turn and its next: the user's turn."""
        glue = self.between_turns(cue)
        return Piece(glue, glue.replace(str(self.tokenizer.eos_token), ""), scored=False)

    def between_turns(self, cue: str) -> str:
        """The user's turn with a cue, between two texts of the writer; TurnsAltered."""
        if self.style == "plain":
            return f"\n\n{_plain_turn({'role': 'user', 'content': cue})}\n\nAnswer:\n"
        before, found, behind = self._prompt(
            [
                {"role": "user", "content": "Question"},
                {"role": "assistant", "content": SENTINEL},
                {"role": "user", "content": cue},
            ]
        ).partition(SENTINEL)
        if not before or not found:
            raise TurnsAltered(
                "the chat template of this student drops or alters earlier turns of the assistant, "
                "which a thought of several turns needs; use student.prompt=plain"
            )
        return behind.removeprefix(str(self.tokenizer.eos_token))

    def _unterminated(self, text: str) -> list[int]:
        """Tokens of a text that goes on: without the end that a tokenizer puts of its own."""
        ids = self._ids(text)
        return ids[:-1] if ids and ids[-1] == self.tokenizer.eos_token_id else ids

    def _ids(self, text: str, specials: bool | None = None) -> list[int]:
        # A chat template writes its own special tokens; a second BOS would change what is read.
        specials = self.style != "chat" if specials is None else specials
        if (found := self.known.get((text, specials))) is not None:
            return found
        [ids] = self._batch_ids([text], specials)
        return ids

    def _batch_ids(self, texts: Sequence[str], specials: bool) -> list[list[int]]:
        if not texts:
            return []
        read = self.tokenizer(
            list(texts),
            add_special_tokens=specials,
            return_attention_mask=False,
            return_token_type_ids=False,
        )
        return read["input_ids"]


def _plain_turn(message: Message) -> str:
    lead = "Question" if message["role"] == "user" else "Answer"
    return f"{lead}:\n{message['content']}"
