"""Reads the plan of a study (study.yaml): jobs to run, and questions with their tests.

A job is one arm with one seed. An arm is a set of problems with its teacher, and settings. The plan
fixes everything about a test before any job runs: what is compared, on which problems, and how
often the two sides are expected to differ.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mdexp.studies.study_files import Entry, read_entry

PLAN_FILE = "study.yaml"
DATA = "$DATA"  # replaces the data folder in settings: no path of a machine
RECORDED = "teacher.path="  # the setting that names an arm's recorded file
SEARCHED = "search"  # prefix of the names of a search's jobs

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, le=1)]


class ProblemSet(Entry):
    """The source of an arm's problems and of its teacher's texts."""

    dataset: str  # the name of its test set in metrics.json
    settings: tuple[str, ...]


class ValueSearch(Entry):
    """A setting chosen for a kind of target: the value that solves most validation problems, the
    first of equals. One job per value, with seed 0."""

    key: str
    values: Annotated[tuple[str, ...], Field(min_length=2)]
    set: str
    settings: tuple[str, ...]
    row: str  # the row of metrics.json whose validation accuracy counts


class Arm(Entry):
    about: str
    set: str
    settings: tuple[str, ...]
    search: str | None = None  # the search whose value it takes
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0,)
    turn: int = 1  # jobs of an earlier turn run first; within a turn, those of seed 0


class Side(Entry):
    """One side of a comparison: a row of the results (`row`), or a vote over an arm's sampled
    paths, evenly from `thoughts`: `paths` in all, or as many as `tokens` allow."""

    arm: str
    dataset: str | None = None  # None: that of the arm's set
    row: str | None = None
    thoughts: tuple[str, ...] = ()
    paths: Count | None = None
    tokens: Count | None = None  # generated tokens for each problem

    @model_validator(mode="after")
    def _is_a_row_or_a_vote(self) -> Self:
        budgets = [budget for budget in (self.paths, self.tokens) if budget is not None]
        if bool(self.row) == bool(self.thoughts) or len(budgets) != bool(self.thoughts):
            raise ValueError("give either row, or thoughts with one of paths and tokens")
        if self.paths and self.paths % len(self.thoughts):
            raise ValueError(
                f"paths={self.paths} cannot be shared evenly by {len(self.thoughts)} thoughts"
            )
        return self

    def describe(self) -> str:
        """`pot of md`, `4 cot + 4 pot of md`, `300 tokens of cot, pot of md`; `on asdiv`."""
        if self.row:
            what = self.row
        elif self.paths:
            each = self.paths // len(self.thoughts)
            what = " + ".join(f"{each} {thought}" for thought in self.thoughts)
        else:
            what = f"{self.tokens} tokens of {', '.join(self.thoughts)}"
        return f"{what} of {self.arm}" + (f" on {self.dataset}" if self.dataset else "")


class PairedTest(Entry):
    """The claim that `second` solves more of the same problems than `first`."""

    first: Side
    second: Side
    discordant: Share  # expected share of problems that only one of the two solves

    @model_validator(mode="after")
    def _has_two_sides(self) -> Self:
        if self.first == self.second:
            raise ValueError(f"first and second are the same, {self.first.describe()}")
        return self

    def systems(self) -> list[Side]:
        return [self.first, self.second]


class InteractionTest(Entry):
    """The claim that the slope of a row's accuracy over the swept value differs between kinds of
    problems."""

    arms: Annotated[dict[float, str], Field(min_length=2)]  # by value
    row: str
    dataset: str | None = None
    by: Literal["type", "steps"]
    swept: str  # the name of what takes the values
    groups: Annotated[int, Field(ge=2)]  # expected number of kinds
    discordant: Share  # expected share of problems whose answer changes over the values

    def systems(self) -> list[Side]:
        return [Side(arm=a, dataset=self.dataset, row=self.row) for a in self.arms.values()]


class VoteCurve(Entry):
    """The accuracy of a majority vote by its number of paths, up to `most` in all, or by the
    generated tokens that a problem's paths may take, `budgets`; it is not tested."""

    name: str
    arm: str
    thoughts: tuple[str, ...]
    most: Count | None = None
    budgets: tuple[Count, ...] = ()

    @model_validator(mode="after")
    def _is_by_paths_or_by_tokens(self) -> Self:
        if (self.most is None) == (not self.budgets):
            raise ValueError("give either most or budgets")
        if list(self.budgets) != sorted(set(self.budgets)):
            raise ValueError(f"budgets={list(self.budgets)} do not ascend")
        return self

    def systems(self) -> list[Side]:
        """What it needs of the records."""
        if self.most is not None:
            return [Side(arm=self.arm, thoughts=self.thoughts, paths=self.most)]
        return [Side(arm=self.arm, thoughts=self.thoughts, tokens=b) for b in self.budgets]


class Prediction(Entry):
    """Figures of the untrained student for the texts of several arms (`mdexp suit`), beside the
    accuracy that training on them came to; they are not tested."""

    arms: Annotated[tuple[str, ...], Field(min_length=3)]  # alike but for their recorded file
    row: str
    problems: Count  # training problems whose texts are read, the same for each arm


