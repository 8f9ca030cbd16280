"""A Hugging Face hub on 127.0.0.1 with the files it is given, and those that it is sent.

It can be gated, cut a reply, or refuse what is sent. Its client reads HF_ENDPOINT once, so each
`look` at it is a process of its own.
"""

import base64
import hashlib
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

COMMIT = "c" * 40
ROOT = Path(__file__).parents[1]


def look(probe: str, endpoint: str, cache: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run Python that asks the hub."""
    own = {"HF_ENDPOINT": endpoint, "HF_HOME": str(cache), "PYTHONPATH": str(ROOT)}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    return subprocess.run(
        [sys.executable, "-c", probe], env=kept | own | more, capture_output=True, text=True
    )


class HubServer:
    """`files` are by "repo/file", of datasets by "datasets/repo/file"; `asked` is what came in."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.private: dict[str, bool] = {}  # repositories that can be sent to, by name
        self.sent: dict[str, dict[str, bytes]] = {}  # files of commits, by repository
        self.authorized: set[str] = set()  # who sent
        self.takes = True  # else a commit is refused, and its authorization repeated
        self.gated = False
        self.cuts = 0  # how many downloads still break off halfway
        self.asked: list[tuple[str, str, str]] = []  # method, path, range
        handler = type("Handler", (_Handler,), {"hub": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: HubServer
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._serve(with_body=False)

    def do_GET(self) -> None:
        self._serve(with_body=True)

    def _serve(self, with_body: bool) -> None:
        ranged = self.headers.get("Range", "")
        self.hub.asked.append((self.command, self.path, ranged))
        repo, _, file = self.path.strip("/").partition(f"/resolve/{COMMIT}/")
        content = self.hub.files.get(f"{repo}/{file}")
        known = any(name.startswith(f"{repo}/") for name in self.hub.files)
        if self.hub.gated:
            self._refuse(403, "GatedRepo", "Access to this repo is restricted")
        elif (name := self.path.removeprefix("/api/models/")) in self.hub.private:
            self._reply(200, {"id": name, "private": self.hub.private[name]})
        elif self.path.startswith("/api/"):  # whether a folder of the repository is there
            self._refuse(404, "EntryNotFound", "Entry not found")
        elif not known:
            self._refuse(404, "RepoNotFound", "Repository not found")
        elif content is None:
            self._refuse(404, "EntryNotFound", "Entry not found")
        else:
            self._send(content, ranged, with_body)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        authorization = self.headers.get("Authorization", "")
        self.hub.authorized.add(authorization)
        repo, _, action = (
            self.path.removeprefix("/api/models/").rpartition("/main")[0].rpartition("/")
        )
        if self.path == "/api/repos/create":
            self._create(json.loads(body))
        elif self.path == "/api/validate-yaml":
            self._reply(200, {"errors": [], "warnings": []})
        elif action == "preupload":
            paths = [file["path"] for file in json.loads(body)["files"]]
            modes = {"uploadMode": "regular", "shouldIgnore": False}
            self._reply(200, {"files": [{"path": path, **modes} for path in paths]})
        elif not self.hub.takes:
            self._reply(403, {"error": f"not with {authorization}"})
        else:
            lines = [json.loads(line) for line in body.splitlines()]
            files = [line["value"] for line in lines if line["key"] == "file"]
            sent = {file["path"]: base64.b64decode(file["content"]) for file in files}
            self.hub.sent.setdefault(repo, {}).update(sent)
            self._reply(200, {"commitUrl": f"{self.hub.url}/{repo}", "commitOid": COMMIT})

    def _create(self, asked: dict[str, Any]) -> None:
        name = f"{asked['organization']}/{asked['name']}"
        status = 409 if name in self.hub.private else 200
        self.hub.private.setdefault(name, asked.get("visibility") == "private")
        self._reply(status, {"url": f"{self.hub.url}/{name}"})

    def _reply(self, status: int, content: dict[str, Any]) -> None:
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _send(self, content: bytes, ranged: str, with_body: bool) -> None:
        first = int(ranged.removeprefix("bytes=").partition("-")[0] or 0)
        part = content[first:]
        self.send_response(206 if ranged else 200)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(part)))
        if ranged:
            whole = len(content)
            self.send_header("Content-Range", f"bytes {first}-{whole - 1}/{whole}")
        self.end_headers()
        if not with_body:
            return
        if self.hub.cuts:
            self.hub.cuts -= 1
            self.wfile.write(part[: len(part) // 2])
            self.wfile.flush()
            self.close_connection = True
            return
        self.wfile.write(part)

    def _refuse(self, status: int, code: str, message: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", message)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr."""
