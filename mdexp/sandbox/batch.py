"""Runs many programs in one Monty session, each in a namespace of its own.

The driver keeps results in a list in its own namespace. A program runs in another one, and Monty
offers no way from there to a frame, a closure or a function's names; the only object of ours that a
program holds, the function `exact_round`, cannot be altered. A random mark separates the programs'
printed texts. Programs with modules that would share state (`random`, the context of `decimal`) are
not batched (router.py).
"""

import secrets
from collections.abc import Sequence
from importlib import resources
from typing import Any

from pydantic_monty import MontyRuntimeError, MontySession

from mdexp.sandbox.outcome import MAX_TEXT_ANSWER
from mdexp.sandbox.printed import Printed

_DRIVER = """
found, begun = [], []

def run_on():
    begun.clear()
    for index in range(len(found), len(programs)):
        names = {"__name__": "__main__", "round": exact_round}
        print(mark, index, sep="")
        begun.append(index)
        try:
            exec(programs[index], names)
            found.append(portable(bound(names), max_text))
        except BaseException as error:
            found.append(["failed", type(error).__name__ + ": " + str(error)])
    return found

run_on()
"""
_FEED = "\n".join(
    resources.files("mdexp.sandbox").joinpath(name).read_text(encoding="utf-8")
    for name in ("exact_round.py", "answer_rule.py")
)
_FEED += _DRIVER
# A limit ends the feed, and the session continues. The program that was running has failed if it
# was the first of its feed; otherwise the others may have used up its time, and it runs again as
# the first.
_NEXT = """
if begun == [len(found)]:
    found.append(["failed", reason])
run_on()
"""

Found = tuple[str, Any, str]  # what was found, its value, what was printed


class BatchLostError(Exception):
    """The session does not finish its batch, however often it is fed."""


def run_batch(session: MontySession, programs: Sequence[str], max_bytes: int) -> list[Found]:
    """Return what each program left.

    MontyCrashedError or BatchLostError if everything is lost. `failed` comes with Monty's error,
    which need not be CPython's. The session's limits apply to each program.
    """
    mark = secrets.token_hex(16)
    printed = Printed(mark, max_bytes)
    feed = _FEED
    inputs: dict[str, Any] = {
        "programs": list(programs),
        "mark": mark,
        "max_text": MAX_TEXT_ANSWER,
    }
    for _ in range(2 * len(programs) + 1):
        try:
            found = session.feed_run(feed, inputs=inputs, print_callback=printed)
        except MontyRuntimeError as error:
            feed, inputs = _NEXT, {"reason": _reason(error)}
            continue
        except RuntimeError as error:
            if feed == _FEED:
                raise
            raise BatchLostError(str(error)) from error  # its worker did not survive the limit
        texts = printed.by_program()
        return [_judged(one, texts.get(number, ""), max_bytes) for number, one in enumerate(found)]
    raise BatchLostError(inputs["reason"])


def _judged(one: tuple[str, Any], text: str, max_bytes: int) -> Found:
    if len(text.encode()) > max_bytes:
        return "failed", "it printed more than the limit", ""
    return *one, text


def _reason(error: MontyRuntimeError) -> str:
    exception = error.exception()
    return f"{type(exception).__name__}: {exception}"
