"""The mixer's side of the carrier between hosts: sends what a taker beside it would get."""

import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import msgspec
import structlog

from kit.link.far import (
    RECORD,
    SEND_BUFFER,
    SEND_TIMEOUT,
    STEP_TIMEOUT,
    Begin,
    Hello,
    Identity,
    decode_hello,
    read_message,
    send_message,
)
from kit.link.reader import FeedReader, Picture
from kit.link.wire import (
    PICTURE_KIND,
    REASON_LIMIT,
    SOUND_KIND,
    FeedError,
    FeedRefused,
    Refusal,
)

log = structlog.get_logger()

TAKERS_LIMIT = 64
"""Connections at a time, those that have not said hello among them; more are closed at once."""

LOOK = 0.5
"""Seconds between two looks whether the lender is closed, while a feed is silent."""

QUIET = 60.0
"""Seconds in which the same refusal is told once: who is refused asks again at once."""

REASONS_LIMIT = 64
"""Reasons that are remembered; takers could bring any number of them."""

Admit = Callable[[Hello], str]
"""Where on this host the feed is; raises FeedRefused."""


class Refused:
    """Which refusals have been told lately; asked by many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: dict[str, float] = {}

    def is_news(self, reason: str, now: float) -> bool:
        """Whether it has not been told in the last minute; then it has been now."""
        with self._lock:
            self._told = {why: at for why, at in self._told.items() if now - at < QUIET}
            if reason in self._told or len(self._told) >= REASONS_LIMIT:
                return False
            self._told[reason] = now
            return True


class Lender:
    """Listens on a port; a thread for each taker, which blocks nobody but itself."""

    def __init__(self, port: int, identity: Identity, admit: Admit, *, host: str = "") -> None:
        """`port` 0: any. `host` empty: all interfaces, IPv6 among them where there is any."""
        self.identity = identity
        self._admit = admit
        both = not host and socket.has_dualstack_ipv6()
        self._listener = socket.create_server(
            (host, port),
            family=socket.AF_INET6 if both else socket.AF_INET,
            dualstack_ipv6=both,
            backlog=16,
        )
        self.port: int = self._listener.getsockname()[1]
        self._refused = Refused()
        self._closed = threading.Event()
        self._free = threading.BoundedSemaphore(TAKERS_LIMIT)
        threading.Thread(target=self._listen, name="lender", daemon=True).start()

    def close(self) -> None:
        """Stop listening, and let all takers go."""
        self._closed.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                sock, address = self._listener.accept()
            except OSError:
                time.sleep(0 if self._closed.is_set() else LOOK)
                continue
            if not self._free.acquire(blocking=False):
                sock.close()
                continue
            work = threading.Thread(
                target=self._serve, args=(sock, address[0]), name="lent feed", daemon=True
            )
            work.start()

    def _serve(self, sock: socket.socket, peer: str) -> None:
        try:
            with sock:
                sock.settimeout(STEP_TIMEOUT)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
                with self.identity.context.wrap_socket(sock, server_side=True) as inside:
                    self._lend(inside, peer)
        except (FeedError, OSError, msgspec.MsgspecError) as exc:
            log.info("lent feed is over", peer=peer, why=type(exc).__name__)
        finally:
            self._free.release()

    def _lend(self, sock: ssl.SSLSocket, peer: str) -> None:
        hello = decode_hello(read_message(sock))
        try:
            reader = FeedReader.connect(self._admit(hello), hello.feed, STEP_TIMEOUT)
        except FeedRefused as exc:
            if self._refused.is_news(exc.reason, time.monotonic()):
                log.warning("feed not lent", peer=peer, why=exc.reason)
            send_message(sock, Refusal(exc.reason[:REASON_LIMIT]))
            return
        try:
            send_message(sock, Begin(reader.format, time.monotonic_ns() - reader.epoch_ns))
            log.info("feed lent", peer=peer)
            sock.settimeout(SEND_TIMEOUT)
            while not self._closed.is_set():
                item = reader.read(LOOK)
                if isinstance(item, Picture):
                    sock.sendall(RECORD.pack(PICTURE_KIND, item.n))
                    sock.sendall(item.canvas.data.cast("B"))
                    item.release()
                elif item is not None:
                    sock.sendall(RECORD.pack(SOUND_KIND, item.m) + item.block.tobytes())
        finally:
            reader.close()
