"""Polls the batches that any run submitted, and stores their results.

A batch whose start the server did not confirm is looked up by its token. If the server does not
have it, it was never started: its calls cost nothing and may be sent again.
"""

import logging
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Sequence

from mdexp.teacher import batch_ledger
from mdexp.teacher.batch_ledger import Batch
from mdexp.teacher.batch_lines import line_outcomes
from mdexp.teacher.batch_progress import BatchProgress
from mdexp.teacher.batch_server import BatchServer, State
from mdexp.teacher.families import call_body
from mdexp.teacher.holder import Holder, is_alive
from mdexp.teacher.leases import Claim, Claims
from mdexp.teacher.ledger import Ledger
from mdexp.teacher.purchase import Terms
from mdexp.teacher.refusals import parameter_fix
from mdexp.teacher.reply import Reply, filtered_reply
from mdexp.teacher.retry import Filtered, SetAside, TeacherError, Unanswered

log = logging.getLogger(__name__)

POLL_S = 15.0
LEASE_S = 26 * 3600.0  # a batch ends within 24 hours
# Half a surrogate pair, a number beyond 64 bits, a list where a text belongs.
_CANNOT_BE_STORED = (
    ValueError,
    TypeError,
    OverflowError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)


def settle_batches(ledger: Ledger, terms: Terms, key: str) -> None:
    """Store what batches of earlier runs have brought so far, and look up those whose start was not
    confirmed. TeacherError if the server does not answer."""
    if not batch_ledger.uncollected(ledger, terms.endpoint):
        return
    with (
        BatchServer(terms.base_url, key, terms.timeout_s, terms.max_retries) as server,
        Holder(ledger.folder) as holder,
    ):
        run = BatchCollection(ledger, server, terms, holder.name)
        run.look_after_all()
        if run.error:
            log.warning("teacher: %s", run.error)


class BatchCollection:
    """Collects the batches at one endpoint. `tally` counts answers and failures by kind; `error` is
    why the teacher cannot go on; `honours_n` is whether the server gave as many choices as were
    asked for."""

    def __init__(self, ledger: Ledger, server: BatchServer, terms: Terms, holder: str) -> None:
        self.tally: Counter[str] = Counter()
        self.error: TeacherError | None = None
        self.honours_n = True
        self.set_aside: set[str] = set()  # identities of requests that are not submitted again
        self._ledger, self._server, self._terms = ledger, server, terms
        self._holder = holder

    def collect_all(self, title: str) -> None:
        """Wait for every batch at this endpoint and store its results; `title` begins the lines of
        progress."""
        num_calls = batch_ledger.num_uncollected_calls(self._ledger, self._terms.endpoint)
        if not num_calls:
            return
        with BatchProgress(num_calls, title, self.tally) as progress:
            while True:
                self.look_after_all(progress.saw)
                if not batch_ledger.uncollected(self._ledger, self._terms.endpoint):
                    break
                time.sleep(POLL_S)

    def look_after_all(self, saw: Callable[[str, State], None] = lambda *_: None) -> None:
        """Poll every batch at this endpoint once; `saw` is called with its token and state."""
        for batch in batch_ledger.uncollected(self._ledger, self._terms.endpoint):
            if state := self._advance(batch):
                saw(batch.token, state)

    def give_back(self, token: str, command: str) -> None:
        """Release the calls of a batch that the server does not have."""
        claimed = batch_ledger.claims_of(self._ledger, token).values()
        release(claims_of_batches(self._ledger, command), list(claimed))
        batch_ledger.collected(self._ledger, token)

    def _advance(self, batch: Batch) -> State | None:
        """Poll a batch once; return its state if the server gave it."""
        remote = batch.remote or self._remote(batch)
        if remote is None:
            return None
        state = self._server.state(remote)
        if state.status == "not found" and self._server.find(batch.token):
            return None  # it is listed, so it is there
        if state.ended:
            self._take_in(batch, state)
        return state

    def _remote(self, batch: Batch) -> str | None:
        """The server's name of a batch whose run was killed while submitting it."""
        if batch.holder != self._holder and is_alive(self._ledger.folder, batch.holder):
            return None  # another process is submitting it
        if remote := self._server.find(batch.token):
            batch_ledger.submitted(self._ledger, batch.token, remote)
            return remote
        self.give_back(batch.token, batch.command)
        return None

    def _take_in(self, batch: Batch, state: State) -> None:
        """Settle every call of a batch that has ended."""
        claims = claims_of_batches(self._ledger, batch.command)
        left = batch_ledger.claims_of(self._ledger, batch.token)
        for file in state.files:
            for name, outcome in line_outcomes(self._server.content(file)):
                if claim := left.pop(name, None):  # not a stranger's or repeated line
                    self._settle_line(claims, claim, outcome)
        for claim in left.values():
            charged = state.status in ("completed", "not found")
            claims.fail(claim, f"no line in the batch, which {state.status}", charged=charged)
            self.tally["missing lines"] += 1
        batch_ledger.collected(self._ledger, batch.token)
        if state.status in ("failed", "cancelled"):
            self.error = TeacherError(
                f"the batch {batch.remote or batch.token} {state.status}: "
                f"{state.detail or 'the server does not say why'}; run again to submit it again, "
                "or with teacher.mode=online"
            )

    def _settle_line(self, claims: Claims, claim: Claim, outcome: Reply | Exception) -> None:
        """A line that the ledger cannot hold costs that line, not the batch."""
        try:
            self._settle(claims, claim, outcome)
        except _CANNOT_BE_STORED as error:
            claims.fail(claim, f"a line that cannot be stored: {error!r}", charged=True)
            self.tally["broken lines"] += 1

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
                self.set_aside.add(claim.request.identity)
            self.honours_n &= not outcome.num_choices == 1 < len(claim.samples)
        elif isinstance(outcome, Unanswered):
            claims.fail(claim, str(outcome), charged=outcome.charged)
            self.tally[outcome.kind] += 1
        elif isinstance(outcome, SetAside):
            claims.fail(claim, str(outcome), charged=outcome.charged)
            if not self.tally[outcome.kind]:
                log.warning("teacher: %s: set aside, the others go on: %s", outcome.kind, outcome)
            self.tally[outcome.kind] += 1
            self.set_aside.add(claim.request.identity)
        else:
            claims.fail(claim, str(outcome), charged=False)
            self.tally["calls refused"] += 1
            fix = parameter_fix(None, str(outcome), call_body(claim.request, 2, 0))
            said = f"{fix} ({outcome})" if fix else str(outcome)
            self.error = self.error or TeacherError(said)


def claims_of_batches(ledger: Ledger, command: str, holder: str | None = None) -> Claims:
    """The Claims that settle the calls of a command's batches; `holder` owns them until they are
    submitted."""
    return Claims(ledger, holder=holder, command=command, lease_s=LEASE_S, at_once=None)


def release(claims: Claims, claimed: Sequence[Claim]) -> None:
    """Release calls that were never sent to a server."""
    for claim in claimed:
        claims.fail(claim, "never submitted", charged=False)
