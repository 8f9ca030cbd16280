"""The composed configuration, judged: the values that each key of a run may have.

The one file that knows both `lambda`, as people and papers say, and `lam`, which Python can spell.
Hydra composes, this judges, and both happen before anything slow is imported.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import ConfigDict, Field, SkipValidation, ValidationError, model_validator

from mdexp.config.blocks import (
    Block,
    Count,
    Share,
    TrainerSettings,
    VerifySettings,
)
from mdexp.config.earlier_parts import as_part
from mdexp.config.hints import did_you_mean, key_paths
from mdexp.ports import (
    ChoosesThought,
    Dataset,
    Decoder,
    Grader,
    LessonMaker,
    Logger,
    Objective,
    RoundMethod,
    StudentConfig,
    Teacher,
    Thought,
    VoteRule,
    WithAuxiliary,
    brought_tokens,
    roles_of,
)
from mdexp.ports.parts import TARGET, ComponentError, build_part
from mdexp.sandbox.settings import SandboxSettings

StageName = Literal[
    "prepare", "extract", "verify", "examples", "train", "generate", "score", "report"
]
STAGES: tuple[StageName, ...] = get_args(StageName)
COMPONENTS: dict[str, Any] = {
    "teacher": Teacher,
    "student": StudentConfig,
    "dataset": Dataset,
    "objective": Objective,
    "round": RoundMethod,
    "decoding": Decoder,
    "vote": VoteRule,
    "grader": Grader,
    "logger": Logger,
}
OPTIONAL = "round"  # the one part that a run may lack
# Parts by name, which a group fills, as in the example.
FILLED: dict[str, tuple[Any, str]] = {
    "thoughts": (Thought, "thought=[cot,pot]"),
    "lessons": (LessonMaker, "lesson=[paths]"),
}
UNKNOWN_KEY = "unknown key"


class SettingsError(ValueError):
    """A configuration that cannot be run: one line per fault, each naming its key."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        lines = (f"{key}: {fault}" if key else fault for key, fault in faults.items())
        super().__init__("\n".join(lines))
        self.faults = dict(faults)


