"""Keeps a mix below full scale: a gain that runs straight from block to block and never jumps."""

import numpy as np
import numpy.typing as npt

from services.mixer.media.voice import BLOCK

CEILING = 0.89
"""Of full scale: -1 dB, so that what a lossy codec adds does not clip either."""

RELEASE = 0.04
"""Part of what is missing to full gain that comes back per block: half of it in a third of a
second, slow enough not to be heard as breathing."""

Line = npt.NDArray[np.float32]
"""A block, left and right in turns."""

RISE: Line = np.repeat(np.linspace(0.0, 1.0, BLOCK, dtype=np.float32), 2)


class Limiter:
    """Looks one block ahead, so that the gain is down before a loud one begins."""

    def __init__(self) -> None:
        self._bears = 1.0
        "Gain that the block before can bear."
        self._gain = 1.0

    def next(self, ahead: Line) -> tuple[float, float]:
        """Take the newest block; returns where the gain of the one before it begins and ends.

        It begins at what that block can bear, because the last one ended there.
        """
        peak = max(float(ahead.max()), -float(ahead.min()))
        bears, self._bears = self._bears, CEILING / peak if peak > CEILING else 1.0
        before = self._gain
        self._gain = min(before + (1.0 - before) * RELEASE, bears, self._bears)
        return before, self._gain


def ramp(before: float, after: float) -> float | Line:
    """A gain for a block; a plain number while it does not change."""
    return before if before == after else np.float32(before) + np.float32(after - before) * RISE
