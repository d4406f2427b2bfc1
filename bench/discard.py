"""An RTMP server for any number of publishers, in a process of its own, that throws away what it
gets: `python -m bench.discard [CERTIFICATE KEY]` prints its port, and on each line that it is told
how many bytes have come so far."""

import asyncio
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.common import ROOT
from services.rtmp_egress.rtmp.amf0 import Encodable, decode_leading, encode
from services.rtmp_egress.rtmp.chunks import ChunkReader, ChunkWriter, Kind, Message
from services.rtmp_egress.rtmp.handshake import BLOCK, VERSION

SHAKEN = 1 + 2 * BLOCK
"""Bytes of a publisher's handshake."""


class Discard(asyncio.Protocol):
    """One publisher: answered until it publishes, and counted from then on."""

    received = 0
    "By all together."

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._hello = bytearray()
        self._chunks: ChunkReader | None = ChunkReader()
        self._cutter = ChunkWriter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        Discard.received += len(data)
        if self._chunks is None:
            return
        if len(self._hello) < SHAKEN:
            answered = len(self._hello) > BLOCK
            self._hello += data
            if not answered and len(self._hello) > BLOCK:
                self._write(bytes([VERSION]) + bytes(BLOCK) + bytes(self._hello[1 : BLOCK + 1]))
            data = bytes(self._hello[SHAKEN:])
        for message in self._chunks.receive(data):
            self.hear(message)
        if self.deaf:
            self._chunks = None

    deaf = False
    "What comes from now on is not looked at."

    def hear(self, message: Message) -> None:
        if message.kind == Kind.COMMAND:
            name, number, *_ = [*decode_leading(message.payload), None, None]
            self._answer(name, number)
            self.deaf = name == "publish"

    def _answer(self, name: object, number: object) -> None:
        transaction = number if isinstance(number, float) else 0
        match name:
            case "connect":
                success = {"level": "status", "code": "NetConnection.Connect.Success"}
                self._say("_result", transaction, {}, success)
            case "createStream":
                self._say("_result", transaction, None, 1)
            case "publish":
                start = {"level": "status", "code": "NetStream.Publish.Start"}
                self._say("onStatus", 0, None, start)

    def _say(self, *values: Encodable) -> None:
        self._write(self._cutter.write(Message(Kind.COMMAND, 0, 0, encode(*values)), 3))

    def _write(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)


class Discarder:
    """A running one."""

    def __init__(self, process: "subprocess.Popen[str]", scheme: str) -> None:
        self._process = process
        self.pid = process.pid
        self._scheme = scheme
        self._port = int(self._read())

    def url(self, n: int) -> str:
        return f"{self._scheme}://localhost:{self._port}/live/{n}"

    @property
    def received(self) -> int:
        """Bytes so far, from all publishers."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._read())

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


@contextmanager
def discarder(certificate: Path | None = None, key: Path | None = None) -> Iterator[Discarder]:
    """Listens when this begins, is gone when it ends; over TLS if there is a certificate."""
    files = [str(certificate), str(key)] if certificate else []
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.discard", *files],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Discarder(process, "rtmps" if certificate else "rtmp")
    finally:
        process.kill()
        process.communicate()


async def _serve() -> None:
    tls = None
    if len(sys.argv) > 1:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*sys.argv[1:3])
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Discard, "localhost", 0, ssl=tls, backlog=200, family=2)
    print(server.sockets[0].getsockname()[1], flush=True)
    loop.add_reader(sys.stdin, lambda: os.read(0, 64) and print(Discard.received, flush=True))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