class Settings(Block):
    """One experiment. Keys are those of conf/config.yaml, but for `lam`."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    lam: Share | None = Field(alias="lambda")
    num_paths: Count
    seed: int = Field(ge=0, lt=2**32)  # what numpy takes
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
    rounds: Count = 1  # of training; each later one learns from the own paths of the one before
    round: SkipValidation[RoundMethod | None] = None

    @model_validator(mode="after")
    def _stages_in_order(self) -> Self:
        if not self.stages or self.stages != tuple(s for s in STAGES if s in self.stages):
            raise ValueError(
                f"stages must be in order and named once: {', '.join(STAGES)}; "
                f"got {', '.join(self.stages) or 'none'}"
            )
        return self

    @model_validator(mode="after")
    def _half_precision_holds_the_student(self) -> Self:
        seq2seq = getattr(self.student, "kind", None) == "seq2seq"
        if seq2seq and self.trainer.precision == "16-mixed":
            raise ValueError(
                "trainer.precision=16-mixed: float16 overflows in T5 and its kin "
                "(student.kind=seq2seq); use bf16-mixed or 32-true"
            )
        return self

    @model_validator(mode="after")
    def _base_is_frozen(self) -> Self:
        asked = getattr(self.student, "base_dtype", "auto")
        if asked == "bfloat16" and self.student.tuning == "full":
            raise ValueError(
                "student.base_dtype=bfloat16 is the type of frozen weights, and "
                "student.tuning=full freezes none: choose student.tuning=lora, dora or qlora"
            )
        return self

    @model_validator(mode="after")
    def _roles_can_be_separate(self) -> Self:
        parts = (self.decoding, self.student, *self.thoughts.values())
        if any(part is None for part in parts) or not self.roles():  # reported already, or shared
            return self
        key = "student.roles=separate"
        if self.student.tuning == "full":
            raise ValueError(
                f"{key} trains an adapter for each role, and student.tuning=full has none: choose "
                "student.tuning=lora, dora or qlora"
            )
        if len(self.roles()) == 1:
            raise ValueError(
                f"{key}: all texts of thought=[{','.join(self.thoughts)}] have one role; choose a "
                "thought of several, as sci_cot or kpdd, or student.roles=shared"
            )
        if self.decoding.engine != "local":
            raise ValueError(
                f"{key} exchanges adapters while it decodes, which a server (decoding.engine="
                f"{self.decoding.engine}) is not asked to do; use decoding.engine=local"
            )
        if self.new_tokens():
            raise ValueError(
                f"{key}: adapters of several roles would each have their own embedding of the new "
                f"tokens {', '.join(self.new_tokens())}; use student.roles=shared"
            )
        return self

    @model_validator(mode="after")
    def _shards_hold_the_student(self) -> Self:
        if self.trainer.strategy == "fsdp":
            if getattr(self.student, "tuning", None) == "qlora":
                raise ValueError(
                    "student.tuning=qlora: weights of 4 bits are not sharded; use "
                    "trainer.strategy=ddp, or student.tuning=lora with student.base_dtype=bfloat16"
                )
            if getattr(self.student, "roles", "shared") == "separate":
                raise ValueError(
                    "student.roles=separate: adapters that are exchanged are not sharded; use "
                    "trainer.devices=1 trainer.strategy=auto"
                )
            if self.trainer.precision == "16-mixed":
                raise ValueError(
                    "trainer.precision=16-mixed: gradients in shards are not scaled; use bf16-mixed"
                )
        return self

    @model_validator(mode="after")
    def _decoding_fits_thoughts(self) -> Self:
        parts = (self.decoding, self.student, *self.thoughts.values())
        if any(part is None for part in parts):  # reported already
            return self
        if why_not := self.decoding.why_not(self.answering(), self.student.kind):
            raise ValueError(f"decoding.{why_not}")
        return self

    @model_validator(mode="after")
    def _objective_fits_thoughts(self) -> Self:
        if not self.thoughts:
            raise ValueError("thought: choose at least one, as in thought=[cot]")
        if self.objective is None:
            return self  # reported already
        if why_not := self.objective.why_not(self.thoughts, self.lam):
            raise ValueError(why_not)
        return self

    @model_validator(mode="after")
    def _somebody_answers(self) -> Self:
        if None in self.thoughts.values():  # reported already
            return self
        if not self.answering():
            raise ValueError(
                f"thought: {', '.join(self.thoughts)} are only trained on; add one that the "
                "student answers by, as in thought=[cot,states]"
            )
        if not self.voting():
            raise ValueError(
                f"thought: {', '.join(self.answering())} take no part in votes; add one that does, "
                "as in thought=[cot]"
            )
        return self

    @model_validator(mode="after")
    def _later_rounds_have_a_method(self) -> Self:
        if self.rounds == 1 or None in self.thoughts.values() or self.decoding is None:
            return self
        if self.round is None:
            raise ValueError(f"rounds={self.rounds} needs a method, as in round=rft")
        if self.round.hint is not None and self.verify.mode != "gold":
            raise ValueError(
                f"verify.mode={self.verify.mode}: a method with round.hint shows the gold answer "
                "and keeps what meets it, so it needs verify.mode=gold"
            )
        if self.decoding.engine != "local":
            raise ValueError(
                f"decoding.engine={self.decoding.engine}: each round has another student, and "
                f"rounds={self.rounds} cannot ask one server for all; use decoding.engine=local"
            )
        if {"examples", "verify"} & set(self.stages) and "train" not in self.stages:
            raise ValueError(
                f"stages: without train there is no student whose paths rounds={self.rounds} could "
                "learn from"
            )
        if not self.learned_from_own():
            raise ValueError(
                f"rounds={self.rounds}: lessons of {', '.join(self.thoughts)} are made of other "
                "thoughts, so that nothing is learned from the student's own paths"
            )
        return self

    @model_validator(mode="after")
    def _lessons_fit_thoughts(self) -> Self:
        if None in self.thoughts.values() or None in self.lessons.values():  # reported already
            return self
        taught: set[str] = set()
        for name, maker in self.lessons.items():
            try:
                taught |= set(maker.teaches(self.thoughts))
            except ValueError as error:
                raise ValueError(f"lessons.{name}: {error}") from error
        weighed = [name for name, share in (self.shares() or {}).items() if share > 0]
        if isinstance(self.objective, WithAuxiliary):
            weighed += self.objective.auxiliary
        untaught = [name for name in weighed if name not in taught]
        if untaught or not taught:
            raise ValueError(
                f"lesson=[{','.join(self.lessons)}] makes no lessons of "
                f"{', '.join(untaught or self.thoughts)}, which have a share of the loss"
            )
        return self

    @model_validator(mode="after")
    def _vote_fits_thoughts(self) -> Self:
        if self.vote is None or None in self.thoughts.values():  # reported already
            return self
        order, voting = self.vote.order, self.voting()
        chosen = ", ".join(voting)
        if len(set(order)) < len(order) or not set(order) <= set(voting):
            raise ValueError(
                f"vote.order may name each of the thoughts that vote ({chosen}) once, "
                f"got {', '.join(order)}"
            )
        if order and self.vote.all_vote and len(order) < len(voting):
            raise ValueError(
                f"vote.order must name all of {chosen}, since each may be in a tie of "
                f"vote={self.vote.name}, got {', '.join(order)}; vote=cascade may leave some out"
            )
        if self.vote.needs_validation and self.decoding.num_validation == 0:
            raise ValueError(
                f"vote={self.vote.name} weighs by accuracy on validation problems, and "
                "decoding.num_validation=0 answers none; it must be at least 1"
            )
        return self

    def asked_thoughts(self) -> dict[str, Thought]:
        """What the teacher is asked for: the student's thoughts, or those they are made of."""
        asked: dict[str, Thought] = {}
        for name, thought in self.thoughts.items():
            asked |= dict(thought.made_from) or {name: thought}
        return asked | {name: self.thoughts[name] for name in asked if name in self.thoughts}

    def shown_results(self) -> tuple[str, ...]:
        """Those of the asked thoughts whose paths are made into lessons that show what a program
        printed."""
        shown = [t.made_from for t in self.thoughts.values() if t.shows_results]
        return tuple(sorted({name for sources in shown for name in sources}))

    def answering(self) -> dict[str, Thought]:
        """The thoughts by which the student answers: not those that are only trained on."""
        return {name: thought for name, thought in self.thoughts.items() if thought.max_writes}

    def learned_from_own(self) -> dict[str, Thought]:
        """The thoughts of whose own paths a later round makes lessons."""
        return {
            name: thought
            for name, thought in self.answering().items()
            if not thought.made_from or isinstance(thought, ChoosesThought)
        }

    def of_round(self) -> RoundMethod:
        """The method of the later rounds; settings without one are refused where there are any."""
        assert self.round is not None, "judged"
        return self.round

    def voting(self) -> list[str]:
        """Names of the thoughts whose answers take part in the run's vote."""
        return [name for name, thought in self.answering().items() if thought.votes]

    def new_tokens(self) -> dict[str, str]:
        """Tokens that the trained student's vocabulary gains, as its thoughts bring them."""
        return brought_tokens(self.thoughts)

    def roles(self) -> tuple[str, ...]:
        """The roles that have an adapter each; none where one student writes everything."""
        if getattr(self.student, "roles", "shared") == "shared":
            return ()
        return roles_of(self.thoughts)

    def shares(self) -> Mapping[str, float] | None:
        """Each thought's share of the loss, summing to 1; None is one mean over all examples."""
        if self.objective is None:  # reported already
            return None
        return self.objective.shares(self.thoughts, self.lam)


