"""Imports of a confined program find only modules that are already loaded."""

import sys
from collections.abc import Callable
from typing import Any, NoReturn

_ELSEWHERE_WORDS = """
cvxpy dateutil gurobipy matplotlib networkx ortools pandas pulp pytz requests scipy seaborn
sklearn statsmodels torch tqdm z3
"""
ELSEWHERE = frozenset(_ELSEWHERE_WORDS.split())
NUMERIC = frozenset({"mpmath", "numpy", "sympy"})
# With these a program could act outside of its process.
_REACHING_OUT_WORDS = """
asyncio concurrent ctypes fcntl ftplib glob http imaplib importlib marshal mmap multiprocessing
pathlib pdb pickle poplib posix pty requests resource runpy select selectors shelve shutil
signal site smtplib socket socketserver sqlite3 ssl subprocess tempfile telnetlib threading
urllib webbrowser xmlrpc
"""
_REACHING_OUT = frozenset(_REACHING_OUT_WORDS.split())


class NotOffered(ImportError):
    """A module that exists but is not available in the sandbox."""


class LoadedOnly:
    """The only finder of a confined process; it is asked for modules that are not loaded."""

    def __init__(self, numeric: bool, want_numeric: Callable[[], NoReturn]) -> None:
        self._numeric = numeric
        self._want_numeric = want_numeric

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """None for an unknown module; for others an error, or a switch to the full template."""
        root = name.partition(".")[0]
        if root in NUMERIC and not self._numeric:
            self._want_numeric()
        if root in _REACHING_OUT:
            raise PermissionError(f"module {name!r} is not to be had in here")
        if root in sys.stdlib_module_names or root in ELSEWHERE:
            raise NotOffered(f"module {name!r} is not to be had in here")


def hide() -> None:
    """Hide loaded modules that programs must not import; other modules keep using them."""
    for name in list(sys.modules):
        root = name.partition(".")[0]
        if root in _REACHING_OUT or root in {"mdexp", "_ctypes", "_posixsubprocess", "_socket"}:
            del sys.modules[name]
