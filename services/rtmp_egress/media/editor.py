"""What of a feed is encoded, and as which picture: the decisions of the media thread.

An encoder that is slower than the pictures come is given fewer of them: the newest that has come,
and the one before it again for those between. So what is shown moves evenly, stays with the sound,
and is never much late; when the encoder has time again, every picture is encoded again.
"""

from collections import deque
from collections.abc import Callable
from typing import Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from kit.link import Format, Picture, Sound
from kit.metrics import Tally
from kit.metrics.declared import PICTURE
from services.rtmp_egress.media.clock import SECOND, Timeline

TARDY_NS = 150_000_000
"""How late a picture may be encoded while a newer one waits. Key frames take longer than others:
what waits behind one is still encoded, and pictures are left out only when that goes on."""

SLATE = (24, 128, 128)
"""Y, U and V of the slate: nearly black, so that it is told from a dead picture."""

SILENCE_STEP = 4800
"""Samples of silence that are encoded at once."""

Canvas = npt.NDArray[np.uint8]
Samples = npt.NDArray[np.int16]


class Encodes(Protocol):
    def picture(self, canvas: Canvas, pts: int) -> None: ...
    def sound(self, samples: Samples, pts: int) -> None: ...
    def forget(self) -> None: ...


class Counts(msgspec.Struct):
    """What the session has done so far."""

    pictures: int = 0
    "Of the output."
    repeated: int = 0
    "Of these, the last picture again."
    slates: int = 0
    late: int = 0
    "Pictures of the mixer that came, and came too late to be encoded."
    silence: int = 0
    "Samples of silence made up."
    feeds: int = 0
    "Feeds taken, one after another."
    skew: float = 0.0
    "Seconds that the sound has got further than the picture."


class Editor:
    """For one thread."""

    def __init__(self, encoder: Encodes, format: Format, clock: Callable[[], int]) -> None:
        self.counts = Counts()
        self.encoding = Tally(PICTURE)
        "Of the pictures of the mixer."
        self.timeline = Timeline(format.fps, format.rate, format.block)
        self._encode = encoder
        self._format = format
        self._clock = clock
        self._waiting: deque[tuple[Picture, int]] = deque()
        "Pictures that have come, and when."
        self._sounds: deque[Sound] = deque()
        self._last: Picture | None = None
        "Kept until the next one comes, to be shown again if none does."
        self._fresh = False
        "The feed taken has not shown a picture yet."
        self._slate = _slate(format)

    def attach(self, epoch_ns: int) -> None:
        """A feed was taken; what is left of the one before is forgotten."""
        for picture, _ in self._waiting:
            picture.release()
        self._waiting.clear()
        self._sounds.clear()
        self.counts.feeds += 1
        self._fresh = True
        self.timeline.attach(epoch_ns)

    def hear(self, item: Picture | Sound) -> None:
        """Something has come."""
        if isinstance(item, Sound):
            self._sounds.append(item)
        else:
            self._waiting.append((item, self._clock()))

    @property
    def busy(self) -> bool:
        """A picture waits."""
        return bool(self._waiting)

    def work(self) -> bool:
        """Encode the sound that has come and one picture; False if no picture waits."""
        if not self._waiting:
            self._sound()
            return False
        picture, came = self._choose()
        missing = self.timeline.picture(picture.n, came)
        # Only now is it known whether the time of this sound was left out.
        self._sound()
        at = self.timeline.pictures
        if missing:
            self._again(missing, at - missing - 1)
        if self._last is not None:
            self._last.release()
        if self._fresh:
            self._encode.forget()
            self._fresh = False
        self._last = picture
        if missing is None:
            self.counts.late += 1
        else:
            begun = self._clock()
            self._encode.picture(picture.canvas, at - 1)
            self.encoding.add((self._clock() - begun) / SECOND)
            self.counts.pictures += 1
        self.counts.skew = self.timeline.skew
        return True

    def make_up(self) -> bool:
        """Encode what should have come by now and has not; whether there was any such."""
        owed = self.timeline.make_up(self._clock())
        if owed.pictures:
            self._again(owed.pictures, self.timeline.pictures - owed.pictures)
        if owed.samples:
            self._silence(owed.samples, self.timeline.samples - owed.samples)
        return owed.pictures > 0 or owed.samples > 0

    def _choose(self) -> tuple[Picture, int]:
        """The oldest picture that waits, or, if that is late, the newest."""
        now = self._clock()
        picture, came = self._waiting.popleft()
        while self._waiting and self.timeline.late_by(picture.n, now) > TARDY_NS:
            picture.release()
            self.counts.late += 1
            picture, came = self._waiting.popleft()
        return picture, came

    def _sound(self) -> None:
        while self._sounds:
            sound = self._sounds.popleft()
            cut = self.timeline.sound(sound.m)
            kept = len(sound.block) - cut.skip
            self._silence(cut.silence, self.timeline.samples - kept - cut.silence)
            if kept:
                self._encode.sound(sound.block[cut.skip :], self.timeline.samples - kept)

    def _again(self, count: int, start: int) -> None:
        """The last picture `count` times more, or the slate when it is too old."""
        slate = self._last is None or self.timeline.stale(self._clock())
        canvas = self._slate if slate or self._last is None else self._last.canvas
        for pts in range(start, start + count):
            self._encode.picture(canvas, pts)
        self.counts.pictures += count
        if slate:
            self.counts.slates += count
        else:
            self.counts.repeated += count

    def _silence(self, count: int, start: int) -> None:
        self.counts.silence += count
        for at in range(start, start + count, SILENCE_STEP):
            length = min(SILENCE_STEP, start + count - at)
            silence = np.zeros((length, self._format.channels), np.int16)
            self._encode.sound(silence, at)


def _slate(format: Format) -> Canvas:
    canvas = np.empty((format.height * 3 // 2, format.width), np.uint8)
    flat = canvas.reshape(-1)
    luma = format.width * format.height
    y, u, v = SLATE
    flat[:luma], flat[luma : luma * 5 // 4], flat[luma * 5 // 4 :] = y, u, v
    return canvas
