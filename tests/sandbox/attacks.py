"""Hostile programs, as data: each says what it must not do. No one is run by a test of its own.

An attack finds these names bound when it starts (`World.preamble`): `canary`, a file that anybody
may read; `drop`, a path that anybody may write; `port`, of a server on 127.0.0.1; `host`, the id of
the process that uses the sandbox; `machine`, what `platform.machine()` gives. It prints `reached`,
or answers with it, once it has done what no other evidence shows.
"""

from dataclasses import dataclass

from mdexp.records import ProgramStatus


@dataclass(frozen=True, slots=True)
class Attack:
    """One hostile program."""

    name: str
    must_not: str  # what it tries to do
    program: str
    # The results that are right. Empty, where any will do: a program that is denied one way may
    # fail, or go on and answer.
    statuses: tuple[ProgramStatus, ...] = ()
    # Does no damage to the machine where nothing holds it back: there it has to succeed.
    control: bool = False
