"""The user that programs run as."""

import os

_NOBODY = 65534  # user and group without any rights, on every Linux


def become_nobody() -> None:
    """Give up root for good; other users are unchanged. OSError if that is refused."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
