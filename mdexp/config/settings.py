"""The settings of a run: the values that each key may have, and what they imply.

Only this file knows both names of λ: `lambda` for people, and `lam`, since `lambda` is a keyword of
Python.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import ConfigDict, Field, SkipValidation

from mdexp.config.blocks import (
    Block,
    Count,
    Share,
    TrainerSettings,
    VerifySettings,
)
from mdexp.ports import (
    AsksServer,
    ChoosesThought,
    Dataset,
    Decoder,
    Grader,
    LessonMaker,
    Logger,
    Objective,
    PrefixScorer,
    RoundMethod,
    StudentConfig,
    Teacher,
    Thought,
    VoteRule,
    brought_tokens,
    roles_of,
)
from mdexp.sandbox.settings import SandboxSettings

# `after` is `generate` without what the student writes before training.
StageName = Literal[
    "prepare", "extract", "verify", "examples", "train", "generate", "after", "score", "report"
]
STAGES: tuple[StageName, ...] = tuple(name for name in get_args(StageName) if name != "after")


class SettingsError(ValueError):
    """A configuration that cannot be run; one line for each fault, naming its key."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        lines = (f"{key}: {fault}" if key else fault for key, fault in faults.items())
        super().__init__("\n".join(lines))
        self.faults = dict(faults)


class Settings(Block):
    """One experiment. Keys are those of conf/config.yaml, but for `lam`."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    lam: Share | None = Field(alias="lambda")
    num_paths: Count
    seed: int = Field(ge=0, lt=2**32)  # numpy's range of seeds
    stages: Annotated[tuple[StageName, ...], Field(strict=False)]
    store: str = Field(min_length=1)
    run: str | None  # an earlier run's folder, whose settings are taken
    teacher: SkipValidation[Teacher]
    student: SkipValidation[StudentConfig]
    dataset: SkipValidation[Dataset]
    thoughts: SkipValidation[dict[str, Thought]]
    lessons: SkipValidation[dict[str, LessonMaker]]
    objective: SkipValidation[Objective]
    verify: VerifySettings
    decoding: SkipValidation[Decoder]
    vote: SkipValidation[VoteRule]
    grader: SkipValidation[Grader]
    sandbox: SandboxSettings
    trainer: TrainerSettings
    logger: SkipValidation[Logger]
    rounds: Count = 1  # of training; later ones also learn from the student's own paths
    round: SkipValidation[RoundMethod | None] = None
    scorer: SkipValidation[PrefixScorer | None] = None  # of the trained student's paths
    answer_with: Annotated[tuple[str, ...], Field(strict=False)] | None = None  # None: all

    def asked_thoughts(self) -> dict[str, Thought]:
        """What the teacher is asked for: the student's thoughts, or those they are made of."""
        asked: dict[str, Thought] = {}
        for name, thought in self.thoughts.items():
            asked |= dict(thought.made_from) or {name: thought}
        return asked | {name: self.thoughts[name] for name in asked if name in self.thoughts}

    def shown_results(self) -> tuple[str, ...]:
        """The asked thoughts whose paths become lessons that show what a program printed."""
        shown = [t.made_from for t in self.thoughts.values() if t.shows_results]
        return tuple(sorted({name for sources in shown for name in sources}))

    @property
    def generates(self) -> bool:
        """Whether the student is asked."""
        return bool({"generate", "after"} & set(self.stages))

    def student_server(self) -> AsksServer | None:
        """The decoder, if it asks a server of the student that has to run already."""
        asks = self.generates and self.decoding.engine == "openai"
        return self.decoding if asks and isinstance(self.decoding, AsksServer) else None

    def writable(self) -> dict[str, Thought]:
        """The thoughts that the student can write, without those that are only trained on."""
        return {name: thought for name, thought in self.thoughts.items() if thought.max_writes}

    def answering(self) -> dict[str, Thought]:
        """The thoughts by which the student answers."""
        able = self.writable()
        return able if self.answer_with is None else {name: able[name] for name in self.answer_with}

    def learned_from_own(self) -> dict[str, Thought]:
        """The thoughts whose own paths become lessons in a later round."""
        return {
            name: thought
            for name, thought in self.answering().items()
            if not thought.made_from or isinstance(thought, ChoosesThought)
        }

    def of_round(self) -> RoundMethod:
        """The method of later rounds; settings with several rounds and no method are refused."""
        assert self.round is not None, "judged"
        return self.round

    def of_scorer(self) -> PrefixScorer:
        """The scorer of a run that has one; stages that ask are part of no other."""
        assert self.scorer is not None, "judged"
        return self.scorer

    def voting(self) -> list[str]:
        """The names of the thoughts that vote."""
        return [name for name, thought in self.answering().items() if thought.votes]

    def new_tokens(self) -> dict[str, str]:
        """The tokens that thoughts add to the student's vocabulary."""
        return brought_tokens(self.thoughts)

    def roles(self) -> tuple[str, ...]:
        """The roles that have an adapter each; none if one student writes everything."""
        if getattr(self.student, "roles", "shared") == "shared":
            return ()
        return roles_of(self.thoughts)

    def shares(self) -> Mapping[str, float] | None:
        """Each thought's share of the loss, summing to 1; None for one mean over all examples."""
        return self.objective.shares(self.thoughts, self.lam)
