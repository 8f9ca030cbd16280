"""What an exception inside Monty says about the program.

Monty is not all of CPython. Where CPython has the name, attribute or module that Monty misses, the
program is not wrong but `unsupported`. A program may raise any of these texts itself; then it only
mislabels its own failure.
"""

import builtins
import re

from mdexp.ports import ProgramStatus

# Modules by which a program would reach out of its process.
_REACHING_OUT = frozenset(
    {
        "asyncio",
        "ctypes",
        "ftplib",
        "glob",
        "http",
        "importlib",
        "mmap",
        "multiprocessing",
        "os",
        "pathlib",
        "pty",
        "requests",
        "shutil",
        "signal",
        "smtplib",
        "socket",
        "ssl",
        "subprocess",
        "tempfile",
        "threading",
        "urllib",
    }
)
# `site` puts these beside the builtins; a program that reads them forgot to define them.
_INTERACTIVE_NAMES = frozenset({"copyright", "credits", "help", "license", "_"})

_MODULE = re.compile(
    r"No module named '(\w+)|module '(\w+)[\w.]*' has no attribute"
    r"|cannot import name '\w+' from '(\w+)|'(\w+)\.\w+' is not supported in this environment"
)
_NAME = re.compile(r"name '(\w+)' is not defined")
_ATTRIBUTE = re.compile(r"'(\w+)' object has no attribute '(\w+)'")


def verdict(exception: str, message: str) -> ProgramStatus:
    """The status of a program that ended in an exception of this class and message."""
    if exception == "TimeoutError" and "time limit exceeded" in message:
        return "timeout"
    if exception == "MemoryError":
        return "memory"
    if exception == "PermissionError":
        return "forbidden"
    if match := _MODULE.match(message):
        return "forbidden" if next(filter(None, match.groups())) in _REACHING_OUT else "unsupported"
    if exception == "NotImplementedError" or "Internal error in monty" in message:
        return "unsupported"
    return "unsupported" if _cpython_has(message) else "runtime_error"


def _cpython_has(message: str) -> bool:
    """Whether the name or attribute that was not found is one of CPython's own."""
    if name := _NAME.match(message):
        return hasattr(builtins, name[1]) and name[1] not in _INTERACTIVE_NAMES
    if attribute := _ATTRIBUTE.match(message):
        return hasattr(getattr(builtins, attribute[1], None), attribute[2])
    return False
