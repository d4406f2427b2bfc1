"""Sources of a replay: the same people in the same places, as flat colours and tones."""

import numpy as np

from services.mixer.core import palette
from services.mixer.core.scene import SourceId
from services.mixer.media.picture import Picture
from services.mixer.media.voice import BLOCK, RATE, Samples, Voice

SIZE = (64, 36)
"""Pixels; a flat colour is flat at any size."""

LEVEL = 0.05
"""Amplitude: many of them together still stay far below full scale."""


def tone(participant: str) -> Voice:
    """A sine that belongs to a participant."""
    step = 2 * np.pi * palette.tone(participant) / RATE

    def sound(first: int) -> Samples:
        wave: Samples = LEVEL * np.sin(step * (first + np.arange(BLOCK))).astype(np.float32)
        return wave[:, None].repeat(2, axis=1)

    return Voice(sound)


class SyntheticSource:
    def __init__(self, source: SourceId) -> None:
        is_main = source.content == "main"
        # A presentation in a replay has a picture only.
        self.voice = tone(source.participant) if is_main else Voice()
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
        self.voice.close()
