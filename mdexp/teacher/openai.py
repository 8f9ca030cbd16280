"""A teacher behind any OpenAI-compatible endpoint: hosted, or a local vLLM, SGLang or llama.cpp.

Every answer is bought once (ledger.py), however many runs, sweeps and values of `num_paths` need
it.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import cache, partial
from pathlib import Path as FilePath
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    computed_field,
    field_validator,
    model_validator,
)

from mdexp.ports import Executor, Thought
from mdexp.records import Path, Problem, ThinkingUse
from mdexp.students.served_models import ServerUnreachable, listing
from mdexp.teacher.asking import Asking, Prompting
from mdexp.teacher.batch import purchase_by_batch
from mdexp.teacher.batch_collection import settle_batches
from mdexp.teacher.bought_paths import BoughtPaths, num_samples
from mdexp.teacher.budget import MICRO
from mdexp.teacher.charges import Charges, Mode
from mdexp.teacher.dialogue import is_dialogue, refuse_continued, refuse_reading
from mdexp.teacher.endpoint import endpoint_identity, server_key, server_url
from mdexp.teacher.exemplar_sets import ExemplarSets
from mdexp.teacher.families import family_of
from mdexp.teacher.ledger import Ledger
from mdexp.teacher.prices import Price
from mdexp.teacher.purchase import Terms, purchase
from mdexp.teacher.request import Wanted
from mdexp.teacher.shutdowns import last_day
from mdexp.transcripts.prompting import OWN_FOLDER, load_exemplars, template_files

log = logging.getLogger(__name__)

_OWN_PARAMETERS = {
    *("model", "messages", "n", "seed", "stream"),
    *("temperature", "top_p", "max_tokens"),
}

# How an answer is bought is not in the key of `extract`: it does not change the answer.
_HOW = Field(exclude=True)


class OpenAITeacher(BaseModel):
    """Asks an OpenAI-compatible server. Parameters that are null are left out of the request."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True
    )

    ask_again: ClassVar[bool] = True

    base_url: Annotated[str | None, _HOW]  # null: OPENAI_BASE_URL, else OpenAI's own
    identity: Annotated[str | None, _HOW]  # null: of base_url; see `endpoint`
    model: str = Field(min_length=1)
    api_key_env: Annotated[str, _HOW]
    num_paths: int = Field(ge=1)
    style: Literal["chat", "completion"]
    instruction_role: Literal["system", "developer", "user"] | None  # null: of the family
    num_shots: int = Field(ge=0)
    exemplar_sets: int = Field(ge=1)  # sample k is asked with set k mod exemplar_sets
    # A folder with exemplars and templates; their content is part of the key, the path is not.
    prompts: Annotated[str | None, _HOW]
    temperature: float | None = Field(ge=0, le=2)
    top_p: float | None = Field(gt=0, le=1)
    max_tokens: int | None = Field(ge=1)
    thinking: ThinkingUse
    max_thinking_tokens: int = Field(ge=0)
    seed: int | None = Field(ge=0)  # of sample 0; sample k is asked for alone, with seed + k
    extra: dict[str, Any] | None
    mode: Annotated[Mode, _HOW]
    price: Annotated[Price | None, _HOW]  # null: as listed
    budget_usd: Annotated[float, Field(ge=0)] | Literal["auto"] | None = _HOW
    concurrency: int = Field(ge=1, exclude=True)
    requests_per_minute: float | None = Field(gt=0, exclude=True)
    tokens_per_minute: float | None = Field(gt=0, exclude=True)
    timeout_s: float = Field(gt=0, exclude=True)
    max_retries: int = Field(ge=0, exclude=True)

    @field_validator("base_url")
    @classmethod
    def _endpoint_is_usable(cls, url: str | None) -> str | None:
        if url is not None:
            endpoint_identity(url)
        return url

    @field_validator("api_key_env")
    @classmethod
    def _is_a_name(cls, name: str) -> str:
        if not (name.isidentifier() and name.isascii()):
            # The value is not shown: it may be the key itself.
            raise ValueError("expected the name of an environment variable, not a key")
        return name

    @field_validator("extra")
    @classmethod
    def _adds_only(cls, extra: dict[str, Any] | None) -> dict[str, Any] | None:
        parameters = extra or {}
        if taken := sorted(_OWN_PARAMETERS & parameters.keys()):
            raise ValueError(f"{', '.join(taken)} cannot be set here")
        return extra

    @model_validator(mode="after")
    def _paths_can_differ(self) -> Self:
        if self.temperature == 0 and self.num_paths > 1:
            raise ValueError(
                f"temperature: got 0 with num_paths {self.num_paths}; without sampling all paths "
                "of a problem are one and the same, so set it above 0, or num_paths to 1"
            )
        return self

    @model_validator(mode="after")
    def _shows_its_thinking(self) -> Self:
        family = family_of(self.model)
        if self.thinking != "drop" and urlsplit(self.url()).hostname == family.hidden_at:
            raise ValueError(
                f"thinking: got {self.thinking}, but {family.hidden_at} does not send what "
                f"{family.name} think; use drop, or a model that shows it"
            )
        return self

    @model_validator(mode="after")
    def _has_so_many_exemplars(self) -> Self:
        self._shown(self.exemplar_sets).refuse_missing()
        return self

    def files(self) -> dict[str, FilePath]:
        """The files of exemplars and templates for the prompts."""
        files = self._shown(self.exemplar_sets).files()
        if self.style == "completion":
            files += template_files(self._folder())
        return {f"prompts/{file.name}": file for file in files}

    def exemplars(self) -> list[dict[str, Any]]:
        shown = self._shown(self._sets_in_use())
        kinds = [shown.of_kind(), *shown.of_other_kinds().values()]
        return [row for sets in kinds for rows in sets for row in rows]

    def paths(
        self,
        problems: Sequence[Problem],
        thoughts: Mapping[str, Thought],
        ledger: FilePath,
        executor: Executor,
    ) -> Iterator[Path]:
        """Yield paths by problem, thought and sample. Missing answers are bought first; thoughts of
        several texts are bought one text after another."""
        self.refuse(thoughts)
        sets = dict.fromkeys(problem.set_name for problem in problems)
        title = ", ".join(["extract", *thoughts, *sets])
        with ExitStack() as until_end, Ledger(ledger) as book:
            server = cache(lambda: until_end.enter_context(self.reached()))
            bought = BoughtPaths(
                asking=self.asking(),
                num_paths=self.num_paths,
                book=book,
                buy=partial(self._buy, book=book, title=title, server=server),
                executor=executor,
            )
            found = bought.of(problems, thoughts)
        yield from found

    def refuse(self, thoughts: Mapping[str, Thought]) -> None:
        """ValueError for thoughts that this teacher cannot write."""
        refuse_reading(thoughts)
        refuse_continued(thoughts, self.exemplars() or load_exemplars())
        several = [name for name, thought in thoughts.items() if is_dialogue(thought)]
        if several and self.style == "completion":
            raise ValueError(
                f"teacher.style: got completion, which asks for one text, but thought={several[0]} "
                "is written in several; use teacher.style=chat"
            )

    def asking(self) -> Asking:
        """What turns problems into requests."""
        shown = self._shown(self._sets_in_use())
        return Asking(
            endpoint=self.endpoint,
            model=self.model,
            settings={
                "temperature": self.temperature,
                "top_p": self.top_p,
                "max_tokens": self._token_limit(),
                "seed": self.seed,
            },
            extra=self.extra or {},
            thinks=self.thinking != "drop",
            prompting=Prompting(
                exemplar_sets=shown.of_kind(),
                other_kinds=shown.of_other_kinds(),
                templates=self._folder() if self.style == "completion" else None,
                instruction_role=self.instruction_role,
            ),
        )

    def notes(self) -> list[str]:
        """Sentences that a user should read before anything is bought."""
        day = last_day(self.url(), self.model)
        gone = [f"{self.model} is switched off on {day}"] if day else []
        return gone + self.asking().notes()

    def server_says(self) -> str:
        url = self.url()
        return listing("teacher.model", self.model, url, server_key(self.api_key_env, url))[0]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def endpoint(self) -> str:
        """The identity of the server, in the ledger and in the key of `extract`."""
        return self.identity or endpoint_identity(self.url())

    def _token_limit(self) -> int | None:
        """Most tokens of an answer and the thinking before it; None for no limit."""
        if self.max_tokens is None or self.thinking == "drop":
            return self.max_tokens
        return self.max_tokens + self.max_thinking_tokens

    def _folder(self) -> FilePath:
        return FilePath(self.prompts) if self.prompts else OWN_FOLDER

    def _shown(self, num_sets: int) -> ExemplarSets:
        return ExemplarSets(folder=self._folder(), num_shots=self.num_shots, num_sets=num_sets)

    def _sets_in_use(self) -> int:
        """The number of exemplar sets in use: no more than there are samples."""
        return min(self.exemplar_sets, self.num_paths)

    def _buy(self, wanted: Wanted, book: Ledger, title: str, server: Callable[[], str]) -> None:
        missing = {r: samples for r, samples in wanted.items() if book.missing(r, samples)}
        num_wanted, num_missing = num_samples(wanted), book.num_missing(missing)
        log.info("teacher: %d answers wanted, %d owned", num_wanted, num_wanted - num_missing)
        if missing:
            for note in self.notes():
                log.warning("teacher: %s", note)
            key, terms = server_key(self.api_key_env, self.url()), self.terms()
            terms = replace(terms, base_url=server())
            with suppress(ServerUnreachable):  # the calls that follow are repeated
                said, is_odd = listing("teacher.model", self.model, terms.base_url, key)
                log.log(logging.WARNING if is_odd else logging.INFO, "teacher: %s", said)
            if self.mode == "batch":
                purchase_by_batch(missing, book, terms, key, title)
                return
            settle_batches(book, terms, key)
            missing = {r: samples for r, samples in missing.items() if book.missing(r, samples)}
            if missing:
                purchase(missing, book, terms, key, title)

    def terms(self) -> Terms:
        """How answers are bought; ValueError for a budget that could not be kept."""
        charges = self.charges()
        charges.refuse_unknown()
        budget_usd = charges.budget_usd()
        return Terms(
            base_url=self.url(),
            endpoint=self.endpoint,
            price=charges.price(self.mode),
            budget_micro_usd=None if budget_usd is None else round(budget_usd * MICRO),
            concurrency=self.concurrency,
            requests_per_minute=self.requests_per_minute,
            tokens_per_minute=self.tokens_per_minute,
            timeout_s=self.timeout_s,
            max_retries=self.max_retries,
        )

    def charges(self) -> Charges:
        return Charges(
            url=self.url(),
            endpoint=self.endpoint,
            model=self.model,
            mode=self.mode,
            given=self.price,
            limit_usd=self.budget_usd,
        )

    def url(self) -> str:
        """The server's URL; ValueError if the environment's is not a URL."""
        return server_url(self.base_url)

    @contextmanager
    def reached(self) -> Iterator[str]:
        """The server's URL while it is asked: from the first answer that is missing on."""
        yield self.url()
