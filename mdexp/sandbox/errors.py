"""The error for a sandbox that does not work, as opposed to a program that fails."""


class SandboxError(RuntimeError):
    """The sandbox is broken: a worker does not start, or fails on a harmless program."""
