"""An RTMP server for replays: takes every stream, keeps nothing, and fails when it is told to.

`python -m services.rtmp_egress.sink [CERTIFICATE KEY]` hears orders on stdin, a line of JSON each,
until that ends. A destination has a port of its own, on loopback, which is told on stdout.
"""

import asyncio
import os
import socket
import ssl
import struct
import sys
from collections.abc import Sequence

import msgspec

from services.rtmp_egress.rtmp.amf0 import Encodable, Value, decode, encode
from services.rtmp_egress.rtmp.chunks import BadChunk, ChunkReader, ChunkWriter, Kind, Message
from services.rtmp_egress.rtmp.handshake import BLOCK, VERSION

WINDOW = 2_500_000
"""Bytes between acknowledgements; some servers' usual figure."""

PROTOCOL = 2
COMMANDS = 3
"""Chunk streams that everybody uses for these."""

AT_CONNECT = {
    "connect-rejected": "NetConnection.Connect.Rejected",
    "unknown-app": "NetConnection.Connect.InvalidApp",
}
AT_PUBLISH = {
    "stream-key-in-use-or-invalid": "NetStream.Publish.BadName",
    "publish-denied": "NetStream.Publish.Denied",
    "publish-rejected": "NetStream.Publish.Rejected",
}
REFUSED, LOST, CLOSED, NO_RTMP = "connect-refused", "connection-lost", "server-closed", "not-rtmp"
HANDSHAKE = "handshake-closed"
FAULTS = (REFUSED, LOST, CLOSED, NO_RTMP, HANDSHAKE, *AT_CONNECT, *AT_PUBLISH)
"""Reason codes that it can bring about."""


class Order(msgspec.Struct, frozen=True):
    destination: str
    "Any name; the first order opens its port."
    fault: str = ""
    "What is in the way of whoever comes from now on; empty: nothing."
    drop: str = ""
    "How those who are there are let go: `server-closed`, `connection-lost`; empty: they stay."
    tls: bool = False


class Opened(msgspec.Struct, frozen=True):
    destination: str
    port: int


class Destination:
    """One port and who is there."""

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._there: set[asyncio.StreamWriter] = set()
        self._fault = ""
        self.port = 0

    async def obey(self, order: Order) -> None:
        self._fault = order.fault
        if order.fault == REFUSED and self.port:
            self._shut()
        elif self._server is None:
            await self._open()
        for writer in list(self._there) if order.drop else ():
            _end(writer, abruptly=order.drop == LOST)

    async def _open(self) -> None:
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", self.port, ssl=self._tls, reuse_address=True
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def _shut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._there.add(writer)
        try:
            await Conversation(self._fault, reader, writer).run()
        except (ConnectionError, asyncio.IncompleteReadError, BadChunk, ssl.SSLError):
            pass
        finally:
            self._there.discard(writer)
            writer.close()

    def close(self) -> None:
        self._shut()
        for writer in list(self._there):
            _end(writer, abruptly=True)


def _end(writer: asyncio.StreamWriter, *, abruptly: bool) -> None:
    if abruptly:
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    elif writer.can_write_eof():
        # Closing with something unread would be a reset: they see the end, and go by themselves.
        writer.write_eof()
    else:
        writer.close()


class Conversation:
    def __init__(
        self, fault: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._fault = fault
        self._in = reader
        self._out = writer
        self._chunks = ChunkReader()
        self._cutter = ChunkWriter()
        self._received = self._confirmed = 0

    async def run(self) -> None:
        if self._fault == NO_RTMP:
            self._out.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            return
        if (await self._in.readexactly(1))[0] != VERSION or self._fault == HANDSHAKE:
            return
        hello = await self._in.readexactly(BLOCK)
        self._out.write(bytes([VERSION]) + os.urandom(BLOCK) + hello)
        await self._in.readexactly(BLOCK)
        while data := await self._in.read(1 << 16):
            self._received += len(data)
            for message in self._chunks.receive(data):
                if message.kind == Kind.COMMAND and not self._answer(decode(message.payload)):
                    await self._out.drain()
                    return
            if self._received - self._confirmed >= WINDOW:
                self._confirmed = self._received
                self._tell(Kind.ACKNOWLEDGEMENT, (self._received % (1 << 32)).to_bytes(4, "big"))

    def _answer(self, command: Sequence[Value]) -> bool:
        """Whether the conversation goes on."""
        name, number, *_ = command
        assert isinstance(number, float | int)
        match name:
            case "connect" if refusal := AT_CONNECT.get(self._fault):
                self._say("_error", number, None, {"level": "error", "code": refusal})
                return False
            case "connect":
                self._tell(Kind.WINDOW_SIZE, WINDOW.to_bytes(4, "big"))
                self._tell(Kind.PEER_BANDWIDTH, WINDOW.to_bytes(4, "big") + b"\x02")
                success = {"level": "status", "code": "NetConnection.Connect.Success"}
                self._say("_result", number, {"fmsVer": "FMS/3,0,1,123"}, success)
            case "createStream":
                self._say("_result", number, None, 1)
            case "publish" if refusal := AT_PUBLISH.get(self._fault):
                self._say("onStatus", 0, None, {"level": "error", "code": refusal})
                return False
            case "publish":
                start = {"level": "status", "code": "NetStream.Publish.Start"}
                self._say("onStatus", 0, None, start)
        return True

    def _say(self, *values: Encodable) -> None:
        self._tell(Kind.COMMAND, encode(*values), COMMANDS)

    def _tell(self, kind: Kind, payload: bytes, channel: int = PROTOCOL) -> None:
        self._out.write(self._cutter.write(Message(kind, 0, 0, payload), channel))


async def main(files: Sequence[str]) -> None:
    tls = None
    if files:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*files)
    orders = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin.buffer)
    destinations: dict[str, Destination] = {}
    while line := await orders.readline():
        order = msgspec.json.decode(line, type=Order)
        known = order.destination in destinations
        if not known:
            destinations[order.destination] = Destination(tls if order.tls else None)
        destination = destinations[order.destination]
        if not known:
            await destination.obey(Order(order.destination))
        await destination.obey(order)
        opened = Opened(order.destination, destination.port)
        sys.stdout.buffer.write(msgspec.json.encode(opened) + b"\n")
        sys.stdout.buffer.flush()
    for destination in destinations.values():
        destination.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
