"""A large block that was freed is there for the next one, without the system's help."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
from mdexp.students.process_memory import keep_freed_memory

assert sys.argv[1] == "as it is" or keep_freed_memory()
before = []
for _ in range(4):
    bytearray(b"x") * 2**26
    before.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
print(before[-1] - before[1])
"""


def page_faults(how):
    """While two blocks of 64 MiB are made and freed, after two others."""
    command = [sys.executable, "-c", FAULTS, how]
    return int(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_freed_memory_is_kept():
    assert page_faults("as it is") > 2000
    assert page_faults("kept") < 100
