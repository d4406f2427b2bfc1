"""What is announced by sound: the recordings, and how they are put over the voices."""

import io
import wave
from collections import deque

import msgspec
import numpy as np

from services.mixer.media.limiter import Line
from services.mixer.media.voice import BLOCK, RATE

DUCK = 0.25
"""What is left of the voices under an announcement: -12 dB, quiet enough and still there."""

FALL_BLOCKS, RISE_BLOCKS = 10, 25
"""In which the voices go down before it (0.2 s) and come back after it (0.5 s)."""

QUEUE = 8
"""Announcements that may wait; more than that is not news."""

LONGEST = 30 * RATE
"""Samples that are played of one."""


def samples(recording: bytes) -> Line:
    """A 48 kHz mono 16-bit WAV as whole blocks. Raises ValueError for any other."""
    try:
        with wave.open(io.BytesIO(recording)) as file:
            shape = file.getnchannels(), file.getsampwidth(), file.getframerate()
            if shape != (1, 2, RATE):
                raise ValueError("an announcement is 48 kHz, mono, 16 bit")
            data = file.readframes(LONGEST)
    except (wave.Error, EOFError) as exc:
        raise ValueError("an announcement is a WAV file") from exc
    mono = np.frombuffer(data, "<i2").astype(np.float32) / 32768
    padded = np.pad(mono, (0, -len(mono) % BLOCK))
    return np.repeat(padded, 2)


class Aside(msgspec.Struct, frozen=True, eq=False):
    """What comes over the voices in one block, and what is left of them from begin to end."""

    sound: Line | None = None
    before: float = 1.0
    after: float = 1.0


NOTHING = Aside()


class Announcer:
    """Plays one after the other. `add` is for any thread, `block` for the mix's."""

    def __init__(self) -> None:
        self._waiting: deque[Line] = deque()
        self._playing: Line | None = None
        self._at = 0
        self._duck = 1.0

    def add(self, sound: Line) -> bool:
        """Play it when all before it have been; False if too many wait."""
        if len(self._waiting) >= QUEUE:
            return False
        self._waiting.append(sound)
        return True

    def block(self) -> Aside:
        """The next block."""
        if self._playing is None and not self._waiting and self._duck == 1.0:
            return NOTHING
        before, sound = self._duck, None
        if self._playing is None and self._waiting:
            self._duck = max(DUCK, before - (1 - DUCK) / FALL_BLOCKS)
            if before == DUCK:
                self._playing, self._at = self._waiting.popleft(), 0
        elif self._playing is None:
            self._duck = min(1.0, before + (1 - DUCK) / RISE_BLOCKS)
        if self._playing is not None:
            sound = self._playing[self._at : self._at + BLOCK * 2]
            self._at += len(sound)
            if self._at >= len(self._playing):
                self._playing = None
        return Aside(sound, before, self._duck)