class Question(Entry):
    title: str
    claim: str
    caveats: tuple[str, ...] = ()  # what its verdict does not show
    tests: tuple[PairedTest, ...] = ()
    interactions: tuple[InteractionTest, ...] = ()
    curves: tuple[VoteCurve, ...] = ()
    prediction: Prediction | None = None

    @model_validator(mode="after")
    def _tells_its_curves_apart(self) -> Self:
        names = Counter((curve.name, curve.most is None) for curve in self.curves)
        for (name, by_tokens), number in names.items():
            if number > 1:
                unit = "tokens" if by_tokens else "paths"
                raise ValueError(f"{number} curves by {unit} have the name {name}")
        return self

    def systems(self) -> list[Side]:
        """Every system that its tests and curves use."""
        tested = [system for test in self.planned() for system in test.systems()]
        drawn = [system for curve in self.curves for system in curve.systems()]
        told = self.prediction
        foretold = [Side(arm=arm, row=told.row) for arm in told.arms] if told else []
        return tested + drawn + foretold

    def planned(self) -> list[PairedTest | InteractionTest]:
        return [*self.tests, *self.interactions]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyJob:
    """One run of the study; `settings` are None while a search that it waits for is not done."""

    name: str
    arm: str
    seed: int
    settings: tuple[str, ...] | None


class Study(Entry):
    commit: str | None = Field(pattern=r"^[0-9a-f]{40}$")  # None: any commit; the page says so
    notes: tuple[str, ...] = ()  # what readers of the page have to know of the plan
    settings: tuple[str, ...]  # of all jobs
    problems: dict[str, Count]  # test problems of each dataset
    sets: dict[str, ProblemSet]
    searches: dict[str, ValueSearch] = Field(default_factory=dict)
    arms: dict[str, Arm]
    questions: dict[str, Question]

    @model_validator(mode="after")
    def _names_what_it_has(self) -> Self:
        def known(where: str, name: str, table: Mapping[str, object]) -> None:
            if name not in table:
                raise ValueError(f"{where}={name} is none of {', '.join(table) or 'nothing'}")

        for name, search in self.searches.items():
            known(f"searches.{name}.set", search.set, self.sets)
        for name, arm in self.arms.items():
            known(f"arms.{name}.set", arm.set, self.sets)
            if arm.search is not None:
                known(f"arms.{name}.search", arm.search, self.searches)
        for name, question in self.questions.items():
            for system in question.systems():
                known(f"questions.{name}: arm", system.arm, self.arms)
                known(f"questions.{name}: dataset", self.dataset(system), self.problems)
            if question.prediction is not None:
                self.suit_settings(question.prediction)
        return self

    def dataset(self, system: Side) -> str:
        """The test set on which a system is evaluated."""
        return system.dataset or self.sets[self.arms[system.arm].set].dataset

    def tests(self) -> Iterator[tuple[str, PairedTest | InteractionTest]]:
        """Every test of the page with the name of its question, in order."""
        for name, question in self.questions.items():
            for test in question.planned():
                yield name, test

    def suit_settings(self, prediction: Prediction) -> tuple[str, ...]:
        """The settings by which `mdexp suit` reads the files of all arms of a prediction, in their
        order; ValueError if the arms differ in more than one recorded file."""
        files = []
        for name in prediction.arms:
            arm = self.arms[name]
            own = [s.removeprefix(RECORDED) for s in arm.settings if s.startswith(RECORDED)]
            rest = tuple(setting for setting in arm.settings if not setting.startswith(RECORDED))
            if len(own) != 1 or own[0].startswith(("[", "{")):
                raise ValueError(f"arms.{name}.settings: a prediction needs one {RECORDED}FILE")
            first = self.arms[prediction.arms[0]]
            if rest != tuple(s for s in first.settings if not s.startswith(RECORDED)):
                raise ValueError(f"arms.{name}.settings are not those of {prediction.arms[0]}")
            files += own
        return self._settings(first.set, rest, f"{RECORDED}[{','.join(files)}]")

    def search_jobs(self) -> list[StudyJob]:
        return [
            StudyJob(
                name=search_job(name, value),
                arm=search_job(name, value),
                seed=0,
                settings=self._settings(search.set, search.settings, f"{search.key}={value}"),
            )
            for name, search in self.searches.items()
            for value in search.values
        ]

    def arm_jobs(self, chosen: Mapping[str, str]) -> list[StudyJob]:
        """The jobs of all arms in the order in which they run; `chosen` has the values that
        searches have found."""
        order = [(arm.turn, seed, name) for name, arm in self.arms.items() for seed in arm.seeds]
        return [
            StudyJob(
                name=f"{name}-{seed}",
                arm=name,
                seed=seed,
                settings=self._arm_settings(self.arms[name], seed, chosen),
            )
            for _, seed, name in sorted(order, key=lambda job: job[:2])
        ]

    def _arm_settings(
        self, arm: Arm, seed: int, chosen: Mapping[str, str]
    ) -> tuple[str, ...] | None:
        if arm.search is None:
            return self._settings(arm.set, arm.settings, f"seed={seed}")
        if arm.search not in chosen:
            return None
        found = f"{self.searches[arm.search].key}={chosen[arm.search]}"
        return self._settings(arm.set, arm.settings, found, f"seed={seed}")

    def _settings(self, of_set: str, own: tuple[str, ...], *more: str) -> tuple[str, ...]:
        """All settings of a job; if a key is given twice, the last counts."""
        given = (*self.settings, *self.sets[of_set].settings, *own, *more)
        return tuple({setting.partition("=")[0]: setting for setting in given}.values())


def search_job(search: str, value: str) -> str:
    """The name of the job of a search that tries a value."""
    return f"{SEARCHED}-{search}-{value}"


def read_plan(folder: Path) -> Study:
    """The plan in a study's folder; StudyError if it cannot be used."""
    return read_entry(folder / PLAN_FILE, Study)
