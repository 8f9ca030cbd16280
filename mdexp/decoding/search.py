"""Monte-Carlo tree search as a decoder: the whole texts that it finds take part in the vote."""

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from mdexp.config.blocks import Block, Count, DecodingSettings
from mdexp.decoding.choosing import variants_of
from mdexp.decoding.straight import StraightDecoding
from mdexp.grading.score import grade
from mdexp.grading.vote_rules.scorer import NestedScorer
from mdexp.ports import Done, Executor, Scorer, Thought
from mdexp.records import Generation, Output, Problem, TranscriptKey, by_id

if TYPE_CHECKING:
    from mdexp.decoding.student_writer import StudentWriter

log = logging.getLogger(__name__)

Counts = dict[str, Any]


class SearchSettings(Block):
    """How a tree grows (decoding/tree_growth.py). `budget` limits the tokens of each problem and
    thought, including the prompt, dropped tokens and what a scorer reads."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    budget: Count
    branches: Count  # draws at a step
    step_tokens: Count  # of one draw; a longer step continues in the next
    exploration: float = Field(ge=0)  # PUCT's constant: the higher, the less the values decide
    # Gives values. run: the run's scorer; None: the likelihood of the tokens.
    scorer: Literal["run"] | NestedScorer | None

    @field_validator("scorer")
    @classmethod
    def _is_a_scorer(cls, scorer: object) -> object:
        if scorer in (None, "run") or isinstance(scorer, Scorer):
            return scorer
        raise ValueError(f"may be null, run, or a scorer named by _target_, got {scorer!r}")


class TreeSearch(DecodingSettings):
    """Sample 0 is the whole text of the highest value. The `num_paths` best whole texts are the
    samples that vote; a text that was drawn twice is two of them."""

    search: SearchSettings

    @model_validator(mode="after")
    def _search_is_possible(self) -> Self:
        if self.engine != "local":
            raise ValueError("search needs engine=local: a server does not stop at steps")
        if self.search.budget <= self.max_new_tokens:
            raise ValueError(
                f"search.budget={self.search.budget} has to hold a prompt, a whole text of up to "
                f"max_new_tokens={self.max_new_tokens} tokens, and steps beside it"
            )
        if self.taught_scorer() and not self.num_validation:
            raise ValueError(
                "search.scorer learns from validation problems, and num_validation=0 answers none; "
                "it must be at least 1"
            )
        return self

    def why_not(self, thoughts: Mapping[str, Thought], kind: str) -> str | None:
        if kind != "causal":
            return f"search continues a text, which a {kind} student cannot"
        for name, thought in thoughts.items():
            cannot = f"has up to {thought.max_writes}" if thought.max_writes > 1 else ""
            if thought.reads:
                cannot = f"reads {', '.join(thought.reads)}"
            if self.taught_scorer() and len(variants_of(thought)) > 1:
                cannot = "is asked in several ways, which search.scorer cannot tell apart"
            if cannot:
                return (
                    f"search grows one text by itself; thought={name} {cannot}; leave it out or "
                    "choose decoding=default"
                )
        return None

    @property
    def asks_scorer(self) -> bool:
        return self.search.scorer == "run"

    def taught_scorer(self) -> Scorer | None:
        """The scorer that learns from validation paths, if there is one."""
        scorer = self.search.scorer
        return None if isinstance(scorer, str) else scorer

    def untrained(self) -> StraightDecoding:
        return StraightDecoding(**self.model_dump(exclude={"search"}))

    def with_choice(self, counts: Mapping[str, Any]) -> "TreeSearch":
        return self

    def solve(
        self,
        problems: Sequence[Problem],
        thoughts: Mapping[str, Thought],
        writer: "StudentWriter",
        executor: Executor,
        found: Mapping[TranscriptKey, Done],
    ) -> tuple[list[Output], Counts]:
        """The outputs, and counts of the searches by thought. ValueError if a scorer has to learn
        and there are no validation problems."""
        from mdexp.decoding.search_outputs import Searches, tally
        from mdexp.decoding.sharing import write_all

        outputs: list[Output] = []
        counts: Counts = {}
        for name, thought in thoughts.items():
            taught_by = self._paths_to_learn_from(problems, name, thought, writer, executor)
            searches = Searches(self, name, thought, problems, taught_by)
            ours = write_all(searches, writer, executor).in_order()
            outputs += ours
            counts[name] = tally(ours)
            if small := counts[name]["problems beyond the budget"]:
                log.warning(
                    "%s: decoding.search.budget=%d does not hold the prompt and a text of %d "
                    "problems, which are not answered",
                    name,
                    self.search.budget,
                    small,
                )
        return outputs, counts

    def _paths_to_learn_from(
        self,
        problems: Sequence[Problem],
        name: str,
        thought: Thought,
        writer: "StudentWriter",
        executor: Executor,
    ) -> list[Generation]:
        """Graded paths of validation problems for a scorer that has to learn, which are not
        searched for that; else none."""
        from mdexp.decoding.answering import answer

        if self.taught_scorer() is None:
            return []
        validation = [problem for problem in problems if problem.split == "validation"]
        if not validation:
            raise ValueError(
                "decoding.search.scorer learns from validation problems, and none are answered "
                "here: it can search in a run, not for single questions"
            )
        one = {name: thought}
        written = answer(writer, validation, one, decoding=self.untrained(), executor=executor)
        return grade(written, by_id(validation), one, executor, readings=writer.readings)
