"""What those who take part hear: the sum less their own voice, and what is announced to them."""

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from services.mixer.media.limiter import CEILING, Limiter, Line, ramp
from services.mixer.media.prompts import Aside
from services.mixer.media.voice import BLOCK, Matrix

FULL_SCALE = 32767.0

Sound = npt.NDArray[np.int16]


class Own(msgspec.Struct, frozen=True, eq=False):
    """What the listeners say in one block."""

    names: Sequence[str]
    voices: Matrix
    "A row each, as it goes into the sum."
    silent: Sequence[str] = ()
    "Those who say nothing, and hear what all of these do."

    def empty(self) -> bool:
        return not (self.names or self.silent)


NOBODY = Own((), np.zeros((0, BLOCK * 2), np.float32))


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
        self._own = NOBODY

    def mix(self, total: Line, own: "Own", aside: Aside) -> dict[str, Sound]:
        """Take a block: the sum of all voices, and what each listener puts into it, which is
        changed. Returns the block before for each listener of it."""
        if own.empty() and self._own.empty():
            return {}
        ducked = ramp(aside.before, aside.after)
        ahead = total * ducked
        if aside.sound is not None:
            ahead += aside.sound
        gain = ramp(*self._limiter.next(ahead)) * np.float32(FULL_SCALE)
        done = self._finish(gain)
        self._sum, self._ducked, self._own = ahead, ducked, own
        return done

    def _finish(self, gain: "np.float32 | Line") -> dict[str, Sound]:
        total = self._sum * gain
        everybody = total.astype(np.int16).reshape(BLOCK, 2)
        # In place, so that it stays in the processor's cache.
        heard = self._own.voices
        heard *= gain * self._ducked
        np.subtract(total, heard, out=heard)
        np.clip(heard, -CEILING * FULL_SCALE, CEILING * FULL_SCALE, out=heard)
        sound = heard.astype(np.int16).reshape(len(heard), BLOCK, 2)
        private = dict(zip(self._own.names, sound, strict=True))
        return private | dict.fromkeys(self._own.silent, everybody)
