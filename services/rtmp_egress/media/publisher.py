"""One connection to one RTMP(S) destination: the sockets and deadlines around `rtmp.client`.

It has no task of its own: what the server says is heard in a protocol's callbacks, and whoever
calls `send` learns of the end there. Every wait has a deadline.
"""

import asyncio
import os
import socket
import time
from collections.abc import Callable
from typing import cast

import msgspec

from services.rtmp_egress.media.sockets import TlsOptions, open_socket, tls_context, tls_refusal
from services.rtmp_egress.rtmp.client import Client, Published
from services.rtmp_egress.rtmp.errors import PushError, Refusal
from services.rtmp_egress.rtmp.handshake import RANDOM
from services.rtmp_egress.rtmp.url import Target

__all__ = ["Deadlines", "Publisher", "PushError", "TlsOptions"]

HIGH_WATER = 128 * 1024
"""Bytes that may wait in the process before `send` waits, too."""

UNREAD_LIMIT = 1024 * 1024
"""Bytes of answers that a server may leave unread: it asks for some hundred in an hour."""

LAST_WORDS = 65_536
"""Bytes read from a broken connection in search of a reason."""


class Deadlines(msgspec.Struct, frozen=True):
    """How long a destination is waited for, in seconds."""

    connect: float = 5.0
    "Name and TCP connection."
    setup: float = 10.0
    "From the beginning until the server takes media, all stages together."
    write: float = 8.0
    "Until media that waits is taken, and until the kernel gives up on a silent peer."
    close: float = 2.0
    "For a goodbye."
    trial: float = 2.0
    """In which a close is a refusal: some servers let everybody start, and then close on those
    who may not publish."""


class Publisher:
    """Publishes one stream once; another attempt is another publisher."""

    def __init__(
        self,
        target: Target,
        *,
        tls: TlsOptions = TlsOptions(),  # noqa: B008, it is frozen
        clock: Callable[[], float] = time.monotonic,
        deadlines: Deadlines = Deadlines(),  # noqa: B008, it is frozen
    ) -> None:
        self.bytes_out = 0
        "Bytes handed to the connection, RTMP's own included, TLS's not."
        self.tls_version = ""
        "E.g. `TLSv1.3`; empty for rtmp://."
        self._target = target
        self._tls = tls
        self._clock = clock
        self._deadlines = deadlines
        self._wire: _Wire | None = None

    @property
    def bytes_acknowledged(self) -> int:
        """Bytes that the server says it has, modulo 2**32; 0 where it never says."""
        return self._wire.client.acknowledged if self._wire is not None else 0

    async def connect(self) -> None:
        """Connect and publish; on return the server takes media. Raises PushError."""
        assert self._wire is None, "a publisher connects once"
        end = self._clock() + self._deadlines.setup
        sock = await open_socket(
            self._target,
            deadline=self._deadlines.connect,
            silence=self._deadlines.write,
            clock=self._clock,
        )
        wire = await self._open(sock, end - self._clock())
        self._wire = wire
        try:
            async with asyncio.timeout(max(0.0, end - self._clock())):
                await wire.opened
        except TimeoutError:
            wire.abort()
            raise PushError(wire.client.overdue()) from None
        except BaseException:
            wire.abort()
            raise

    async def _open(self, sock: socket.socket, left: float) -> "_Wire":
        """TLS where wanted, and the protocol on top of it."""
        loop = asyncio.get_running_loop()
        client = Client(self._target, os.urandom(RANDOM))
        wire = _Wire(client, sock, self._clock, self._deadlines, self._count)
        connected = False
        try:
            async with asyncio.timeout(max(0.0, left)):
                if self._target.secure:
                    await loop.create_connection(
                        lambda: wire,
                        sock=sock,
                        ssl=await asyncio.to_thread(tls_context, self._tls),
                        server_hostname=self._target.host,
                        ssl_shutdown_timeout=self._deadlines.close,
                    )
                    self.tls_version = wire.tls_version()
                else:
                    await loop.create_connection(lambda: wire, sock=sock)
            connected = True
        except OSError as exc:
            raise PushError(tls_refusal(exc, self._target)) from None
        finally:
            if not connected:
                sock.close()
        return wire

    async def send(self, kind: int, timestamp_ms: int, payload: bytes | memoryview) -> None:
        """Send an FLV tag's body: 8 audio, 9 video, 18 metadata. Raises PushError.

        Returns at once unless `HIGH_WATER` bytes wait already.
        """
        wire = self._wire
        assert wire is not None, "connect first"
        if wire.refusal is not None:
            raise PushError(wire.refusal)
        wire.write(wire.client.media(kind, timestamp_ms, payload))
        if wire.room.is_set():
            return
        try:
            async with asyncio.timeout(self._deadlines.write):
                await wire.room.wait()
        except TimeoutError:
            wire.abort()
            raise PushError(_stalled(self._deadlines)) from None
        if wire.refusal is not None:
            raise PushError(wire.refusal)

    async def close(self) -> None:
        """Say goodbye and close, in bounded time. Never raises PushError."""
        wire = self._wire
        if wire is None or wire.closed.is_set():
            return
        try:
            async with asyncio.timeout(self._deadlines.close):
                wire.say_goodbye()
                await wire.closed.wait()
        except TimeoutError:
            pass
        finally:
            wire.abort()

    def _count(self, count: int) -> None:
        self.bytes_out += count


