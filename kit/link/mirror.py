"""The egress's side of the carrier between hosts: a feed of another host, offered on this one.

Takers here say their hello to a Unix socket as they would to the mixer's own; equal hellos share
one transfer, which lands in the ring that they take it from. When the lender is lost their feed
ends, and they connect again, as they do when a mixer dies.
"""

import contextvars
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import structlog

from kit.link.far import (
    RECORD,
    SILENCE,
    STEP_TIMEOUT,
    Begin,
    Hello,
    decode_answer,
    read_into,
    read_message,
    send_message,
    taker_context,
    whose,
)
from kit.link.server import FeedServer
from kit.link.wire import PICTURE_KIND, SOUND_KIND, Block, Canvas, FeedError, FeedGone, Refusal
from kit.link.writer import FeedWriter

log = structlog.get_logger()

UNTAKEN = 5.0
"""Seconds that a transfer goes on while nobody takes it: longer than a process takes to restart."""


class Lent(msgspec.Struct, frozen=True):
    """Whose feeds, and where they are lent."""

    name: str
    host: str
    port: int
    fingerprint: str
    "Of the certificate that the lender must have."


class Mirror:
    """Feeds of one name, at `path`."""

    def __init__(self, path: Path, lent: Lent, token: Callable[[str], str]) -> None:
        self.lent = lent
        self._token = token
        self._transfers: dict[bytes, _Transfer] = {}
        self._server = FeedServer(path, self._open)
        self.path = path

    def close(self) -> None:
        """Offer it no longer; transfers end."""
        self._server.close()
        for transfer in self._transfers.values():
            transfer.end()

    def _open(self, hello: bytes) -> FeedWriter | str:
        """In the server's thread, one after another."""
        going = self._transfers.get(hello)
        if going is None or going.over:
            try:
                going = self._transfers[hello] = self._begin(hello)
            except Refused as exc:
                return str(exc)
            except (FeedError, OSError, msgspec.MsgspecError) as exc:
                return f"the mixer's host cannot be reached ({type(exc).__name__})"
        return going.writer

    def _begin(self, hello: bytes) -> "_Transfer":
        sock = socket.create_connection((self.lent.host, self.lent.port), STEP_TIMEOUT)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            inside = taker_context().wrap_socket(sock)
        except BaseException:
            sock.close()
            raise
        try:
            if whose(inside) != self.lent.fingerprint:
                raise Refused("the mixer's host has another certificate than the bus says")
            name = self.lent.name
            send_message(inside, Hello(name, self._token(name), hello))
            answer = decode_answer(read_message(inside))
            if isinstance(answer, Refusal):
                raise Refused(answer.reason)
            return _Transfer(inside, answer)
        except BaseException:
            inside.close()
            raise


class Refused(Exception):
    """The lender does not give this feed, or is not who it should be."""


class _Transfer:
    """One feed, on its way into a ring of this host."""

    def __init__(self, sock: ssl.SSLSocket, begin: Begin) -> None:
        self._sock, self._format = sock, begin.format
        self.writer = FeedWriter(begin.format, epoch_ns=time.monotonic_ns() - begin.age_ns)
        self.over = False
        run = contextvars.copy_context().run
        threading.Thread(target=run, args=(self._run,), name="mirror", daemon=True).start()

    def end(self) -> None:
        self.over = True

    def _run(self) -> None:
        try:
            self._sock.settimeout(SILENCE)
            self._receive()
        except (FeedError, OSError) as exc:
            log.warning("feed of another host is lost", why=type(exc).__name__)
        finally:
            self.over = True
            self.writer.close()
            self._sock.close()

    def _receive(self) -> None:
        """Until nobody takes it any more."""
        head = memoryview(bytearray(RECORD.size))
        unseen: Canvas = np.empty(self._format.picture_bytes, np.uint8)
        block: Block = np.empty((self._format.block, self._format.channels), np.int16)
        taken = time.monotonic()
        while not self.over:
            now = time.monotonic()
            taken = now if self.writer.takers else taken
            if now - taken > UNTAKEN:
                return
            read_into(self._sock, head)
            kind, number = RECORD.unpack(head)
            if kind == SOUND_KIND:
                read_into(self._sock, block.data.cast("B"))
                self.writer.sound(number, block)
            elif kind == PICTURE_KIND:
                room = self.writer.begin()
                canvas = unseen if room is None else room[1]
                read_into(self._sock, canvas.data.cast("B"))
                if room is not None:
                    self.writer.picture(room[0], number)
            else:
                raise FeedGone("a record that nobody understands")
