"""A Hugging Face hub on 127.0.0.1 with the files it is given; it can be gated or cut a reply."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

COMMIT = "c" * 40


class HubServer:
    """`files` are by "repo/file", of datasets by "datasets/repo/file"; `asked` is what came in."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
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
        elif self.path.startswith("/api/"):  # whether a folder of the repository is there
            self._refuse(404, "EntryNotFound", "Entry not found")
        elif not known:
            self._refuse(404, "RepoNotFound", "Repository not found")
        elif content is None:
            self._refuse(404, "EntryNotFound", "Entry not found")
        else:
            self._send(content, ranged, with_body)

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
