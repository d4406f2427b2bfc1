"""An RTMP server that misbehaves on purpose, in a process of its own.

`python -m tests.support.faulty_rtmp --fault refuse-connect` prints its port, then the name of
each command that it hears. Tests use `faulty_server`.
"""

import argparse
import asyncio
import os
import socket
import ssl
import struct
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import get_args

import msgspec

from cli.ingest import TlsFiles
from services.rtmp_egress.rtmp.amf0 import Encodable, decode, encode
from services.rtmp_egress.rtmp.chunks import ChunkReader, ChunkWriter, Kind, Message
from services.rtmp_egress.rtmp.errors import Stage
from services.rtmp_egress.rtmp.handshake import BLOCK, VERSION

STAGES: tuple[Stage, ...] = get_args(Stage)[3:]
"""`mute-at-STAGE` and `close-at-STAGE`: what it does instead of answering there."""

REFUSALS = {
    "refuse-connect": ("NetConnection.Connect.Rejected", "come back tomorrow"),
    "unknown-app": ("NetConnection.Connect.InvalidApp", "no such application"),
    "need-adobe": (
        "NetConnection.Connect.Rejected",
        "[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : ",
    ),
    "auth-failed": (
        "NetConnection.Connect.Rejected",
        "[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=authfailed&opaque=abcdefgh",
    ),
    "refuse-bad-name": ("NetStream.Publish.BadName", "{key} is already being published"),
    "refuse-denied": ("NetStream.Publish.Denied", "{key} may not publish here"),
    "refuse-otherwise": ("NetStream.Publish.Failed", "disk full"),
    "kick": ("NetStream.Publish.Rejected", "{key} was thrown out"),
}
"""What it answers: code and description."""

FAULTS = (
    "ok",
    *REFUSALS,
    *(f"{how}-at-{stage}" for stage in STAGES for how in ("mute", "close")),
    "stop-reading",
    "reset",
    "close-later",
    "garbage",
    "gibberish",
    "tiny-chunks",
    "odd-stream",
)

ENOUGH = 20_000
"""Bytes of media after which `reset`, `kick` and `close-later` happen."""

PATIENCE = 2.5
"""Seconds before `close-later`, longer than what counts as a refusal in disguise."""


class _Over(Exception):
    """This conversation has ended."""


