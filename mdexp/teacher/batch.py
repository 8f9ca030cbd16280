"""Buys answers by the Batch API: files of requests, answered within a day, for part of the price.

Each call is claimed in the ledger like any other, so the budget covers it and no other process
sends it. A batch outlives the run that submitted it: the next run of any command polls it before it
submits anything itself. Calls that expired, failed or are missing are submitted again.

If the server does not confirm the start of a batch, its calls are `unknown` and count with their
worst case. Nothing is bought until the server was asked for that batch by its token.
"""

import logging
import time
from collections import Counter
from collections.abc import Iterator

from mdexp.teacher import batch_collection, batch_ledger, budget
from mdexp.teacher.batch_collection import BatchCollection, claims_of_batches, release
from mdexp.teacher.batch_lines import input_line
from mdexp.teacher.batch_server import BatchServer, UnknownStart
from mdexp.teacher.command_id import current_command
from mdexp.teacher.families import family_of
from mdexp.teacher.holder import Holder
from mdexp.teacher.leases import Claim
from mdexp.teacher.ledger import Ledger
from mdexp.teacher.progress import counted
from mdexp.teacher.purchase import Terms
from mdexp.teacher.request import Request, Wanted
from mdexp.teacher.retry import TeacherError

log = logging.getLogger(__name__)

MAX_LINES = 50_000  # of a file, as OpenAI has it
MAX_BYTES = 190_000_000
MAX_VAIN_ROUNDS = 3  # rounds in a row that bring no answer


def purchase_by_batch(
    wanted: Wanted, ledger: Ledger, terms: Terms, key: str, title: str = "teacher"
) -> None:
    """Buy the missing answers as far as the budget goes, and wait for them; `title` begins the
    lines of progress. TeacherError if the teacher cannot go on; ValueError for terms that cannot be
    kept."""
    before = ledger.num_missing(wanted)
    with (
        BatchServer(terms.base_url, key, terms.timeout_s, terms.max_retries) as server,
        Holder(ledger.folder) as holder,
    ):
        run = BatchPurchase(ledger, server, terms, holder.name)
        try:
            run.buy(wanted, title)
        except (KeyboardInterrupt, SystemExit):
            log.warning("teacher: batches go on at the server; the next run collects them")
            raise
        finally:
            missing = ledger.num_missing(wanted)
            bought = before - missing - run.tally["refused"]
            log.info(
                "teacher: %d of %d answers bought by Batch; %s", bought, before, counted(run.tally)
            )
            if missing:
                log.warning("teacher: %d of %d answers could not be had", missing, before)


class Draft:
    """A batch to which calls are added before it is submitted."""

    def __init__(self) -> None:
        self.token = batch_ledger.new_token()
        self.lines: list[str] = []
        self.claims: list[Claim] = []
        self._num_bytes = 0

    def add(self, claim: Claim) -> bool:
        """Add a call; False if it would be too much for one file."""
        line = input_line(batch_ledger.custom_id(self.token, claim), claim)
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
        self._ledger, self._server, self._terms = ledger, server, terms
        self._holder, self._command = holder, current_command()
        self._collection = BatchCollection(ledger, server, terms, holder)
        self.tally = self._collection.tally
        with ledger.writing():
            budget.open_budget(ledger.db, self._command, terms.budget_micro_usd)

    def buy(self, wanted: Wanted, title: str) -> None:
        """Buy until every request is complete, the money is spent, or rounds bring nothing more."""
        self._collection.collect_all(title)
        vain_rounds = 0
        while vain_rounds < MAX_VAIN_ROUNDS:
            set_aside = self._collection.set_aside
            wanted = {r: samples for r, samples in wanted.items() if r.identity not in set_aside}
            if not self._ledger.num_missing(wanted):
                break
            if self._collection.error:
                raise self._collection.error
            num_answers, num_batches = self.tally["answers"], self.tally["batches"]
            refusals = self._submit(wanted)
            self._collection.collect_all(title)
            if self.tally["batches"] > num_batches:
                vain_rounds = 0 if self.tally["answers"] > num_answers else vain_rounds + 1
            elif refusals.keys() & {"leased", "reserved"}:
                time.sleep(
                    batch_collection.POLL_S
                )  # another process asks for them, or holds the money
            else:
                log.warning("teacher: what is left of the budget may not pay for another call")
                break
        if self._collection.error:
            raise self._collection.error

    def _submit(self, wanted: Wanted) -> Counter[str]:
        """Claim and submit the missing calls, in as many batches as it takes; return how many
        claims were refused, by reason."""
        refusals: Counter[str] = Counter()
        claims, draft = claims_of_batches(self._ledger, self._command, self._holder), Draft()
        try:
            for request, samples, seed in self._shares(wanted):
                worst = self._worst(request, len(samples))
                claim = claims.claim(request, samples, worst, seed)
                if not isinstance(claim, Claim):
                    refusals[claim] += 1
                elif not draft.add(claim):
                    full, draft = draft, Draft()
                    draft.add(claim)
                    self._start(full)
        except BaseException:
            release(claims, draft.claims)
            raise
        if draft.claims:
            self._start(draft)
        return refusals

    def _shares(self, wanted: Wanted) -> Iterator[tuple[Request, list[int], int | None]]:
        """The samples that each line asks for, and its seed."""
        for request, samples in wanted.items():
            missing, seed = self._ledger.missing(request, samples), request.settings.get("seed")
            takes_n = self._collection.honours_n and family_of(request.model).takes_n
            if seed is None and takes_n and missing:
                yield request, missing, None
            elif missing:
                yield from (
                    (request, [n], n or None if seed is None else seed + n) for n in missing
                )

    def _start(self, draft: Draft) -> None:
        """Write a batch down in the ledger, then submit it. If the server rejects it, its calls are
        released and TeacherError is raised."""
        path, names = draft.claims[0].request.path, (self._command, self._holder)
        batch_ledger.write_down(self._ledger, draft.token, draft.claims, *names)
        try:
            remote = self._server.submit("".join(draft.lines), path, draft.token)
        except UnknownStart as error:
            said = f"{error}; whether the server started the batch {draft.token} is not known"
            claims_of_batches(self._ledger, self._command).leave_unknown(draft.claims, said)
            raise TeacherError(f"{said}; run again to find out: nothing is bought before") from None
        except TeacherError as error:
            self._collection.give_back(draft.token, self._command)
            raise TeacherError(f"{error}; teacher.mode=online needs no Batch API") from error
        batch_ledger.submitted(self._ledger, draft.token, remote)
        self.tally["batches"] += 1
        log.info("teacher: batch %s submitted: %d calls", remote, len(draft.claims))

    def _worst(self, request: Request, num_answers: int) -> int | None:
        price = self._terms.price
        return price.worst_micro_usd(request, num_answers) if price else None
