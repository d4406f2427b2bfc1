"""The few words of the Docker Engine API that are needed, over its Unix socket."""

import asyncio
import http.client
import json
import socket
import urllib.parse
from collections.abc import Mapping
from typing import Any

TIMEOUT = 30.0
"""Seconds for one answer; the engine answers at once, but for stopping a container that is slow."""

VERSION = "/v1.41"
"""Of the API: Docker 20.10 and everything since."""


class DockerError(Exception):
    """The engine is not there, or will not do it."""

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        "Of the HTTP answer; 0: there was none."
        super().__init__(f"docker: {reason}")


class Engine:
    def __init__(self, path: str) -> None:
        self._path = path

    async def get(self, path: str, **query: Any) -> Any:
        return await self._ask("GET", path, query, None)

    async def post(self, path: str, body: Mapping[str, Any] | None = None, **query: Any) -> Any:
        return await self._ask("POST", path, query, body)

    async def delete(self, path: str, **query: Any) -> Any:
        return await self._ask("DELETE", path, query, None)

    async def _ask(
        self, method: str, path: str, query: Mapping[str, Any], body: Mapping[str, Any] | None
    ) -> Any:
        words = {k: v if isinstance(v, str) else json.dumps(v) for k, v in query.items()}
        target = f"{VERSION}{path}?{urllib.parse.urlencode(words)}"
        return await asyncio.to_thread(self._blocking, method, target, body)

    def _blocking(self, method: str, target: str, body: Mapping[str, Any] | None) -> Any:
        connection = _UnixConnection(self._path)
        try:
            text = json.dumps(body) if body is not None else None
            headers = {"Content-Type": "application/json"} if text is not None else {}
            connection.request(method, target, text, headers)
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as exc:
            raise DockerError(0, f"no answer ({type(exc).__name__})") from exc
        finally:
            connection.close()
        if response.status >= 400:
            raise DockerError(response.status, _message(answer))
        return json.loads(answer) if answer.strip() else None


def _message(answer: bytes) -> str:
    try:
        return str(json.loads(answer)["message"])
    except (ValueError, KeyError, TypeError):
        return "an error without words"


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
