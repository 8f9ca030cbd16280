"""Where a teacher is: which part of its URL is its identity, and whether it is on this machine.

A URL ends up in logs, run folders and trackers, so one that holds a secret is refused, without
repeating it.
"""

import ipaddress
from urllib.parse import SplitResult, urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}


def endpoint_identity(url: str) -> str:
    """Scheme, host, port and path. Two servers on two ports are two teachers; `teacher.identity`
    says where they are one."""
    parts = _split(url)
    shown = parts.port not in (None, _DEFAULT_PORTS[parts.scheme])
    port = f":{parts.port}" if shown else ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


def is_loopback(url: str) -> bool:
    host = _split(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _split(url: str) -> SplitResult:
    if "@" in url or "?" in url:
        raise ValueError(
            "a URL with credentials or a query is refused, it would be written into logs and run "
            "folders; teacher.api_key_env names the variable that holds the key"
        )
    try:
        parts = urlsplit(url)
        if parts.scheme in _DEFAULT_PORTS and parts.hostname and parts.port != 0:
            return parts
    except ValueError:
        pass  # an impossible port or address
    raise ValueError(
        f"got {url!r}, expected http:// or https:// with a host, such as http://127.0.0.1:8000/v1"
    )
