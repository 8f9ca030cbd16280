"""Length-prefixed JSON on pipes between host, template and child, and a test whether the other
process is stopped."""

import json
import os
import struct
from typing import Any

_LENGTH = struct.Struct("<I")
HEAD_BYTES = _LENGTH.size


def packed(message: dict[str, Any]) -> bytes:
    payload = json.dumps(message).encode()
    return _LENGTH.pack(len(payload)) + payload


def unpacked(frame: bytes) -> dict[str, Any]:
    """The message of exactly one frame. ValueError for anything else, whatever it is."""
    if len(frame) < _LENGTH.size or _LENGTH.unpack_from(frame)[0] != len(frame) - _LENGTH.size:
        raise ValueError("not one whole frame")
    try:
        message = json.loads(frame[_LENGTH.size :])
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(message, dict):
        raise ValueError("not an object")
    return message


def send(descriptor: int, frame: bytes) -> None:
    """Write all of a frame. OSError if the other end is gone."""
    left = memoryview(frame)
    while left:
        left = left[os.write(descriptor, left) :]


def receive(descriptor: int) -> bytes:
    """Read one frame from a trusted process. EOFError if it is gone."""
    head = _exactly(descriptor, _LENGTH.size)
    return head + _exactly(descriptor, _LENGTH.unpack(head)[0])


def is_stopped(pid: int) -> bool:
    """Whether a signal (SIGSTOP) stopped a process, so that it will not answer."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[0] == b"T"
    except OSError:
        return False


def _exactly(descriptor: int, size: int) -> bytes:
    parts, left = [], size
    while left:
        part = os.read(descriptor, min(left, 2**20))
        if not part:
            raise EOFError("the other end is gone")
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
