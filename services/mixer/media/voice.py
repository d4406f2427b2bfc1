"""The sound of one source, laid out on the mix's own samples.

The reader writes ahead, wherever its timestamps say; the mix takes what is due. What was never
written is silence, what comes too late is dropped. Voices that are mixed lie side by side in a
bank, so that one sweep of the processor goes over all of them.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

RATE = 48_000
BLOCK = 960
"""Samples that are mixed at a time: 20 ms."""

RING = 100
"""Blocks that a voice can hold, two seconds: more than any reader is ahead."""

FADE = 480
"""Samples over which a voice begins after a gap, or ends before one: 10 ms are no click."""

GAP = 240
"""Samples that may be missing without a fade: timestamps are rounded to milliseconds."""

ROWS = 32
"""Of a new bank; it doubles when they are taken."""

Samples = npt.NDArray[np.float32]
"""One row per sample, left and right; full scale is 1.0."""

Matrix = npt.NDArray[np.float32]
"""One row per voice, left and right in turns."""

_lock = threading.Lock()
"""Of all voices: they are one mix's, and each holds it for microseconds."""

_rise: Samples = np.linspace(0.0, 1.0, FADE, dtype=np.float32)[:, None]


class Voice:
    """One reader writes; the bank that has adopted the voice takes."""

    def __init__(self, sound: Callable[[int], Samples] | None = None) -> None:
        """`sound` makes the block that begins at a sample, for a voice that nobody writes."""
        self.sound = sound
        self.row = -1
        "In the bank; -1 before and after."
        self.closed = False
        self._ring: Samples = np.zeros((RING * BLOCK, 2), np.float32)
        self._bank: Bank | None = None
        self._taken = 0
        self._end = 0

    def write(
        self, first: int, left: npt.NDArray[np.float32], right: npt.NDArray[np.float32]
    ) -> None:
        """Lay down samples from sample `first` of the mix on."""
        with _lock:
            if self.closed:
                return
            taken, end = self.taken, self._end
            skip = max(taken - first, 0)
            until = min(first + len(left), taken + len(self._ring))
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
            if not end or first - end > GAP:
                self._scale(first, min(FADE, count), 1.0)
                self._scale(end - FADE, FADE, -1.0)
            self._end = max(end, until)
            if self._bank is not None:
                self._bank.ends[self.row] = self._end

    def close(self) -> None:
        """Nothing is written any more; what is there fades, and then the place is free."""
        with _lock:
            self.closed = True
            if self._bank is not None:
                self._bank.leaving.add(self.row)

    @property
    def taken(self) -> int:
        """First sample that the mix has not taken."""
        return self._taken if self._bank is None else self._bank.taken

    def _scale(self, first: int, count: int, way: float) -> None:
        """Fade in (1) or out (-1) what is there and has not been taken."""
        late = max(self.taken - first, 0)
        if late >= count:
            return
        ramp = (_rise if way > 0 else _rise[::-1])[FADE - count + late if way < 0 else late :]
        ramp = ramp[: count - late]
        at = (first + late) % len(self._ring)
        head = min(len(ramp), len(self._ring) - at)
        self._ring[at : at + head] *= ramp[:head]
        self._ring[: len(ramp) - head] *= ramp[head:]


class Bank:
    """The rings of all voices of a mix, a row each. For the mix's thread."""

    def __init__(self) -> None:
        self.taken = 0
        self.voices: list[Voice | None] = [None] * ROWS
        self.ends: npt.NDArray[np.int64] = np.zeros(ROWS, np.int64)
        "Behind the last sample of each."
        self._rings: Samples = np.zeros((ROWS, RING * BLOCK, 2), np.float32)
        self.used = 0
        "Rows below which all voices are."
        self.leaving: set[int] = set()
        "Of voices that are closed and not over yet."

    def adopt(self, voice: Voice) -> bool:
        """Take a voice in; False if it is here already, or over."""
        with _lock:
            if voice.row >= 0 or voice.closed:
                return False
            if None not in self.voices:
                self._grow()
            row = self.voices.index(None)
            ring = self._rings[row]
            first, until = max(voice._taken, self.taken), voice._end
            if until > first:
                places = np.arange(first, until) % len(ring)
                ring[places] = voice._ring[places]
            self.voices[row], self.ends[row] = voice, until
            voice.row, voice._ring, voice._bank = row, ring, self
            self.used = max(self.used, row + 1)
        return True

    def going(self) -> list[int]:
        """Rows of voices that are closed and not over yet; others close them at any time."""
        with _lock:
            return list(self.leaving)

    def release(self, row: int) -> None:
        """Let a voice go whose sound is over."""
        with _lock:
            voice = self.voices[row]
            if voice is not None:
                voice.closed, voice.row = True, -1
                voice._ring, voice._bank = np.zeros((1, 2), np.float32), None
            self.voices[row], self.ends[row] = None, 0
            self.leaving.discard(row)
            self._rings[row] = 0.0
            self.used = max((n + 1 for n, v in enumerate(self.voices) if v is not None), default=0)

    @contextmanager
    def block(self, first: int) -> Iterator[Matrix]:
        """What all have to say from sample `first` on, a multiple of `BLOCK`; gone afterwards."""
        at = first % (RING * BLOCK)
        with _lock:
            block = self._rings[: self.used, at : at + BLOCK]
            for row, voice in enumerate(self.voices[: self.used]):
                if voice is not None and voice.sound is not None:
                    block[row] = voice.sound(first)
                    self.ends[row] = first + RING * BLOCK
            self.taken = first + BLOCK
            yield block.reshape(self.used, BLOCK * 2)
            block[:] = 0.0

    def _grow(self) -> None:
        more = len(self.voices)
        self._rings = np.concatenate([self._rings, np.zeros_like(self._rings)])
        self.ends = np.concatenate([self.ends, np.zeros(more, np.int64)])
        for row, voice in enumerate(self.voices):
            if voice is not None:
                voice._ring = self._rings[row]
        self.voices += [None] * more
