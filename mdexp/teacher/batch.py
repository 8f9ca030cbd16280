"""Buys answers by Batch: handed in as files, done within a day, at part of the price.

Each call is claimed in the ledger like any other, so the budget holds it and nobody else sends it.
A batch outlives the run that handed it in: the next run, of whatever command, goes on polling it
before it hands in anything itself. What expired, failed or is missing is handed in again.
"""

import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence

from mdexp.teacher import batch_book, budget
from mdexp.teacher.batch_book import Batch
from mdexp.teacher.batch_lines import input_line, outcomes
from mdexp.teacher.batch_server import BatchServer, State
from mdexp.teacher.command_id import current_command
from mdexp.teacher.families import call_body, family_of
from mdexp.teacher.holder import Holder, is_alive
from mdexp.teacher.leases import Claim, Claims
from mdexp.teacher.ledger import Ledger
from mdexp.teacher.progress import counted
from mdexp.teacher.purchase import Terms
from mdexp.teacher.refusals import parameter_fix
from mdexp.teacher.reply import Reply, filtered_reply
from mdexp.teacher.request import Request
from mdexp.teacher.retry import Filtered, SetAside, TeacherError, Unanswered

log = logging.getLogger(__name__)

POLL_S = 15.0
REPORT_EVERY_S = 300.0
MAX_LINES = 50_000  # of a file, as OpenAI has it
MAX_BYTES = 190_000_000
LEASE_S = 26 * 3600.0  # a batch ends within 24 hours
MAX_VAIN_ROUNDS = 3  # in a row, that bring no answer


def purchase_by_batch(
    incomplete: Sequence[Request], num_paths: int, ledger: Ledger, terms: Terms, key: str
) -> None:
    """Buy what the requests lack, as far as the budget goes, and wait for it. TeacherError if the
    teacher cannot go on; ValueError for terms that cannot be kept."""
    before = ledger.num_missing(incomplete, num_paths)
    with (
        BatchServer(terms.base_url, key, terms.timeout_s, terms.max_retries) as server,
        Holder(ledger.folder) as holder,
    ):
        run = BatchPurchase(ledger, server, terms, holder.name)
        try:
            run.buy(incomplete, num_paths)
        except (KeyboardInterrupt, SystemExit):
            log.warning("teacher: batches go on at the server; the next run collects them")
            raise
        finally:
            missing = ledger.num_missing(incomplete, num_paths)
            bought = before - missing - run.tally["refused"]
            log.info("teacher: %d of %d answers bought by Batch", bought, before)
            log.log(
                logging.WARNING if missing else logging.INFO,
                "teacher: %d could not be had; %s",
                missing,
                counted(run.tally),
            )


class Draft:
    """A batch that is being filled."""

    def __init__(self) -> None:
        self.token = batch_book.new_token()
        self.lines: list[str] = []
        self.claims: list[Claim] = []
        self._num_bytes = 0

    def add(self, claim: Claim) -> bool:
        """Add a call; False if it would be too much for one file."""
        line = input_line(batch_book.custom_id(self.token, claim), claim)
        size = self._num_bytes + len(line.encode())
        if self.lines and (len(self.lines) == MAX_LINES or size > MAX_BYTES):
            return False
        self.lines.append(line)
        self.claims.append(claim)
        self._num_bytes = size
        return True


