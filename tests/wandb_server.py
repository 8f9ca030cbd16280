"""A W&B server on 127.0.0.1: says yes to everything and remembers what it was told."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import quote, unquote

UPLOADS = "uploads"


class WandbServer:
    """`history` has the rows that were logged, `uploads` the files of runs and artifacts by name,
    `told` the last arguments of an operation."""

    def __init__(self) -> None:
        self.history: list[dict[str, Any]] = []
        self.uploads: dict[str, bytes] = {}
        self._told: list[tuple[str, dict[str, Any]]] = []
        handler = type("Handler", (_Handler,), {"wandb": self})
        self._http = _Server(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._alive = True
        self.is_silent = False  # takes what is sent and says nothing
        self.gone = threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.die()

    def die(self) -> None:
        if self._alive:
            self._alive = False
            self.gone.set()
            self._http.shutdown()
            self._http.server_close()

    def fall_silent(self) -> None:
        self.is_silent = True

    def all_told(self, operation: str) -> list[dict[str, Any]]:
        return [told for name, told in self._told if name == operation]

    def told(self, operation: str) -> dict[str, Any]:
        return self.all_told(operation)[-1]

    def _place(self, name: str) -> str:
        return f"{self.url}/{UPLOADS}/{quote(name, safe='')}"

    def answer(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        found = re.search(r"(?:query|mutation)\s+(\w+)", query)
        operation = found.group(1) if found else ""
        self._told.append((operation, variables))
        project = {"id": "p", "name": "mdexp", "entity": {"id": "e", "name": "someone"}}
        match operation:
            case "Viewer":
                return {"viewer": {"id": "u", "entity": "someone", "username": "u", "flags": "{}"}}
            case "UpsertBucket":
                name = variables.get("name") or "run"
                bucket = {"id": "b", "name": name, "displayName": name, "project": project}
                return {"upsertBucket": {"bucket": bucket | {"config": "{}"}, "inserted": True}}
            case "CreateRunFiles":
                files = [{"name": f, "uploadUrl": self._place(f)} for f in variables["files"]]
                made = {"runID": "b", "uploadHeaders": [], "files": files}
                return {"createRunFiles": made}
            case "ArtifactType":
                return {"project": None}
            case "CreateArtifact":
                artifact = {"id": "a", "state": "PENDING", "artifactSequence": {"id": "s"}}
                return {"createArtifact": {"artifact": artifact}}
            case "CreateArtifactManifest":
                place = self._place("manifest")
                file = {"id": "f", "name": "m", "uploadUrl": place, "uploadHeaders": []}
                manifest = {"id": "m", "file": file}
                return {"createArtifactManifest": {"artifactManifest": manifest}}
            case "CreateArtifactFiles":
                specs = (variables.get("input") or variables)["artifactFiles"]
                edges = [
                    {
                        "node": {
                            "id": str(number),
                            "name": spec["name"],
                            "displayName": spec["name"],
                            "uploadUrl": self._place(spec["name"]),
                            "uploadHeaders": [],
                            "storagePath": f"s/{number}",
                            "artifact": {"id": "a"},
                        }
                    }
                    for number, spec in enumerate(specs)
                ]
                return {"createArtifactFiles": {"files": {"edges": edges}}}
            case "CommitArtifact":
                return {"commitArtifact": {"artifact": {"id": "a", "digest": "d"}}}
            case _:
                return {}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""


class _Handler(BaseHTTPRequestHandler):
    wandb: WandbServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self._body() or b"{}")
        if self.path.endswith("/graphql"):
            self._reply({"data": self.wandb.answer(body["query"], body.get("variables") or {})})
            return
        for name, part in (body.get("files") or {}).items():
            if name == "wandb-history.jsonl":
                self.wandb.history += [json.loads(line) for line in part["content"]]
        self._reply({})

    def do_PUT(self) -> None:
        self.wandb.uploads[unquote(self.path.rpartition("/")[2])] = self._body()
        self._reply({})

    def do_GET(self) -> None:
        self._reply({})

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _reply(self, value: object) -> None:
        if self.wandb.is_silent:
            self.wandb.gone.wait()
            self.close_connection = True
            return
        payload = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr."""
