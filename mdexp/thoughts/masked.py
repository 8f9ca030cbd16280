"""Dual instruction tuning (arXiv 2403.18295): lessons that fill in what was masked.

Of a verified chain, some steps are masked, and the student writes them (`steps`); or numbers of the
question are masked, and the student finds them in the chain (`question`). These thoughts are only
trained on; students are not asked for them. The paper's ratios could not be read; how much is
masked is ours, and so is hiding the gold answer in the chain that is shown, which the paper does
not say.

With `target: solution` the student writes the whole solution behind the same masked input. That is
the control: masking without the task of filling in.
"""

import random
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from mdexp.answers import NUMBER_IN_TEXT, canonical
from mdexp.ports import Done, Seen, Step, Thought
from mdexp.records import Answer, Segment, Transcript
from mdexp.thoughts.nested import InnerThought
from mdexp.thoughts.prose_steps import steps_of
from mdexp.thoughts.single_write import shown

HIDDEN = "?"  # stands for the gold answer
_LONG_WORD = re.compile(r"\b[^\W\d_]{4,}\b")


class Masked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    max_writes: ClassVar[int] = 0
    votes: ClassVar[bool] = False
    reads: ClassVar[tuple[str, ...]] = ()
    is_oracle: ClassVar[bool] = False
    shows_results: ClassVar[bool] = False
    unit: ClassVar[Literal["line", "sentence"]] = "sentence"

    instruction: str
    cue: str
    masks: Literal["steps", "question"]
    target: Literal["masked", "solution"]
    mask: str = Field(min_length=1)
    max_share: float = Field(gt=0, le=1)  # the most that is masked of what could be
    seed: int = Field(ge=0)
    inner: InnerThought  # the chain
    inner_name: str = Field(min_length=1)

    @property
    def made_from(self) -> Mapping[str, Thought]:
        return {self.inner_name: self.inner}

    def next(self, transcript: Transcript, seen: Seen) -> Step:
        texts = transcript.by("writer")
        return Done(text=texts[-1].text if texts else "", answer=None, status="no_answer")

    def exemplar(self, row: Mapping[str, Any]) -> tuple[Segment, ...]:
        return ()

    def lesson(self, transcript: Transcript, done: Done) -> tuple[Segment, ...]:
        """The lesson for a verified chain; empty if there is nothing to mask."""
        question, chain = transcript.segments[0].text, done.text
        key = f"{self.seed}/{transcript.problem_id}/{transcript.sample}"
        chance = random.Random(key)
        if self.masks == "steps":
            chain, missing = self._without_steps(chain, chance)
        else:
            question, missing = self._without_phrases(question, chance)
        if not missing or not done.text.strip():
            return ()
        whole = self.inner.lesson(transcript, done)[-1].text
        target = "\n".join(missing) if self.target == "masked" else whole
        given, cue, text = shown(question, self.cue, target)
        return given, replace(cue, text=f"{cue.text}\n{_hidden(chain, done.answer)}"), text

    def _without_steps(self, chain: str, chance: random.Random) -> tuple[str, list[str]]:
        steps = steps_of(chain)
        gone = self._chosen(len(steps), chance)
        shown = [_in_place(s, self.mask) if n in gone else s for n, s in enumerate(steps)]
        return "".join(shown), [steps[n].strip() for n in gone]

    def _without_phrases(self, question: str, chance: random.Random) -> tuple[str, list[str]]:
        """Numbers of a question are masked, long words where it has no number."""
        found = list(NUMBER_IN_TEXT.finditer(question)) or list(_LONG_WORD.finditer(question))
        gone = self._chosen(len(found), chance)
        shown = question
        for n in reversed(gone):
            shown = shown[: found[n].start()] + self.mask + shown[found[n].end() :]
        return shown, [found[n][0] for n in gone]

    def _chosen(self, size: int, chance: random.Random) -> list[int]:
        most = max(1, round(size * self.max_share))
        return sorted(chance.sample(range(size), chance.randint(1, most))) if size else []


def _in_place(step: str, mask: str) -> str:
    """The mask with the white space of the step that it stands for."""
    return step.replace(step.strip(), mask)


def _hidden(chain: str, gold: Answer | None) -> str:
    """The chain with the gold answer hidden wherever it stands as a number."""
    key = canonical(gold)
    return NUMBER_IN_TEXT.sub(lambda n: HIDDEN if canonical(n[0]) == key else n[0], chain)
