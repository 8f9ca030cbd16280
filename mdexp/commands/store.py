"""Check what stages wrote: `mdexp store [--store FOLDER] verify`.

Compares the size and hash of every file in the store with those recorded when it was written. An
output that differs is set aside as KEY.damaged, and the next run that needs it runs its stage
again. Exit codes: 0, 1 (something differs), 2 (the command line, or a file cannot be read), 130 and
143 (signals).
"""

import argparse
import os
from collections import Counter
from collections.abc import Sequence
from math import inf
from pathlib import Path

from filelock import Timeout

from mdexp.commands.exit_codes import as_exit_code
from mdexp.store.integrity import read_manifest
from mdexp.store.stage_store import Store, damage, key_lock, put_aside

DEFAULT = ".mdexp"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; return its exit code."""
    folder = Path(_arguments(argv).store)
    return as_exit_code(lambda: _verify(folder), refused=(ValueError, OSError))


def _verify(folder: Path) -> int:
    if not (folder / "stages").is_dir():
        raise ValueError(f"{folder}: there is no store here yet; --store names another one")
    return verify_store(Store(folder))


def verify_store(store: Store) -> int:
    """Check every output, set damaged ones aside, and print what was found; returns the exit
    code."""
    found = Counter(map(_verdict, store.outputs()))
    print(", ".join(f"{number} {verdict}" for verdict, number in found.items()) or "0 outputs")
    return int("damaged" in found)


def _verdict(folder: Path) -> str:
    """The verdict on one output, as a phrase to count by."""
    place = folder.with_suffix("")  # the key, of any version
    try:
        with key_lock(place, timeout=0):
            if fault := damage(folder, hash_up_to=inf):
                aside = put_aside(folder)
                print(f"{folder.parent.name} {folder.name}: {fault}; set aside as {aside.name}")
                return "damaged"
    except Timeout:
        return "not checked (a run makes it now)"
    return "sound" if read_manifest(folder).get("files") else "without hashes (older version)"


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="mdexp store",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    store = os.environ.get("MDEXP_STORE", DEFAULT)
    parser.add_argument("--store", default=store, help="the store to check (%(default)s)")
    parser.add_argument("what", choices=["verify"])
    return parser.parse_args(argv)
