"""One publication to one RTMP(S) destination: the sockets and deadlines around `rtmp.client`.

It has no task of its own: what the server says is heard in a protocol's callbacks, and whoever
calls `send` learns of the end there. Every wait has a deadline.
"""

import asyncio
import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import assert_never

from kit.stage import Stage
from services.rtmp_egress.media.connection import Connection, Deadlines, stalled
from services.rtmp_egress.media.sockets import (
    TlsOptions,
    from_public,
    open_socket,
    tls_context,
    tls_refusal,
)
from services.rtmp_egress.rtmp.authentication import Answer
from services.rtmp_egress.rtmp.client import Client, Event, Moved, Published
from services.rtmp_egress.rtmp.codecs import Codec
from services.rtmp_egress.rtmp.errors import PushError, Refusal
from services.rtmp_egress.rtmp.handshake import RANDOM
from services.rtmp_egress.rtmp.url import Target

__all__ = ["Deadlines", "Publisher", "PushError", "TlsOptions"]

ROUNDS = 6
"""Connections for one publication: three for a password, and as many for being sent elsewhere."""


class Publisher:
    """Publishes one stream once; another attempt is another publisher."""

    def __init__(
        self,
        target: Target,
        *,
        tls: TlsOptions = TlsOptions(),  # noqa: B008, it is frozen
        codec: Codec | None = None,
        clock: Callable[[], float] = time.monotonic,
        deadlines: Deadlines = Deadlines(),  # noqa: B008, it is frozen
    ) -> None:
        self.bytes_out = 0
        "Bytes handed to the connection, RTMP's own included, TLS's not."
        self.tls_version = ""
        "E.g. `TLSv1.3`; empty for rtmp://."
        self.stages: list[Stage] = []
        "What was done until the server took media, or refused to."
        self._target = target
        self._tls = tls
        self._codec = codec
        self._clock = clock
        self._deadlines = deadlines
        self._wire: Connection | None = None

    @property
    def bytes_acknowledged(self) -> int:
        """Bytes that the server says it has, modulo 2**32; 0 where it never says."""
        return self._wire.client.acknowledged if self._wire is not None else 0

    @property
    def takes_codec(self) -> bool:
        """Whether the server is to be sent `codec`; else it is H.264."""
        return self._wire is not None and self._wire.client.takes_codec

    async def connect(self) -> None:
        """Connect and publish; on return the server takes media. Raises PushError.

        To a server that wants a password, or sends us elsewhere, this takes several connections.
        """
        assert self._wire is None, "a publisher connects once"
        end = self._clock() + self._deadlines.setup
        target, query, public = self._target, "", False
        for _ in range(ROUNDS):
            with self._stage("connect"):
                sock = await self._reach(target, public, end)
            outside = from_public(sock)
            with self._stage("open tls" if target.secure else "open"):
                wire = await self._open(sock, target, query, end)
            with self._stage("publish"):
                outcome = await self._outcome(wire, end)
            match outcome:
                case Published():
                    self._wire = wire
                    return
                case Answer(query):
                    wire.abort()
                case Moved(target):
                    # Whoever is on the internet must not send us into our own network.
                    public = public or outside
                    query = ""
                    wire.abort()
                case Refusal() as refusal:
                    raise PushError(refusal)
                case never:
                    assert_never(never)
        reason = "the server sends us on from one place to another"
        raise PushError(Refusal("connect-rejected", reason, "connect"))

    async def _reach(self, target: Target, public: bool, end: float) -> socket.socket:
        return await open_socket(
            target,
            deadline=min(self._deadlines.connect, max(0.0, end - self._clock())),
            silence=self._deadlines.write,
            clock=self._clock,
            public=public,
        )

    async def _open(
        self, sock: socket.socket, target: Target, query: str, end: float
    ) -> Connection:
        """TLS where wanted, and the protocol on top of it."""
        loop = asyncio.get_running_loop()
        client = Client(target, os.urandom(RANDOM), query=query, codec=self._codec)
        wire = Connection(client, sock, self._clock, self._deadlines, self._count)
        connected = False
        try:
            async with asyncio.timeout(max(0.0, end - self._clock())):
                if target.secure:
                    await loop.create_connection(
                        lambda: wire,
                        sock=sock,
                        ssl=await asyncio.to_thread(tls_context, self._tls),
                        server_hostname=target.host,
                        ssl_shutdown_timeout=self._deadlines.close,
                    )
                    self.tls_version = wire.tls_version()
                else:
                    await loop.create_connection(lambda: wire, sock=sock)
            connected = True
        except OSError as exc:
            raise PushError(tls_refusal(exc, target)) from None
        finally:
            if not connected:
                sock.close()
        return wire

    async def _outcome(self, wire: Connection, end: float) -> Event:
        try:
            async with asyncio.timeout(max(0.0, end - self._clock())):
                return await wire.outcome
        except TimeoutError:
            wire.abort()
            return wire.client.overdue()
        except BaseException:
            wire.abort()
            raise

    async def send(self, kind: int, timestamp_ms: int, payload: bytes | memoryview) -> None:
        """Send an FLV tag's body: 8 audio, 9 video, 18 metadata. Raises PushError."""
        await self.send_all([(kind, timestamp_ms, payload)])

    async def send_all(self, tags: Iterable[tuple[int, int, bytes | memoryview]]) -> None:
        """The same for several, at the price of one. Raises PushError.

        Returns at once unless `connection.HIGH_WATER` bytes wait already.
        """
        wire = self._wire
        assert wire is not None, "connect first"
        if wire.refusal is not None:
            raise PushError(wire.refusal)
        wire.write(b"".join([wire.client.media(*tag) for tag in tags]))
        if wire.room.is_set():
            return
        try:
            async with asyncio.timeout(self._deadlines.write):
                await wire.room.wait()
        except TimeoutError:
            wire.abort()
            raise PushError(stalled(self._deadlines)) from None
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

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        begun = self._clock()
        try:
            yield
        finally:
            self.stages.append(Stage(name, begun, self._clock()))

    def _count(self, count: int) -> None:
        self.bytes_out += count
