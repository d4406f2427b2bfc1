"""A sound mixer with a test at it: voices come, go and are muted; what is heard is kept."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from services.mixer.media.sound import SoundMixer
from services.mixer.media.voice import BLOCK, RATE, Samples, Voice

Wave = npt.NDArray[np.floating[Any]]
Sound = npt.NDArray[np.float32]


def voice(wave: Callable[[Wave], Wave]) -> Voice:
    """One that is a function of time."""

    def sound(first: int) -> Samples:
        samples = wave((first + np.arange(BLOCK)) / RATE).astype(np.float32)
        return np.repeat(samples[:, None], 2, axis=1)

    return Voice(sound)


def float_of(block: npt.NDArray[np.int16]) -> Sound:
    return block[:, 0].astype(np.float32) / np.float32(32767)


class Desk:
    """A mixer, and the voices that come, go and are muted."""

    def __init__(self, *voices: Voice) -> None:
        self.mixer = SoundMixer()
        self.block = 0
        self.voices = list(voices)
        self.direct(self.voices)

    def direct(self, heard: Sequence[Voice]) -> None:
        own = {str(n): [each] for n, each in enumerate(self.voices)}
        self.mixer.direct(self.voices, heard, own)

    def play(self, seconds: float, *listeners: int) -> dict[str, Sound]:
        """What is heard: `full`, and of each listener's own."""
        heard: dict[str, list[Sound]] = {"full": []}
        for _ in range(round(seconds * RATE / BLOCK)):
            mixed = self.mixer.mix(self.block * BLOCK, {str(who) for who in listeners})
            self.block += 1
            heard["full"].append(float_of(mixed.full))
            for who, block in mixed.private.items():
                heard.setdefault(who, []).append(float_of(block))
        return {who: np.concatenate(blocks) for who, blocks in heard.items()}

    def full(self, seconds: float) -> Sound:
        return self.play(seconds)["full"]
