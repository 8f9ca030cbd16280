"""The one thing that is no fault of a program."""


class SandboxError(RuntimeError):
    """The sandbox runs nothing: a worker does not start, or fails a harmless program."""