class _Wire(asyncio.Protocol):
    """A `Client` on a transport."""

    def __init__(
        self,
        client: Client,
        sock: socket.socket,
        clock: Callable[[], float],
        deadlines: Deadlines,
        count: Callable[[int], None],
    ) -> None:
        self.client = client
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        "Done when the server takes media; fails with PushError."
        self.room = asyncio.Event()
        "Whether more may be written; set also when nothing may ever be again."
        self.closed = asyncio.Event()
        self.refusal: Refusal | None = None
        "Why it is over."
        self._sock = sock
        self._clock = clock
        self._deadlines = deadlines
        self._count = count
        self._live_since = 0.0
        self._leaving = False
        self._transport: asyncio.Transport | None = None
        self.room.set()

    def tls_version(self) -> str:
        assert self._transport is not None
        return str(self._transport.get_extra_info("ssl_object").version())

    def write(self, data: bytes) -> None:
        assert self._transport is not None
        if data and not self._transport.is_closing():
            self._count(len(data))
            self._transport.write(data)

    def say_goodbye(self) -> None:
        """Send what ends a stream, then our end of file; the server's ends the connection."""
        assert self._transport is not None
        self._leaving = True
        self.client.close()
        self.write(self.client.take())
        if self._transport.can_write_eof():
            # Closing outright would reset the connection if the server's last words are
            # unread by then, and a reset may cost the server the last pictures.
            self._transport.write_eof()
        else:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()
        if not self.opened.done():
            self.opened.cancel()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=HIGH_WATER)
        self.write(self.client.take())

    def data_received(self, data: bytes) -> None:
        if not self.opened.done() and hasattr(socket, "TCP_QUICKACK"):
            # Servers answer `connect` in several small writes, each of which would otherwise
            # wait 40 ms for our delayed acknowledgement. The kernel forgets the wish each time.
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        for event in self.client.receive(data):
            match event:
                case Published():
                    self._live_since = self._clock()
                    if not self.opened.done():
                        self.opened.set_result(None)
                case Refusal():
                    self._end(event)
        if self.refusal is None and not self._leaving:
            self.write(self.client.take())
            if self._unread() > UNREAD_LIMIT:
                # It asks and asks, and does not read our answers.
                self._end(_stalled(self._deadlines))

    def _unread(self) -> int:
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def pause_writing(self) -> None:
        self.room.clear()

    def resume_writing(self) -> None:
        self.room.set()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.refusal is None:
            self._hear_last_words()
        if self.refusal is None:
            self._end(self._meaning(exc))
        self.room.set()
        self.closed.set()

    def _hear_last_words(self) -> None:
        """A write can fail before the refusal that the server sent just before has been read."""
        if self._transport is None or self._transport.get_extra_info("ssl_object") is not None:
            return  # what is left is encrypted, and the session that could read it is gone
        try:
            words = self._sock.recv(LAST_WORDS)
        except OSError:
            return
        self.data_received(words)

    def _meaning(self, exc: Exception | None) -> Refusal:
        ended = self.client.ended()
        if ended.code != "server-closed":
            return ended
        if isinstance(exc, TimeoutError):
            return _stalled(self._deadlines)  # the kernel's deadline was a moment before ours
        if self._clock() - self._live_since < self._deadlines.trial:
            reason = (
                "the server ended the stream as soon as it had begun; "
                "publishing is probably not permitted"
            )
            return Refusal("refused-after-start", reason, "live")
        if exc is not None:
            return Refusal("connection-lost", "the connection broke", "live")
        return ended

    def _end(self, refusal: Refusal) -> None:
        self.refusal = refusal
        if not self.opened.done():
            self.opened.set_exception(PushError(refusal))
        self.room.set()
        if self._transport is not None:
            self._transport.abort()


def _stalled(deadlines: Deadlines) -> Refusal:
    reason = f"network or server took nothing for {deadlines.write:g} s"
    return Refusal("stalled", reason, "live")
