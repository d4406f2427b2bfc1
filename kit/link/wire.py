"""What the two ends of a link say to each other, one packet each.

The taker says hello (bytes that only the application understands) and hears `Welcome`, with the
ring's file descriptor, or `Refusal`. Then pictures and sound come, and each picture's slot goes
back as one byte.
"""

import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
import numpy.typing as npt

Canvas = npt.NDArray[np.uint8]
"""Contiguous I420, `height * 3 // 2` rows of `width` bytes."""
Block = npt.NDArray[np.int16]
"""Samples of one block, one row per sample, one column per channel."""

HELLO_LIMIT = 4096
"""Bytes; a longer hello is refused unread."""

WELCOME_LIMIT = 4096
"""Bytes of the answer to a hello; a refusal's text is cut to fit."""

REASON_LIMIT = 1000
"""Characters of a refusal."""

CREDITS = 3
"""Slots that a taker may keep at a time: the one it shows, to show it again if nothing follows, and
two that wait while an encoder hesitates over a key frame."""

SLOTS = 8
"""So many that two takers that sleep over different pictures leave two slots to draw in. One that
is never drawn in costs no memory, and the slot drawn last is preferred: usually few are used."""

PICTURE = struct.Struct("<cBQ")
"""Kind, slot, number of the picture."""
SOUND = struct.Struct("<cQ")
"""Kind, number of the block; the samples follow."""
PICTURE_KIND = b"P"
SOUND_KIND = b"S"

ADDRESS_LIMIT = 107
"""Bytes of path that the address of a Unix socket has room for."""

Side = Annotated[int, msgspec.Meta(ge=16, le=8192, multiple_of=2)]


class Format(msgspec.Struct, frozen=True):
    """What a feed carries."""

    width: Side
    height: Side
    fps: Annotated[int, msgspec.Meta(ge=1, le=120)]
    rate: Annotated[int, msgspec.Meta(ge=8_000, le=192_000)] = 48_000
    "Samples per second and channel."
    channels: Annotated[int, msgspec.Meta(ge=1, le=8)] = 2
    block: Annotated[int, msgspec.Meta(ge=64, le=8192)] = 960
    "Samples of one block and channel; 960 are 20 ms."

    @property
    def picture_bytes(self) -> int:
        return self.width * self.height * 3 // 2

    @property
    def block_bytes(self) -> int:
        return self.block * self.channels * 2

    @property
    def slot_bytes(self) -> int:
        """Distance of two slots in the ring: whole pages, so that no two slots share one."""
        return -(-self.picture_bytes // mmap.PAGESIZE) * mmap.PAGESIZE


class Welcome(msgspec.Struct, frozen=True, tag="welcome"):
    format: Format
    epoch_ns: int
    "CLOCK_MONOTONIC of picture 0 and of the first sample of block 0, in nanoseconds."
    slots: Annotated[int, msgspec.Meta(ge=1, le=64)]


class Refusal(msgspec.Struct, frozen=True, tag="refused"):
    reason: str


class FeedError(Exception):
    """A feed cannot be taken, or no longer."""


class FeedRefused(FeedError):
    """The other side does not give this feed."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"feed refused: {reason}")
        self.reason = reason


class FeedGone(FeedError):
    """The other side is gone, or says what nobody understands."""


encode = msgspec.json.Encoder().encode
decode_answer = msgspec.json.Decoder(Welcome | Refusal).decode


def canvases(ring: Any, format: Format, slots: int) -> list[Canvas]:
    """The slots of a mapped ring as arrays; each keeps the mapping alive."""
    return [
        np.frombuffer(
            ring, np.uint8, count=format.picture_bytes, offset=slot * format.slot_bytes
        ).reshape(format.height * 3 // 2, format.width)
        for slot in range(slots)
    ]


@contextmanager
def address(path: Path) -> Iterator[str]:
    """How to name a socket's path to the kernel: a long one by a descriptor of its directory."""
    if len(os.fsencode(path)) <= ADDRESS_LIMIT:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)
