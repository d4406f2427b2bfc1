"""An RTMP server that misbehaves on purpose, in a process of its own.

`python -m tests.support.faulty_rtmp --fault refuse-connect` prints its port, then the name of
each command that it hears, and `video TIME N` for each picture that bears a number. Tests use
`faulty_server`. After so many conversations as `--times` says it is a server like any other.
"""

import argparse
import asyncio
import os
import socket
import ssl
import struct
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import get_args

import msgspec

from cli.ingest import TlsFiles
from services.rtmp_egress.rtmp.amf0 import Encodable, Value, decode, encode
from services.rtmp_egress.rtmp.chunks import ChunkReader, ChunkWriter, Kind, Message
from services.rtmp_egress.rtmp.errors import Stage
from services.rtmp_egress.rtmp.handshake import BLOCK, VERSION
from tests.support.canary import MARK, VARIABLE
from tests.support.challenge import needed
from tests.support.kept import Keeper

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
    "forbid-later": ("NetStream.Publish.Denied", "{key} is not paid for"),
    "kick": ("NetStream.Publish.Rejected", "{key} was thrown out"),
}
"""What it answers: code and description."""

FAULTS = (
    "ok",
    *REFUSALS,
    *(f"{how}-at-{stage}" for stage in STAGES for how in ("mute", "close")),
    "stop-reading",
    "slow-reader",
    "reset",
    "close-later",
    "garbage",
    "gibberish",
    "late-gibberish",
    "tiny-chunks",
    "odd-stream",
    "amf3",
    "redirect",
    "adobe",
    "llnw",
    "hevc",
    "newer",
    "never-pong",
    "pongs-then-silence",
    "acks-then-silence",
)

ENOUGH = 20_000
"""Bytes of media after which things happen, unless told otherwise."""

SLOWLY = 150_000
"""Bytes a second that a slow reader takes."""

PATIENCE = 2.5
"""Seconds before `close-later`, longer than what counts as a refusal in disguise."""


class _Over(Exception):
    """This conversation has ended."""


VIDEO = "video"


class Wish(msgspec.Struct, frozen=True):
    """How to misbehave."""

    fault: str = "ok"
    enough: int = ENOUGH
    times: int = 0
    "Conversations after which the fault is mended; 0: never."
    elsewhere: str = ""
    "Where `redirect` sends everybody."
    keep: str = ""
    "Directory in which what is published is kept; empty: it is not."


