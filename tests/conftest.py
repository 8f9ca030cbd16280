"""Property tests run the same examples every time, and none fails because a machine is busy."""

from hypothesis import settings

settings.register_profile("mdexp", deadline=None, derandomize=True)
settings.load_profile("mdexp")
