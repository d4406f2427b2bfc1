"""The rendering side of a link: a ring of canvases and those who take what is drawn there."""

import fcntl
import mmap
import os
import socket
import threading
from collections.abc import Mapping
from typing import NamedTuple

from kit.link.wire import (
    CREDITS,
    PICTURE,
    PICTURE_KIND,
    SLOTS,
    SOUND,
    SOUND_KIND,
    Block,
    Canvas,
    Format,
    Welcome,
    canvases,
    encode,
)

PATIENCE = 3
"""Seconds of pictures that a taker may miss in a row before it counts as stuck and is dropped:
longer than any encoder's hiccup, short enough that its slots are soon back."""

SEND_BUFFER = 1 << 20
"""Bytes; the kernel may give less. What fits is the sound that a slow taker does not lose."""

F_SEAL_FUTURE_WRITE = 0x0010
"""From `linux/fcntl.h`; Python has no name for it. Only our own mapping can write."""


def _ring(size: int) -> tuple[int, mmap.mmap]:
    """A memfd that can neither shrink under a reader (SIGBUS) nor be written by one."""
    fd = os.memfd_create("feed", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    ring = mmap.mmap(fd, size)
    seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | F_SEAL_FUTURE_WRITE
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals | fcntl.F_SEAL_SEAL)
    return fd, ring


class _Taker:
    """One connection and the slots it has not given back."""

    __slots__ = ("held", "listener", "missed", "sock")

    def __init__(self, sock: socket.socket, listener: str) -> None:
        self.sock = sock
        self.listener = listener
        "Whose sound it takes; empty: everybody's."
        self.held: set[int] = set()
        self.missed = 0
        "Pictures missed since it last gave a slot back."


class FeedWriter:
    """One feed and its takers. No taker can block it or make it raise.

    One thread draws and sends; `add` and `close` may come from others.
    """

    def __init__(self, format: Format, slots: int = SLOTS, *, epoch_ns: int) -> None:
        """`epoch_ns`: CLOCK_MONOTONIC of picture 0 and block 0; feeds of one mix share it."""
        self.format = format
        self.missed = 0
        "Pictures that some taker did not get because it had not given its slots back."
        self._welcome = encode(Welcome(format, epoch_ns, slots))
        self._fd, ring = _ring(slots * format.slot_bytes)
        self._canvases = canvases(ring, format, slots)
        self._newest_first = list(range(slots))
        self._lock = threading.Lock()
        self._takers: tuple[_Taker, ...] = ()
        self._closed = False

    @property
    def takers(self) -> int:
        """How many take the feed; while it is 0, nothing need be rendered."""
        return len(self._takers)

    @property
    def listeners(self) -> set[str]:
        """Those whose own sound is taken."""
        return {taker.listener for taker in self._takers if taker.listener}

    def begin(self) -> tuple[int, Canvas] | None:
        """A free slot, the one drawn last if possible, and its canvas; None when all are held."""
        self._hear()
        taken: set[int] = set().union(*(taker.held for taker in self._takers))
        for slot in self._newest_first:
            if slot not in taken:
                return slot, self._canvases[slot]
        for taker in self._takers:
            self._miss(taker)
        return None

    def picture(self, slot: int, n: int) -> None:
        """Publish a slot as picture `n`, shown at epoch + n/fps. Who has no credit misses it."""
        self._newest_first.remove(slot)
        self._newest_first.insert(0, slot)
        self._hear()
        message = PICTURE.pack(PICTURE_KIND, slot, n)
        for taker in self._takers:
            if len(taker.held) < CREDITS and self._send(taker, message):
                taker.held.add(slot)
            else:
                self._miss(taker)

    def sound(self, m: int, block: Block, private: Mapping[str, Block] | None = None) -> None:
        """Publish int16 samples of shape (block, channels) as block `m`, heard at
        epoch + m*block/rate. A listener gets the `private` one, or none until there is one."""
        if not self._takers:
            return
        blocks = {"": block, **(private or {})}
        messages = {
            who: SOUND.pack(SOUND_KIND, m) + self._samples(blocks[who])
            for who in {taker.listener for taker in self._takers} & blocks.keys()
        }
        for taker in self._takers:
            if message := messages.get(taker.listener):
                self._send(taker, message)

    def _samples(self, block: Block) -> bytes:
        samples = block.tobytes()
        if block.dtype != "int16" or len(samples) != self.format.block_bytes:
            raise ValueError(f"block of {block.dtype} {block.shape} does not fit the feed")
        return samples

    def add(self, sock: socket.socket, listener: str = "") -> None:
        """Welcome a taker that said hello; the socket is the writer's from here on."""
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        with self._lock:
            if self._closed:
                sock.close()
                return
            try:
                socket.send_fds(sock, [self._welcome], [self._fd], socket.MSG_NOSIGNAL)
            except OSError:
                sock.close()
                return
            self._takers += (_Taker(sock, listener),)

    def close(self) -> None:
        """Let all takers go. The memory goes with the last array that shows it."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            takers, self._takers = self._takers, ()
            os.close(self._fd)
        for taker in takers:
            taker.sock.close()

    def _hear(self) -> None:
        """Take back the slots that takers are done with, and notice who is gone."""
        for taker in self._takers:
            try:
                while back := taker.sock.recv(16):
                    taker.held.difference_update(back)
                    taker.missed = 0
                self._drop(taker)
            except BlockingIOError:
                pass
            except OSError:
                self._drop(taker)

    def _send(self, taker: _Taker, message: bytes) -> bool:
        try:
            taker.sock.send(message, socket.MSG_NOSIGNAL)
        except BlockingIOError:
            return False
        except OSError:
            self._drop(taker)
            return False
        return True

    def _miss(self, taker: _Taker) -> None:
        self.missed += 1
        taker.missed += 1
        if taker.missed > PATIENCE * self.format.fps:
            self._drop(taker)

    def _drop(self, taker: _Taker) -> None:
        with self._lock:
            self._takers = tuple(other for other in self._takers if other is not taker)
        taker.sock.close()


class Seat(NamedTuple):
    """A place among the takers of a feed: that of a listener, or anybody's."""

    writer: FeedWriter
    listener: str = ""

    def add(self, sock: socket.socket) -> None:
        """Welcome whoever said hello for it."""
        self.writer.add(sock, self.listener)
