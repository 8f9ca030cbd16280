"""Refuses texts that no tier can run."""

from mdexp.records import ProgramResult

MAX_PROGRAM_BYTES = 64 * 1024


def refused(program: str) -> ProgramResult | None:
    """The result of a text that is not run; None for one that is."""
    if "\0" in program:
        return ProgramResult(
            status="syntax_error", error="SyntaxError: source code cannot contain null bytes"
        )
    try:
        size = len(program.encode())
    except UnicodeEncodeError:
        return ProgramResult(
            status="syntax_error", error="SyntaxError: source code cannot contain surrogates"
        )
    if size > MAX_PROGRAM_BYTES:
        error = f"the program has {size} bytes; at most {MAX_PROGRAM_BYTES} are run"
        return ProgramResult(status="unsupported", error=error)
    return None