class BatchPurchase:
    """One purchase. `tally` counts answers, batches and failures by kind."""

    def __init__(self, ledger: Ledger, server: BatchServer, terms: Terms, holder: str) -> None:
        self.tally: Counter[str] = Counter()
        self._ledger, self._server, self._terms = ledger, server, terms
        self._holder, self._command = holder, current_command()
        self._error: TeacherError | None = None
        self._honours_n = True
        self._set_aside: set[str] = set()  # requests that are not handed in again, by identity
        with ledger.writing():
            budget.open_budget(ledger.db, self._command, terms.budget_micro_usd)

    def buy(self, requests: Sequence[Request], num_paths: int) -> None:
        """Until every request is complete, the money is spent, or rounds bring nothing more."""
        self._collect_all()
        vain_rounds = 0
        while vain_rounds < MAX_VAIN_ROUNDS:
            requests = [r for r in requests if r.identity not in self._set_aside]
            if not self._ledger.num_missing(requests, num_paths):
                break
            if self._error:
                raise self._error
            num_answers, num_batches = self.tally["answers"], self.tally["batches"]
            refusals = self._hand_in(requests, num_paths)
            self._collect_all()
            if self.tally["batches"] > num_batches:
                vain_rounds = 0 if self.tally["answers"] > num_answers else vain_rounds + 1
            elif refusals.keys() & {"leased", "reserved"}:
                time.sleep(POLL_S)  # another process asks for them, or holds the money
            else:
                log.warning("teacher: the budget does not hold another call's worst case")
                break
        if self._error:
            raise self._error

    def _hand_in(self, requests: Sequence[Request], num_paths: int) -> Counter[str]:
        """Claim and hand in what is missing, in as many batches as it takes; give how many calls
        were refused, by reason."""
        refusals: Counter[str] = Counter()
        claims, draft = self._claims(self._command, self._holder), Draft()
        try:
            for request, samples, seed in self._shares(requests, num_paths):
                worst = self._worst(request, len(samples))
                claim = claims.claim(request, samples, worst, seed)
                if not isinstance(claim, Claim):
                    refusals[claim] += 1
                elif not draft.add(claim):
                    full, draft = draft, Draft()
                    draft.add(claim)
                    self._start(full)
        except BaseException:
            self._release(claims, draft.claims)
            raise
        if draft.claims:
            self._start(draft)
        return refusals

    def _shares(
        self, requests: Sequence[Request], num_paths: int
    ) -> Iterator[tuple[Request, list[int], int | None]]:
        """Which samples each line asks for, and with which seed."""
        for request in requests:
            missing, seed = self._ledger.missing(request, num_paths), request.settings.get("seed")
            takes_n = self._honours_n and family_of(request.model).takes_n
            if seed is None and takes_n and missing:
                yield request, missing, None
            elif missing:
                yield from (
                    (request, [n], n or None if seed is None else seed + n) for n in missing
                )

    def _start(self, draft: Draft) -> None:
        """Hand in a batch that is written down first; TeacherError if the server will not have it,
        with its calls released."""
        path, names = draft.claims[0].request.path, (self._command, self._holder)
        batch_book.write_down(self._ledger, draft.token, draft.claims, *names)
        try:
            remote = self._server.hand_in("".join(draft.lines), path, draft.token)
        except TeacherError as error:
            self._give_back(draft.token, self._command)
            raise TeacherError(f"{error}; teacher.mode=online needs no Batch API") from error
        batch_book.handed_in(self._ledger, draft.token, remote)
        self.tally["batches"] += 1
        log.info("teacher: batch %s handed in: %d calls", remote, len(draft.claims))

    def _collect_all(self) -> None:
        """Wait for every batch at this endpoint, and take in what it brings."""
        reported = time.monotonic()
        while batches := batch_book.uncollected(self._ledger, self._terms.endpoint):
            for batch in batches:
                self._advance(batch, report=time.monotonic() - reported >= REPORT_EVERY_S)
            if time.monotonic() - reported >= REPORT_EVERY_S:
                reported = time.monotonic()
            if batch_book.uncollected(self._ledger, self._terms.endpoint):
                time.sleep(POLL_S)

    def _advance(self, batch: Batch, report: bool) -> None:
        """Look after a batch once."""
        remote = batch.remote or self._remote(batch)
        if remote is None:
            return
        state = self._server.state(remote)
        if state.ended:
            self._take_in(batch, state)
        elif report:
            log.info(
                "teacher: batch %s: %s, %d of %d calls done",
                *(remote, state.status, state.num_done, state.num_lines),
            )

    def _remote(self, batch: Batch) -> str | None:
        """The server's name of a batch whose run was cut off while it handed it in."""
        if batch.holder != self._holder and is_alive(self._ledger.folder, batch.holder):
            return None  # it is being handed in
        if remote := self._server.find(batch.token):
            batch_book.handed_in(self._ledger, batch.token, remote)
            return remote
        self._give_back(batch.token, batch.command)
        return None

    def _take_in(self, batch: Batch, state: State) -> None:
        """Settle every call of a batch that has ended."""
        claims = self._claims(batch.command, None)
        left = batch_book.claims_of(self._ledger, batch.token)
        for file in state.files:
            for name, outcome in outcomes(self._server.content(file)):
                if claim := left.pop(name, None):  # another's line, or a second one: nothing
                    self._settle(claims, claim, outcome)
        for claim in left.values():
            charged = state.status in ("completed", "not found")
            claims.fail(claim, f"no line in the batch, which {state.status}", charged=charged)
            self.tally["missing lines"] += 1
        batch_book.collected(self._ledger, batch.token)
        if state.status in ("failed", "cancelled"):
            self._error = TeacherError(
                f"the batch {batch.remote or batch.token} {state.status}: "
                f"{state.detail or 'the server does not say why'}; run again to hand it in again, "
                "or with teacher.mode=online"
            )

    def _settle(self, claims: Claims, claim: Claim, outcome: Reply | Exception) -> None:
        if isinstance(outcome, Filtered):
            outcome = filtered_reply(len(claim.samples), str(outcome))
        if isinstance(outcome, Reply):
            price = self._terms.price.of_usage(outcome.usage) if self._terms.price else None
            price = claim.worst_micro_usd if price is None else price
            num_answers = claims.answer(claim, outcome, price)
            refused = sum(choice.is_refused for choice in outcome.choices[:num_answers])
            self.tally["answers"] += num_answers - refused
            self.tally["refused"] += refused
            self.tally.update(outcome.without_answer)
            if not outcome.choices:
                self._set_aside.add(claim.request.identity)
            self._honours_n &= not outcome.num_choices == 1 < len(claim.samples)
        elif isinstance(outcome, Unanswered):
            claims.fail(claim, str(outcome), charged=outcome.charged)
            self.tally[outcome.kind] += 1
        elif isinstance(outcome, SetAside):
            claims.fail(claim, str(outcome), charged=outcome.charged)
            if not self.tally[outcome.kind]:
                log.warning("teacher: %s: set aside, the others go on: %s", outcome.kind, outcome)
            self.tally[outcome.kind] += 1
            self._set_aside.add(claim.request.identity)
        else:
            claims.fail(claim, str(outcome), charged=False)
            self.tally["calls refused"] += 1
            fix = parameter_fix(None, str(outcome), call_body(claim.request, 2, 0))
            said = f"{fix} ({outcome})" if fix else str(outcome)
            self._error = self._error or TeacherError(said)

    def _give_back(self, token: str, command: str) -> None:
        """Release the calls of a batch that the server does not have."""
        claimed = batch_book.claims_of(self._ledger, token).values()
        self._release(self._claims(command, None), list(claimed))
        batch_book.collected(self._ledger, token)

    def _release(self, claims: Claims, claimed: Sequence[Claim]) -> None:
        for claim in claimed:
            claims.fail(claim, "never handed in", charged=False)

    def _claims(self, command: str, holder: str | None) -> Claims:
        return Claims(self._ledger, holder=holder, command=command, lease_s=LEASE_S, at_once=None)

    def _worst(self, request: Request, num_answers: int) -> int | None:
        price = self._terms.price
        return price.worst_micro_usd(request, num_answers) if price else None