class Conversation:
    """The server's side of one connection."""

    def __init__(
        self, wish: Wish, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._fault = fault = wish.fault
        self._wish = wish
        self._in = reader
        self._out = writer
        self._chunks = ChunkReader()
        self._cutter = ChunkWriter(compact=True)
        self._stream = 7_000_001 if fault == "odd-stream" else 1
        self._media = 0
        self._keeper: Keeper | None = None
        self._received = self._confirmed = 0
        self._window = 0

    async def run(self) -> None:
        try:
            await self._handshake()
            while data := await self._in.read(SLOWLY // 10 if self._slow else 65_536):
                for message in self._chunks.receive(data):
                    await self._hear(message)
                self._acknowledge(len(data))
                if self._slow:
                    await asyncio.sleep(0.1)
        except (_Over, ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._out.close()

    @property
    def _slow(self) -> bool:
        return self._fault == "slow-reader" and self._media > self._wish.enough

    @property
    def _silent(self) -> bool:
        """It hears everything and says nothing any more."""
        return self._fault.endswith("-then-silence") and self._media > self._wish.enough

    def _acknowledge(self, count: int) -> None:
        self._received += count
        due = self._received - self._confirmed >= self._window > 0
        if due and not self._silent and self._fault not in ("never-pong", "pongs-then-silence"):
            self._confirmed = self._received
            self._tell(Kind.ACKNOWLEDGEMENT, self._received.to_bytes(4, "big"))

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
            case Kind.WINDOW_SIZE:
                self._window = int.from_bytes(message.payload, "big")
            case Kind.USER_CONTROL if message.payload[:2] == b"\x00\x06":
                if not self._silent and self._fault not in (
                    "never-pong",
                    "acks-then-silence",
                ):
                    self._tell(Kind.USER_CONTROL, b"\x00\x07" + message.payload[2:6])
            case Kind.AUDIO | Kind.VIDEO | Kind.DATA:
                if message.kind == Kind.VIDEO and message.payload[1:2] == b"\x01":
                    number = int.from_bytes(message.payload[5:9], "big")
                    print(VIDEO, message.timestamp, number, flush=True)
                if self._keeper is not None:
                    self._keeper.write(message.kind, message.timestamp, message.payload)
                self._media += len(message.payload)
                if self._media > self._wish.enough:
                    await self._enough()

    async def _command(self, name: str, number: Value, rest: Sequence[Value]) -> None:
        match name:
            case "connect":
                await self._misbehave("connect")
                self._connected(number, rest[0])
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

    def _connected(self, number: Value, wish: Value) -> None:
        refusal = self._rejection(wish if isinstance(wish, dict) else {})
        if refusal is not None:
            self._say("_error", number, None, refusal)
            raise _Over
        self._tell(Kind.WINDOW_SIZE, (5_000_000).to_bytes(4, "big"))
        self._tell(Kind.PEER_BANDWIDTH, (5_000_000).to_bytes(4, "big") + b"\x02")
        if self._fault == "tiny-chunks":
            self._tell(Kind.SET_CHUNK_SIZE, (1).to_bytes(4, "big"))
        self._tell(Kind.USER_CONTROL, struct.pack(">HI", 6, 1234))
        success = {"level": "status", "code": "NetConnection.Connect.Success"}
        server: dict[str, Encodable] = {"fmsVer": "FMS/3,5,7,7009", "capabilities": 31}
        if self._fault == "hevc":
            server["videoFourCcInfoMap"] = {"hvc1": 1}
        if self._fault == "newer":
            server["fourCcList"] = ["hvc1", "av01"]
        self._say("_result", number, server, success)

    def _rejection(self, wish: dict[str, Value]) -> dict[str, Encodable] | None:
        if self._fault in ("refuse-connect", "unknown-app", "need-adobe", "auth-failed"):
            return _info(*REFUSALS[self._fault])
        if self._fault == "redirect":
            moved: Encodable = {"code": 302, "redirect": self._wish.elsewhere}
            return {**_info("NetConnection.Connect.Rejected", "moved"), "ex": moved}
        if self._fault in ("adobe", "llnw"):
            words = needed(self._fault, str(wish["app"]), str(wish["tcUrl"]))
            return _info("NetConnection.Connect.Rejected", words) if words else None
        return None

    async def _published(self, key: str) -> None:
        if self._fault.startswith("refuse-"):
            code, text = REFUSALS[self._fault]
            self._say("onStatus", 0, None, _info(code, text.format(key=key)))
            raise _Over
        if self._wish.keep:
            self._keeper = Keeper(Path(self._wish.keep), key)
        start = {"level": "status", "code": "NetStream.Publish.Start", "description": "go on"}
        self._say("onStatus", 0, None, start)
        await self._out.drain()
        await self._misbehave("live")
        if self._fault == "stop-reading":
            await asyncio.get_running_loop().create_future()

    async def _enough(self) -> None:
        match self._fault:
            case "late-gibberish":
                self._out.write(b"\xff" * 5000)
                await asyncio.get_running_loop().create_future()
            case "kick" | "forbid-later":
                code, text = REFUSALS[self._fault]
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
                    pass
                if self._out.can_write_eof():
                    # What has not been read when a socket is closed makes a reset of it.
                    self._out.write_eof()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(PATIENCE):
                            while await self._in.read(65_536):
                                pass
                raise _Over

    def _say(self, *values: Encodable) -> None:
        if self._fault == "amf3":
            self._tell(Kind.COMMAND_AMF3, b"\0" + encode(*values), 3)
        else:
            self._tell(Kind.COMMAND, encode(*values), 3)

    def _tell(self, kind: Kind, payload: bytes, channel: int = 2) -> None:
        self._out.write(self._cutter.write(Message(kind, 0, 0, payload), channel))


def _info(code: str, description: str) -> dict[str, Encodable]:
    return {"level": "error", "code": code, "description": description}


async def _serve(wish: Wish, tls: ssl.SSLContext | None, port: int) -> None:
    conversations = 0
    silent = set()
    "Tasks that wait for nothing are known to nobody else, and would be collected."

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal conversations
        conversations += 1
        silent.add(asyncio.current_task())
        mended = 0 < wish.times < conversations
        await Conversation(Wish() if mended else wish, reader, writer).run()

    # A small buffer, so that a server that stops reading is felt soon.
    server = await asyncio.start_server(accept, "127.0.0.1", port, ssl=tls, limit=4096)
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
            if not line.startswith(VIDEO.encode()):
                names.append(line.decode().strip())
        return names

    async def pictures(self) -> list[list[tuple[int, int]]]:
        """Ends the server; times and numbers of the pictures it got, publication by publication.

        A picture's number is its first four bytes after the FLV tag's head.
        """
        self.process.terminate()
        said, _ = await self.process.communicate()
        publications: list[list[tuple[int, int]]] = []
        for line in said.decode().splitlines():
            match line.split():
                case ["publish"]:
                    publications.append([])
                case ["video", when, number]:
                    publications[-1].append((int(when), int(number)))
        return publications


@asynccontextmanager
async def faulty_server(
    fault: str,
    tls: TlsFiles | None = None,
    *,
    enough: int = ENOUGH,
    times: int = 0,
    elsewhere: str = "",
    port: int = 0,
    keep: Path | None = None,
) -> AsyncIterator[FaultyServer]:
    """A server with `fault`, over TLS if there are files for it."""
    files = ["--certificate", str(tls.certificate), "--key", str(tls.key)] if tls else []
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.faulty_rtmp",
        *("--fault", fault, "--enough", str(enough), "--times", str(times)),
        *("--elsewhere", elsewhere, "--port", str(port), "--keep", str(keep or "")),
        *files,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, VARIABLE: MARK},
    )
    try:
        assert process.stdout is not None
        yield FaultyServer(int(await process.stdout.readline()), process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fault", choices=FAULTS, default="ok")
    parser.add_argument("--enough", type=int, default=ENOUGH)
    parser.add_argument("--times", type=int, default=0)
    parser.add_argument("--elsewhere", default="")
    parser.add_argument("--keep", default="")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--certificate", type=Path)
    parser.add_argument("--key", type=Path)
    given = parser.parse_args()
    tls = None
    if given.certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(given.certificate, given.key)
    wish = Wish(given.fault, given.enough, given.times, given.elsewhere, given.keep)
    asyncio.run(_serve(wish, tls, given.port))


if __name__ == "__main__":
    _main()
