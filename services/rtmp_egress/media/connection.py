"""A `Client` on a transport: what the server says is heard in callbacks, and each second one asks
whether it still lives."""

import asyncio
import socket
from collections.abc import Callable
from typing import cast

import msgspec

from services.rtmp_egress.media.sockets import unsent
from services.rtmp_egress.rtmp.client import Client, Event, Published
from services.rtmp_egress.rtmp.errors import Refusal
from services.rtmp_egress.rtmp.liveness import PING_EVERY, Pulse, Seen, liveness, look, pinged

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
    ping: float = PING_EVERY
    "Between two questions whether the server still lives."
    trial: float = 2.0
    """In which a close is a refusal: some servers let everybody start, and then close on those
    who may not publish."""


class Connection(asyncio.Protocol):
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
        self.outcome: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        "What came of the attempt to publish."
        self.room = asyncio.Event()
        "Whether more may be written; set also when nothing may ever be again."
        self.closed = asyncio.Event()
        self.refusal: Refusal | None = None
        "Why it is over."
        self._sock = sock
        self._clock = clock
        self._deadlines = deadlines
        self._count = count
        self._sent = 0
        self._live_since = 0.0
        self._pulse = Pulse()
        self._pongs = 0
        self._timer: asyncio.TimerHandle | None = None
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
            self._sent += len(data)
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
        if not self.outcome.done():
            self.outcome.cancel()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=HIGH_WATER)
        self.write(self.client.take())

    def data_received(self, data: bytes) -> None:
        if not self.outcome.done() and hasattr(socket, "TCP_QUICKACK"):
            # Servers answer `connect` in several small writes, each of which would otherwise
            # wait 40 ms for our delayed acknowledgement. The kernel forgets the wish each time.
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        for event in self.client.receive(data):
            if isinstance(event, Refusal):
                self._end(event)
            elif not self.outcome.done():
                self.outcome.set_result(event)
                if isinstance(event, Published):
                    self._begin()
        if self.refusal is None and not self._leaving:
            self.write(self.client.take())
            if self._unread() > UNREAD_LIMIT:
                # It asks and asks, and does not read our answers.
                self._end(stalled(self._deadlines))

    def _begin(self) -> None:
        """The server takes media; from now on it is asked whether it still lives."""
        self._live_since = now = self._clock()
        self._pulse = Pulse(moved_at=now, acknowledged=self.client.acknowledged)
        self._timer = asyncio.get_running_loop().call_later(self._deadlines.ping, self._check)

    def _check(self) -> None:
        if self.refusal is not None or self._leaving:
            return
        now, deadlines = self._clock(), self._deadlines
        answered, self._pongs = self.client.pongs - self._pongs, self.client.pongs
        waiting = self._unread() + unsent(self._sock)
        seen = Seen(self._sent, waiting, answered, self.client.acknowledged)
        self._pulse = look(self._pulse, seen, now)
        dead = liveness(self._pulse, now, silence=deadlines.write, every=deadlines.ping)
        if dead is not None:
            self._end(dead)
            return
        self.client.ping()
        self.write(self.client.take())
        self._pulse = pinged(self._pulse, self._sent)
        self._timer = asyncio.get_running_loop().call_later(deadlines.ping, self._check)

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
        if self._timer is not None:
            self._timer.cancel()
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
            return stalled(self._deadlines)  # the kernel's deadline was a moment before ours
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
        if not self.outcome.done():
            self.outcome.set_result(refusal)
        self.room.set()
        if self._transport is not None:
            self._transport.abort()


def stalled(deadlines: Deadlines) -> Refusal:
    reason = f"network or server took nothing for {deadlines.write:g} s"
    return Refusal("stalled", reason, "live")
