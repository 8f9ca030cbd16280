"""Divergent Chain-of-Thought (DCoT, arXiv 2407.03181): several right chains, then one answer.

The cue says how many chains the student is to write, and one text holds them all
(lessons/distinct_chains.py packs them). The words of the cue and of the headings are ours: the
paper's prompt ends in lines such as `[Number of answers] 2` and `[Answer 1]`.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mdexp.answers import plain
from mdexp.ports import Done, Seen, Step, Thought, Write
from mdexp.records import Answer, Segment, Transcript
from mdexp.thoughts.nested import InnerThought
from mdexp.thoughts.single_write import shown


class DivergentChains(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    max_writes: ClassVar[int] = 1
    votes: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = ()
    is_oracle: ClassVar[bool] = False
    shows_results: ClassVar[bool] = False
    unit: ClassVar[Literal["line", "sentence"]] = "sentence"

    instruction: str
    cue_form: str  # holds {k}, the number of chains
    k: int = Field(ge=1)  # chains that the student is asked for when it answers
    # Tried on validation problems instead of `k`; of equal ones the first is taken.
    k_options: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        default=(), exclude_if=lambda options: not options
    )
    inner: InnerThought  # one chain
    inner_name: str = Field(min_length=1)

    @field_validator("cue_form")
    @classmethod
    def _holds_k(cls, form: str) -> str:
        if form.count("{k}") != 1 or form.replace("{k}", "").count("{"):
            raise ValueError(f"got {form!r}, expected a text that holds {{k}} once and no other {{")
        return form

    @property
    def cue(self) -> str:
        return self._cue_for(self.k)

    @property
    def made_from(self) -> Mapping[str, Thought]:
        return {self.inner_name: self.inner}

    def variants(self) -> Mapping[str, Any]:
        """This thought with each of `k_options` as its number of chains."""
        return {str(k): self.model_copy(update={"k": k, "k_options": ()}) for k in self.k_options}

    def next(self, transcript: Transcript, seen: Seen) -> Step:
        step = self.inner.next(transcript, seen)
        return Write(cue=self.cue, stop=step.stop) if isinstance(step, Write) else step

    def exemplar(self, row: Mapping[str, Any]) -> tuple[Segment, ...]:
        return ()  # an exemplar has one chain

    def lesson(self, transcript: Transcript, done: Done) -> tuple[Segment, ...]:
        assert done.answer is not None, "a verified path has an answer"
        return self.packed(transcript.segments[0].text, [done.text], done.answer)

    def packed(self, question: str, chains: Sequence[str], answer: Answer) -> tuple[Segment, ...]:
        """The lesson that holds these chains in order, none of which states its answer."""
        numbered = [f"Solution {n}:\n{chain}" for n, chain in enumerate(chains, start=1)]
        text = "\n\n".join([*numbered, f"The answer is {plain(answer)}."])
        return shown(question, self._cue_for(len(chains)), text)

    def _cue_for(self, k: int) -> str:
        return self.cue_form.replace("{k}", str(k))
