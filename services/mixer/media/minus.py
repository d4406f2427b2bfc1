"""What those who take part hear: the sum less their own voice, and what is announced to them."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from services.mixer.media.limiter import CEILING, Limiter, Line, ramp
from services.mixer.media.prompts import Aside
from services.mixer.media.voice import BLOCK, Matrix

FULL_SCALE = 32767.0

Sound = npt.NDArray[np.int16]

Rows = Mapping[str, Sequence[int]]
"""Which voices are whose."""


class MixMinus:
    """One block behind, like the sum that it is made from.

    The limiter works on what somebody would hear who says nothing: nobody hears more than that,
    but for voices that cancel out, which a clip takes care of.
    """

    def __init__(self) -> None:
        self._limiter = Limiter()
        self._sum: Line = np.zeros(BLOCK * 2, np.float32)
        "Of the block before, as a silent listener hears it."
        self._ducked: float | Line = 1.0
        self._own: Matrix = np.zeros((0, BLOCK * 2), np.float32)
        self._rows: Rows = {}
        self._scratch: Matrix = np.zeros((0, BLOCK * 2), np.float32)

    def mix(self, total: Line, own: Matrix, rows: Rows, aside: Aside) -> dict[str, Sound]:
        """Take a block: the sum of all voices, each of them as it went in, and whose they are.
        Returns the block before for each listener of it."""
        if not rows and not self._rows:
            return {}
        ducked = ramp(aside.before, aside.after)
        ahead = total * ducked
        if aside.sound is not None:
            ahead += aside.sound
        gain = ramp(*self._limiter.next(ahead)) * np.float32(FULL_SCALE)
        done = self._finish(gain) if self._rows else {}
        self._sum, self._ducked, self._own, self._rows = ahead, ducked, own, rows
        return done

    def _finish(self, gain: "np.float32 | Line") -> dict[str, Sound]:
        names = list(self._rows)
        if len(self._scratch) < len(names):
            self._scratch = np.zeros((len(names), BLOCK * 2), np.float32)
        out = self._scratch[: len(names)]
        speakers = [n for n, name in enumerate(names) if self._rows[name]]
        first = [self._rows[names[n]][0] for n in speakers]
        if first == list(range(len(names))):
            np.multiply(self._own[: len(names)], gain * self._ducked, out=out)
        else:
            out[:] = 0.0
            out[speakers] = self._own[first]
            out *= gain * self._ducked
        for n in speakers:
            for row in self._rows[names[n]][1:]:
                out[n] += self._own[row] * (gain * self._ducked)
        np.subtract(self._sum * gain, out, out=out)
        np.clip(out, -CEILING * FULL_SCALE, CEILING * FULL_SCALE, out=out)
        sound = out.astype(np.int16).reshape(len(names), BLOCK, 2)
        return dict(zip(names, sound, strict=True))
