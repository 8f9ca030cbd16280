"""A teacher's URL, the part of it that is the teacher's identity, and the key it needs.

A URL ends up in logs, run folders and trackers, so one that holds a secret is refused, without
repeating it.
"""

import ipaddress
import os
from urllib.parse import SplitResult, urlsplit

DEFAULT_URL = "https://api.openai.com/v1"
NO_KEY = "EMPTY"  # a dummy key for servers on this machine
_DEFAULT_PORTS = {"http": 80, "https": 443}


def server_url(base_url: str | None) -> str:
    """The URL given, else that of the environment, else OpenAI's; ValueError if the environment's
    is not a URL."""
    if base_url:
        return base_url
    url = os.environ.get("OPENAI_BASE_URL") or DEFAULT_URL
    try:
        endpoint_identity(url)
    except ValueError as error:
        raise ValueError(f"environment variable OPENAI_BASE_URL: {error}") from error
    return url


def server_key(variable: str, url: str) -> str:
    """The key in an environment variable. It is stored in no field, so it reaches no file, log or
    repr. ValueError if the server at `url` needs a key and there is none."""
    if key := os.environ.get(variable, "").strip():
        return key
    if is_loopback(url):
        return NO_KEY
    raise ValueError(
        f"teacher.api_key_env: the environment variable {variable} is not set, and "
        f"{endpoint_identity(url)} needs a key; nothing was sent"
    )


def endpoint_identity(url: str) -> str:
    """Scheme, host, port and path. Two servers on two ports are two teachers unless
    `teacher.identity` gives them one name."""
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
