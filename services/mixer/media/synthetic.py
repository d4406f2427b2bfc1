"""Sources of a replay: the same people in the same places, as flat colours and tones."""

import numpy as np

from services.mixer.core import palette
from services.mixer.core.scene import SourceId
from services.mixer.media.picture import Picture
from services.mixer.media.voice import BLOCK, RATE, Audible, Samples

SIZE = (64, 36)
"""Pixels; a flat colour is flat at any size."""

LEVEL = 0.05
"""Amplitude: many of them together still stay far below full scale."""


class Tone:
    """A sine that belongs to a participant."""

    def __init__(self, participant: str) -> None:
        self._step = 2 * np.pi * palette.tone(participant) / RATE

    def add_to(self, total: Samples, first: int) -> float:
        wave = LEVEL * np.sin(self._step * (first + np.arange(BLOCK)))
        total += wave.astype(np.float32)[:, None]
        return LEVEL**2 / 2

    def skip(self, first: int) -> None:
        """It sounds the same whenever it is heard."""


class Quiet:
    """A presentation in a replay has a picture only."""

    def add_to(self, total: Samples, first: int) -> float:  # noqa: ARG002 - the voices' protocol
        return 0.0

    def skip(self, first: int) -> None:
        """There is nothing."""


class SyntheticSource:
    def __init__(self, source: SourceId) -> None:
        is_main = source.content == "main"
        self.voice: Audible = Tone(source.participant) if is_main else Quiet()
        lightness = 0.36 if is_main else 0.7
        rgb = palette.colour(source.participant, lightness=lightness)
        self._picture = Picture.flat(palette.yuv(rgb), *SIZE)

    def picture(self, at: float) -> Picture:  # noqa: ARG002 - it never changes
        return self._picture

    def showable(self, now: float) -> bool:  # noqa: ARG002
        return True

    def show(self, visible: bool) -> None:
        """It costs nothing either way."""

    def check(self, now: float) -> None:
        """It never stalls."""

    def close(self) -> None:
        """It holds nothing."""
