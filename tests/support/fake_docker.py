"""As much of the Docker Engine API as the scheduler uses, over a Unix socket."""

import json
import socketserver
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

Answer = tuple[int, Any]


class FakeDocker:
    """An engine's containers, and what was asked of it."""

    def __init__(self) -> None:
        self.containers: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.runtimes: dict[str, Any] = {"runc": {}}
        self.now = 1000.0
        self.refuse_starts = False

    def add(self, ident: str, labels: dict[str, str], **config: Any) -> None:
        self.containers[ident] = {
            "Id": ident,
            "Created": self.now,
            "Config": {"Labels": labels, **config},
            "State": {"Running": True},
            "HostConfig": {},
            "NetworkSettings": {"Networks": {}},
        }

    def changed(self) -> list[str]:
        """What was asked that changes something."""
        return [one for one in self.asked if not one.startswith("GET ")]

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        self.asked.append(f"{method} {path}")
        match (method, path.strip("/").split("/")):
            case "GET", ["info"]:
                return 200, {"Runtimes": self.runtimes}
            case "GET", ["containers", "json"]:
                wanted = json.loads(query["filters"])["label"]
                return 200, [self._line(c) for c in self.containers.values() if has(c, wanted)]
            case "POST", ["containers", "create"]:
                ident = query["name"]
                self.add(ident, body["Labels"])
                self.containers[ident]["Config"] |= {k: body[k] for k in ("Image", "Env", "Cmd")}
                self.containers[ident]["HostConfig"] = body["HostConfig"]
                self.containers[ident]["State"]["Running"] = False
                joined = body.get("NetworkingConfig", {}).get("EndpointsConfig", {})
                self.containers[ident]["NetworkSettings"]["Networks"] |= joined
                return 201, {"Id": ident}
            case _, ["containers", ident, *_] if ident not in self.containers:
                return 404, {"message": f"No such container: {ident}"}
            case "GET", ["containers", ident, "json"]:
                return 200, self.containers[ident]
            case "POST", ["containers", ident, "start"]:
                if self.refuse_starts:
                    return 500, {"message": "no room"}
                self.containers[ident]["State"]["Running"] = True
                return 204, None
            case "POST", ["containers", ident, "stop"]:
                self.containers[ident]["State"]["Running"] = False
                return 204, None
            case "DELETE", ["containers", ident]:
                del self.containers[ident]
                return 204, None
            case "POST", ["networks", network, "connect"]:
                ours = self.containers[body["Container"]]
                ours["NetworkSettings"]["Networks"][network] = body.get("EndpointConfig", {})
                return 200, None
        return 404, {"message": "page not found"}

    def _line(self, container: dict[str, Any]) -> dict[str, Any]:
        state = "running" if container["State"]["Running"] else "exited"
        labels = container["Config"]["Labels"]
        created = container["Created"]
        return {"Id": container["Id"], "Labels": labels, "State": state, "Created": created}


def has(container: dict[str, Any], wanted: list[str]) -> bool:
    labels = container["Config"]["Labels"]
    return all(labels.get(one.partition("=")[0]) == one.partition("=")[2] for one in wanted)


@contextmanager
def serving(docker: FakeDocker, path: Path) -> Iterator[str]:
    """Answer on a Unix socket; yields its path."""

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            url = urllib.parse.urlsplit(self.path)
            query = dict(urllib.parse.parse_qsl(url.query))
            sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = json.loads(sent) if sent else None
            target = url.path.removeprefix("/v1.41")
            status, answer = docker.answer(self.command, target, query, body)
            text = json.dumps(answer).encode() if answer is not None else b""
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            if text:
                self.wfile.write(text)

        do_GET = do_POST = do_DELETE = _serve

        def address_string(self) -> str:
            return "unix"

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: the test looks at `asked`."""

    with socketserver.ThreadingUnixStreamServer(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield str(path)
        server.shutdown()
        thread.join()
