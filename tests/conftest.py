"""What holds for all tests: the same examples every time, no failure because a machine is busy."""

import signal

from hypothesis import settings

settings.register_profile("mdexp", deadline=None, derandomize=True)
settings.load_profile("mdexp")

# Ctrl-C is ignored in what a shell started in the background, and in all that this starts in turn.
signal.signal(signal.SIGINT, signal.default_int_handler)