def judge(config: Mapping[str, Any]) -> Settings:
    """The settings that a composed configuration stands for; SettingsError listing every fault."""
    faults: dict[str, str] = {}
    values = dict(config)
    for name, kind in COMPONENTS.items():
        if name in config and not (name == OPTIONAL and config[name] is None):
            values[name] = _built(name, as_part(name, config[name]), kind, faults)
    for name, (kind, example) in FILLED.items():
        named = config.get(name)
        if not isinstance(named, Mapping):
            raise SettingsError({name: f"is filled by a group, as in {example}"})
        values[name] = {
            part: _built(f"{name}.{part}", options, kind, faults) for part, options in named.items()
        }
    try:
        settings = Settings.model_validate(values)
        if not faults:
            return settings
    except ValidationError as error:
        faults |= _faults(error)
    known = [key for key in key_paths(config) if key not in faults]
    raise SettingsError({key: _hinted(key, fault, known) for key, fault in faults.items()})


def _hinted(key: str, fault: str, known: list[str]) -> str:
    return fault + did_you_mean(key, known) if fault == UNKNOWN_KEY else fault


def _built(key: str, options: Any, kind: Any, faults: dict[str, str]) -> Any:
    """The component of that kind, or None with what is wrong added to `faults`."""
    try:
        part = build_part(options)
        if isinstance(part, kind):
            return part
        faults[key] = f"{options[TARGET]} is no {kind.__name__}; mdexp/ports/ says what one offers"
    except ValidationError as error:
        faults |= _faults(error, key)
    except ComponentError as error:
        faults[key] = str(error)
    return None


def _faults(error: ValidationError, prefix: str = "") -> dict[str, str]:
    """Key path and what is wrong there, with the value seen, for each error of pydantic."""
    faults = {}
    for fault in error.errors(include_url=False):
        parts = [prefix, *map(str, fault["loc"])]
        key = ".".join(part for part in parts if part)
        faults[key] = _fault(fault["type"], fault["msg"], fault["input"])
    return faults


def _fault(kind: str, message: str, value: object) -> str:
    match kind:
        case "extra_forbidden":
            return UNKNOWN_KEY
        case "missing":
            return "is missing"
        case "value_error":
            return message.removeprefix("Value error, ")
        case _:
            return f"{message[0].lower()}{message[1:]}, got {value!r}"
