"""The exit codes of commands: 0 done, 1 a failure of this machine or of a server, 2 bad input, 130
and 143 a signal, 141 the reader of the output is gone."""

import os
import signal
import sys
from collections.abc import Callable

from mdexp.commands.printable import print_error
from mdexp.commands.signals import signals_as_exits
from mdexp.sandbox.errors import SandboxError
from mdexp.store.hub import HubError


def as_exit_code(work: Callable[[], int | None], refused: tuple[type[Exception], ...]) -> int:
    """Run a command's work; returns its exit code, or the one for the exception that ended it.
    `refused` are the exceptions for bad input: their messages are printed without a traceback."""
    try:
        with signals_as_exits():
            return work() or 0
    except BrokenPipeError:
        # The reader closed the pipe; the interpreter must not complain when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except (HubError, SandboxError) as error:
        print_error(error)
        return 1
    except refused as error:
        print_error(error)
        return 2
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
