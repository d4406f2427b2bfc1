"""The sound of one source, laid out on the mix's own samples.

The reader writes ahead, wherever its timestamps say; the mix takes what is due. What was never
written is silence, what comes too late is dropped.
"""

import threading
from typing import Protocol

import numpy as np
import numpy.typing as npt

RATE = 48_000
BLOCK = 960
"""Samples that are mixed at a time: 20 ms."""

Samples = npt.NDArray[np.float32]
"""One row per sample, left and right; full scale is 1.0."""


class Audible(Protocol):
    def add_to(self, total: Samples, first: int) -> float:
        """Add the block that begins at sample `first` of the mix; returns its mean power."""

    def skip(self, first: int) -> None:
        """Let that block go unheard."""


class Voice:
    BLOCKS = 100
    """Two seconds: more than any reader is ahead."""

    def __init__(self) -> None:
        self._ring: Samples = np.zeros((self.BLOCKS * BLOCK, 2), np.float32)
        self._lock = threading.Lock()
        self._taken = 0
        "First sample that the mix has not taken."
        self._end = 0
        "Behind the last sample that was written."

    def write(
        self, first: int, left: npt.NDArray[np.float32], right: npt.NDArray[np.float32]
    ) -> None:
        """Lay down samples from sample `first` of the mix on."""
        with self._lock:
            skip = max(self._taken - first, 0)
            until = min(first + len(left), self._taken + len(self._ring))
            first += skip
            count = until - first
            if count <= 0:
                return
            at = first % len(self._ring)
            head = min(count, len(self._ring) - at)
            for channel, samples in enumerate((left, right)):
                self._ring[at : at + head, channel] = samples[skip : skip + head]
                if head < count:
                    self._ring[: count - head, channel] = samples[skip + head : skip + count]
            self._end = max(self._end, until)

    def add_to(self, total: Samples, first: int) -> float:
        """Blocks are taken in order, each once; `first` is a multiple of `BLOCK`."""
        with self._lock:
            power = 0.0
            if first < self._end:
                at = first % len(self._ring)
                block = self._ring[at : at + BLOCK]
                flat = block.ravel()
                power = float(np.dot(flat, flat)) / flat.size
                if power:
                    np.add(total, block, out=total)
                    block.fill(0.0)
            self._taken = first + BLOCK
            return power

    def skip(self, first: int) -> None:
        with self._lock:
            if first < self._end:
                at = first % len(self._ring)
                self._ring[at : at + BLOCK] = 0.0
            self._taken = first + BLOCK