class Conversation:
    """The server's side of one connection."""

    def __init__(
        self, fault: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._fault = fault
        self._in = reader
        self._out = writer
        self._chunks = ChunkReader()
        self._cutter = ChunkWriter(compact=True)
        self._stream = 7_000_001 if fault == "odd-stream" else 1
        self._media = 0

    async def run(self) -> None:
        try:
            await self._handshake()
            while data := await self._in.read(65_536):
                for message in self._chunks.receive(data):
                    await self._hear(message)
        except (_Over, ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._out.close()

    async def _handshake(self) -> None:
        first = await self._in.readexactly(1)
        if self._fault == "garbage":
            self._out.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            raise _Over
        await self._misbehave("handshake")
        if first[0] != VERSION:
            raise _Over
        hello = await self._in.readexactly(BLOCK)
        self._out.write(bytes([VERSION]) + os.urandom(BLOCK) + hello)
        await self._in.readexactly(BLOCK)
        if self._fault == "gibberish":
            self._out.write(b"\xff" * 5000)

    async def _misbehave(self, stage: Stage) -> None:
        if self._fault == f"mute-at-{stage}":
            await asyncio.get_running_loop().create_future()
        if self._fault == f"close-at-{stage}":
            raise _Over

    async def _hear(self, message: Message) -> None:
        match message.kind:
            case Kind.COMMAND:
                name, number, *rest = decode(message.payload)
                print(name, flush=True)
                await self._command(str(name), number, rest)
            case Kind.AUDIO | Kind.VIDEO | Kind.DATA:
                self._media += len(message.payload)
                if self._media > ENOUGH:
                    await self._enough()

    async def _command(self, name: str, number: Encodable, rest: Sequence[Encodable]) -> None:
        match name:
            case "connect":
                await self._misbehave("connect")
                self._connected(number)
            case "releaseStream" | "FCPublish":
                self._say("_error", number, None, _info("NetConnection.Call.Failed", "what?"))
            case "createStream":
                await self._misbehave("createStream")
                self._say("_result", number, None, self._stream)
            case "publish":
                await self._misbehave("publish")
                await self._published(str(rest[1]))
            case "deleteStream":
                raise _Over

    def _connected(self, number: Encodable) -> None:
        if self._fault in ("refuse-connect", "unknown-app", "need-adobe", "auth-failed"):
            self._say("_error", number, None, _info(*REFUSALS[self._fault]))
            raise _Over
        self._tell(Kind.WINDOW_SIZE, (5_000_000).to_bytes(4, "big"))
        self._tell(Kind.PEER_BANDWIDTH, (5_000_000).to_bytes(4, "big") + b"\x02")
        if self._fault == "tiny-chunks":
            self._tell(Kind.SET_CHUNK_SIZE, (1).to_bytes(4, "big"))
        self._tell(Kind.USER_CONTROL, struct.pack(">HI", 6, 1234))
        success = {"level": "status", "code": "NetConnection.Connect.Success"}
        self._say("_result", number, {"fmsVer": "FMS/3,5,7,7009", "capabilities": 31}, success)

    async def _published(self, key: str) -> None:
        if self._fault.startswith("refuse-"):
            code, text = REFUSALS[self._fault]
            self._say("onStatus", 0, None, _info(code, text.format(key=key)))
            raise _Over
        start = {"level": "status", "code": "NetStream.Publish.Start", "description": "go on"}
        self._say("onStatus", 0, None, start)
        await self._out.drain()
        await self._misbehave("live")
        if self._fault == "stop-reading":
            await asyncio.get_running_loop().create_future()

    async def _enough(self) -> None:
        match self._fault:
            case "kick":
                code, text = REFUSALS["kick"]
                self._say("onStatus", 0, None, _info(code, text.format(key="the stream")))
                raise _Over
            case "reset":
                sock = self._out.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self._out.transport.abort()
                raise _Over
            case "close-later":
                try:
                    async with asyncio.timeout(PATIENCE):
                        while await self._in.read(65_536):
                            pass
                except TimeoutError:
                    raise _Over from None

    def _say(self, *values: Encodable) -> None:
        self._tell(Kind.COMMAND, encode(*values), 3)

    def _tell(self, kind: Kind, payload: bytes, channel: int = 2) -> None:
        self._out.write(self._cutter.write(Message(kind, 0, 0, payload), channel))


def _info(code: str, description: str) -> dict[str, Encodable]:
    return {"level": "error", "code": code, "description": description}


async def _serve(fault: str, tls: ssl.SSLContext | None) -> None:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await Conversation(fault, reader, writer).run()

    # A small buffer, so that a server that stops reading is felt soon.
    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls, limit=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


class FaultyServer(msgspec.Struct, frozen=True):
    """A running one."""

    port: int
    process: asyncio.subprocess.Process

    def url(self, rest: str = "live/key", scheme: str = "rtmp", userinfo: str = "") -> str:
        return f"{scheme}://{userinfo}localhost:{self.port}/{rest}"

    async def heard(self, last: str) -> list[str]:
        """The commands heard up to the first one of that name."""
        assert self.process.stdout is not None
        names: list[str] = []
        while not names or names[-1] != last:
            line = await self.process.stdout.readline()
            assert line, f"{last} was never heard"
            names.append(line.decode().strip())
        return names


@asynccontextmanager
async def faulty_server(fault: str, tls: TlsFiles | None = None) -> AsyncIterator[FaultyServer]:
    """A server with `fault`, over TLS if there are files for it."""
    files = ["--certificate", str(tls.certificate), "--key", str(tls.key)] if tls else []
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.faulty_rtmp",
        "--fault",
        fault,
        *files,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        yield FaultyServer(int(await process.stdout.readline()), process)
    finally:
        process.kill()
        await process.communicate()


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fault", choices=FAULTS, default="ok")
    parser.add_argument("--certificate", type=Path)
    parser.add_argument("--key", type=Path)
    given = parser.parse_args()
    tls = None
    if given.certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(given.certificate, given.key)
    asyncio.run(_serve(given.fault, tls))


if __name__ == "__main__":
    _main()
