"""A receiver of webhooks that misbehaves where a test wants it to."""

import asyncio
import base64
import hmac
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal

import msgspec

Fault = Literal["", "500", "hang", "reset", "slow", "redirect", "gone", "busy", "flood"]


class Request(msgspec.Struct):
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (
            self.json["data"] if self.json["event"] == "eventsink_bulk" else [self.json]
        )
        return found


class Receiver:
    def __init__(self) -> None:
        self.port = 0
        self.asked: list[Request] = []
        "Every request, taken or not."
        self.taken: list[Request] = []
        self.fault: Callable[[Request], Fault] = lambda _: ""
        self._moved = asyncio.Condition()

    def url(self, path: str = "/hook/PATH-CANARY") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def events(self) -> list[dict[str, Any]]:
        return [event for request in self.taken for event in request.events]

    async def until(self, true: Callable[[], bool], patience: float = 20.0) -> None:
        async with asyncio.timeout(patience), self._moved:
            await self._moved.wait_for(true)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                while await self._one(reader, writer):
                    pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = dict(line.split(": ", 1) for line in head[1:] if line)
        headers = {name.lower(): value for name, value in fields.items()}
        body = await reader.readexactly(int(headers["content-length"]))
        request = Request(head[0].split(" ")[1], headers, body)
        fault = self.fault(request)
        async with self._moved:
            self.asked.append(request)
            if fault in ("", "slow", "flood"):
                self.taken.append(request)
            self._moved.notify_all()
        return await self._answer(fault, writer)

    async def _answer(self, fault: Fault, writer: asyncio.StreamWriter) -> bool:
        match fault:
            case "hang":
                await asyncio.Event().wait()
            case "reset":
                # Lingering for no time at all makes the kernel send RST.
                sock = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return False
            case "flood":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + b"x" * 200_000)
                await writer.drain()
                return False
            case "slow":
                await asyncio.sleep(0.2)
        status = {"500": "500 No", "redirect": "307 There", "gone": "410 Gone", "busy": "429 Busy"}
        more = {"redirect": f"Location: {self.url('/elsewhere')}\r\n", "busy": "Retry-After: 1\r\n"}
        writer.write(
            f"HTTP/1.1 {status.get(fault, '204 Thanks')}\r\n{more.get(fault, '')}"
            "Content-Length: 0\r\n\r\n".encode()
        )
        await writer.drain()
        return True


@asynccontextmanager
async def receiving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    one = Receiver()
    jobs: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        jobs.add(task)
        try:
            await one.serve(reader, writer)
        except asyncio.CancelledError:
            return
        finally:
            jobs.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()
        for job in list(jobs):
            job.cancel()
        await asyncio.sleep(0)


def is_signed(request: Request, secret: str) -> bool:
    """Looked at by the recipe, and not with our own code."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    ident, stamp = request.headers["webhook-id"], request.headers["webhook-timestamp"]
    signed = f"{ident}.{stamp}.".encode() + request.body
    wanted = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    return f"v1,{wanted}" in request.headers["webhook-signature"].split(" ")
