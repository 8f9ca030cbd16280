"""The kernel filter, tried in processes of its own; and machines that have none."""

import platform
import subprocess
import sys

import pytest

from mdexp.sandbox import cpython
from mdexp.sandbox.confined import seccomp
from mdexp.sandbox.cpython import confinement

needs_filter = pytest.mark.skipif(bool(confinement()), reason=confinement())


def _filtered(act: str) -> str:
    """What a filtered process prints on descriptor 2, the only one it may write to."""
    program = f"""
import os, sys, mmap, socket, ctypes, signal
from mdexp.sandbox.confined.seccomp import install, program_filter
install(program_filter(2))
try:
    {act}
except OSError as error:
    os.write(2, type(error).__name__.encode())
else:
    os.write(2, b"allowed")
os._exit(0)
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    return ran.stderr if ran.returncode == 0 else f"ended by {ran.returncode}"


@needs_filter
@pytest.mark.parametrize(
    "act",
    [
        "os.open('/etc/hostname', os.O_RDONLY)",
        "os.listdir('/')",
        "os.stat('/')",
        "os.unlink('/nothing')",
        "os.fork()",
        "os.execv('/bin/true', ['true'])",
        "os.kill(os.getppid(), 0)",
        "os.kill(os.getpid(), signal.SIGSTOP)",
        "os.dup2(2, 5)",
        "os.pipe()",
        "os.memfd_create('x')",
        "os.write(1, b'x')",
        "os.setuid(0)",
        "os.nice(-1)",
        "socket.socket()",
        "socket.socketpair()",
        "os.sched_setaffinity(0, [0])",
        "mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC)",
        "install(program_filter(1))",
    ],
)
def test_acts_beyond_the_process_are_refused(act: str) -> None:
    assert _filtered(act) == "PermissionError"


@needs_filter
@pytest.mark.parametrize(
    "act",
    ["bytearray(10**8)", "os.getpid()", "os.urandom(8)", "os.write(2, b'')", "mmap.mmap(-1, 4096)"],
)
def test_what_a_computation_needs_is_allowed(act: str) -> None:
    assert _filtered(act) == "allowed"


@needs_filter
def test_calls_of_another_architecture_end_the_process() -> None:
    if platform.machine() != "x86_64":
        pytest.skip("32-bit calls are of x86")
    # int 0x80; ret: getpid by its 32-bit number. Mapped executable before the filter is set.
    program = """
import ctypes, mmap
from mdexp.sandbox.confined.seccomp import install, program_filter
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(bytes.fromhex("b814000000cd80c3"))
call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
install(program_filter(2))
call()
"""
    ran = subprocess.run([sys.executable, "-c", program], timeout=60, check=False)
    assert ran.returncode < 0


def test_a_filter_that_can_be_set_is_in_force() -> None:
    """Not skipped where the others are: a filter that lets all through is no lack of a machine."""
    assert not confinement().endswith("it is not in force")


def test_machines_without_a_filter_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert confinement() == "a kernel filter (seccomp) needs Linux, this is darwin"
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    expected = "there is a kernel filter for x86_64, aarch64, not for 'riscv64'"
    assert confinement() == seccomp.unknown_here() == expected


def test_a_kernel_that_refuses_the_filter_is_asked_and_quoted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusing = "raise OSError(22, 'prctl(22): Invalid argument')"
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(cpython, "_PROBE", refusing)
    reason = confinement()
    assert reason.startswith("a kernel filter (seccomp) cannot be set: OSError: [Errno 22]")
    monkeypatch.setattr(cpython, "_PROBE", "raise SystemExit('it is not in force')")
    assert confinement().endswith("it is not in force")


def test_both_architectures_have_a_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    filters = set()
    for machine in ("x86_64", "aarch64"):
        monkeypatch.setattr(platform, "machine", lambda machine=machine: machine)
        instructions = seccomp.program_filter(3)
        assert len(instructions) % 8 == 0
        filters.add(instructions)
    assert len(filters) == 2
