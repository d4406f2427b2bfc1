"""The mix of all voices, kept below full scale without distorting or pumping."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from services.mixer.media.voice import BLOCK, Audible, Samples

CEILING = 0.89
"""Of full scale: -1 dB, so that what a lossy codec adds does not clip either."""

RELEASE = 0.04
"""Part of what is missing to full gain that comes back per block: half of it in a third of a
second, slow enough not to be heard as breathing."""

FULL_SCALE = 32767.0


class SoundMixer:
    """Adds voices block by block. It looks one block ahead, so that the gain is down before a
    loud one begins; what comes out is therefore one block older than what went in."""

    def __init__(self) -> None:
        self._ahead: Samples = np.zeros((BLOCK, 2), np.float32)
        self._spare: Samples = np.zeros((BLOCK, 2), np.float32)
        self._limit_ahead = 1.0
        self._gain = 1.0
        self._ramp = np.linspace(0.0, 1.0, BLOCK, dtype=np.float32)[:, None]

    def mix(
        self, voices: Iterable[Audible], first: int
    ) -> tuple[npt.NDArray[np.int16], list[float]]:
        """Take the block that begins at sample `first`. Returns the block before it as int16,
        and the mean power of each voice now."""
        block, limit = self._ahead, self._limit_ahead
        self._ahead, self._spare = self._spare, self._ahead
        self._ahead.fill(0.0)
        powers = [voice.add_to(self._ahead, first) for voice in voices]
        self._limit_ahead = _limit(self._ahead)
        return self._finish(block, limit), powers

    def _finish(self, block: Samples, limit: float) -> npt.NDArray[np.int16]:
        """Scale by a gain that runs straight to one that this block and the next can bear.

        It begins at what this block can bear, because the last one ended there."""
        before = self._gain
        self._gain = min(before + (1.0 - before) * RELEASE, limit, self._limit_ahead)
        if before != self._gain:
            block *= before + (self._gain - before) * self._ramp
        elif before != 1.0:
            block *= before
        return (block * FULL_SCALE).astype(np.int16)


def _limit(block: Samples) -> float:
    peak = max(float(block.max()), -float(block.min()))
    return CEILING / peak if peak > CEILING else 1.0
