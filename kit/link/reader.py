"""The taking side of a link. Blocking; for one thread."""

import fcntl
import mmap
import os
import select
import socket
from pathlib import Path

import msgspec
import numpy as np

from kit.link.wire import (
    PICTURE,
    PICTURE_KIND,
    SOUND,
    SOUND_KIND,
    WELCOME_LIMIT,
    Block,
    Canvas,
    FeedGone,
    FeedRefused,
    Format,
    Refusal,
    Welcome,
    address,
    canvases,
    decode_answer,
)


class Picture:
    """Picture `n` of the feed, in place; a slot of the ring until `release`."""

    __slots__ = ("_sock", "canvas", "n", "slot")

    def __init__(self, n: int, slot: int, canvas: Canvas, sock: socket.socket) -> None:
        self.n = n
        self.slot = slot
        self.canvas = canvas
        "Read only; what it shows may change after `release`."
        self._sock: socket.socket | None = sock

    def release(self) -> None:
        """Give the slot back; a second time does nothing."""
        sock, self._sock = self._sock, None
        if sock is not None:
            try:
                sock.send(bytes((self.slot,)), socket.MSG_NOSIGNAL)
            except OSError:
                return  # the writer is gone, and its ring with it; `read` tells


class Sound(msgspec.Struct, frozen=True):
    """Block `m` of the feed's sound."""

    m: int
    block: Block


class FeedReader:
    def __init__(self, sock: socket.socket, welcome: Welcome, ring: mmap.mmap) -> None:
        self.format: Format = welcome.format
        self.epoch_ns = welcome.epoch_ns
        self._sock = sock
        self._canvases = canvases(ring, welcome.format, welcome.slots)
        self._packet = max(PICTURE.size, SOUND.size + self.format.block_bytes) + 1
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)

    @classmethod
    def connect(cls, path: str, hello: bytes, timeout: float) -> "FeedReader":
        """Take a feed; each step may last `timeout` seconds.

        Raises FeedRefused, FeedGone, TimeoutError or another OSError.
        """
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            sock.settimeout(timeout)
            with address(Path(path)) as name:
                sock.connect(name)
            sock.send(hello, socket.MSG_NOSIGNAL)
        except BaseException:
            sock.close()
            raise
        return cls.welcomed(sock, timeout)

    @classmethod
    def welcomed(cls, sock: socket.socket, timeout: float) -> "FeedReader":
        """Take the feed that a writer has given this socket a seat of, or will soon; the socket is
        the reader's from here on. Raises the same."""
        try:
            sock.settimeout(timeout)
            answer, fds, _, _ = socket.recv_fds(sock, WELCOME_LIMIT, 1, socket.MSG_CMSG_CLOEXEC)
            try:
                welcome = _read_answer(answer)
                ring = _map(fds, welcome)
            finally:
                for fd in fds:
                    os.close(fd)
            sock.setblocking(False)
            return cls(sock, welcome, ring)
        except BaseException:
            sock.close()
            raise

    def read(self, timeout: float) -> Picture | Sound | None:
        """What comes next; None if nothing does within `timeout` seconds. Raises FeedGone."""
        packet = self._receive()
        if packet is None and timeout > 0 and self._poll.poll(timeout * 1000):
            packet = self._receive()
        if packet is None:
            return None
        kind = packet[:1]
        if kind == SOUND_KIND and len(packet) == SOUND.size + self.format.block_bytes:
            block = np.frombuffer(packet, np.int16, offset=SOUND.size)
            return Sound(SOUND.unpack_from(packet)[1], block.reshape(-1, self.format.channels))
        if kind == PICTURE_KIND and len(packet) == PICTURE.size:
            _, slot, n = PICTURE.unpack(packet)
            if slot < len(self._canvases):
                return Picture(n, slot, self._canvases[slot], self._sock)
        raise FeedGone("a packet that nobody understands" if packet else "the feed has ended")

    def _receive(self) -> bytes | None:
        """What has come already, if anything has."""
        try:
            return self._sock.recv(self._packet)
        except BlockingIOError:
            return None
        except OSError as exc:
            raise FeedGone("the feed's writer is gone") from exc

    def close(self) -> None:
        """Let the feed go, with all slots. Arrays that are still held stay readable."""
        self._sock.close()
        self._canvases = []


def _read_answer(answer: bytes) -> Welcome:
    if not answer:
        raise FeedGone("no answer to the hello")
    try:
        decoded: Welcome | Refusal = decode_answer(answer)
    except msgspec.DecodeError as exc:
        raise FeedGone("an answer that nobody understands") from exc
    if isinstance(decoded, Refusal):
        raise FeedRefused(decoded.reason)
    return decoded


def _map(fds: list[int], welcome: Welcome) -> mmap.mmap:
    """Map the ring, once sure that it cannot shrink under us."""
    size = welcome.slots * welcome.format.slot_bytes
    if len(fds) != 1 or os.fstat(fds[0]).st_size < size:
        raise FeedGone("a welcome without its ring")
    if not fcntl.fcntl(fds[0], fcntl.F_GET_SEALS) & fcntl.F_SEAL_SHRINK:
        raise FeedGone("a ring that may shrink")
    return mmap.mmap(fds[0], size, access=mmap.ACCESS_READ)
