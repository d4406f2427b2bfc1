"""The time line of a session: which picture and which sample come next, whatever the mixer does.

Pure: told what arrived and what time it is, it answers what is to be encoded. The output is gapless
at a constant rate. While a mixer delivers, its pictures and sound are placed by their numbers, both
by the same shift, so they stay aligned to the sample. What it does not deliver in time is made
up: the last picture again, and silence. A restarted mixer has a new epoch but the same clock, so
its pictures fall into place where the output has got to.
"""

from collections import deque
from typing import NamedTuple

SECOND = 1_000_000_000
"""Nanoseconds."""

PATIENCE_NS = 300_000_000
"""How much later than usual a mixer's picture may come before it is made up. The output halts
for so long when a mixer dies, which players' buffers hide."""

CATCH_UP = 0.5
"""Seconds of output that may be made up at once. A picture that is shown again costs an encoder
half of a new one: were more made up after a halt, or by an encoder that is far too slow, the output
would be later still. So more than that is left out, and the output goes on with what is new."""

CALM = 2.0
"""Seconds for which pictures come in time before what was left out is given back, as much as may be
made up at once: halves of a dual stream must not drift apart, nor a recording from the clock."""

GIVEN_BACK = 10.0
"""Seconds that are given back at most: nobody wants to see the hour for which a machine slept."""

FOLLOW_AFTER = 0.5
"""Seconds of pictures that came too late, against those in time, after which they are followed."""

REMEMBERED = 64
"""Changes of the origin that can be looked up: what an encoder still holds is younger by far."""

SLATE_AFTER_NS = 5 * SECOND
"""How long the last picture is shown when nothing follows it."""


class Owed(NamedTuple):
    """What has to be made up."""

    pictures: int
    samples: int


class Cut(NamedTuple):
    """How a block of sound goes in."""

    silence: int
    "Samples of silence before it."
    skip: int
    "Samples at its beginning that came too late."


class Timeline:
    """Times are CLOCK_MONOTONIC in nanoseconds; output starts with the first picture."""

    def __init__(self, fps: int, rate: int, block: int) -> None:
        self.fps = fps
        self.rate = rate
        self.block = block
        self.pictures = 0
        "Pictures placed so far: the number of the next one of the output."
        self.samples = 0
        "Samples placed so far."
        self._origin: int | None = None
        "When picture 0 of the output was due in the mix."
        self._origins: deque[tuple[int, int]] = deque(maxlen=REMEMBERED)
        "From which picture on there was which origin before the one of now."
        self._epoch = 0
        self._shift = 0
        "Number of a picture in the output, less its number in the mix."
        self._lag = 0
        """How much later than due the mixers' pictures come when they come soonest. A mixer that
        takes over is no reason to wait longer: its first pictures are late because it begins, and
        what it leaves out to catch up would be missed too late to be made up. One that stays late
        is followed."""
        self._late = 0
        "Pictures that came too late, less those that did not, but never below none."
        self._seen: int | None = None
        self._left_out = 0
        "Pictures whose time was left out, and has not been given back."
        self._trouble = 0
        "When pictures last came late, or were left out."

    @property
    def running(self) -> bool:
        return self._origin is not None

    @property
    def skew(self) -> float:
        """Seconds that the sound has got further than the picture."""
        return self.samples / self.rate - self.pictures / self.fps

    def begin(self, now: int) -> None:
        """Start without a mixer."""
        self._origin = now

    def moment(self, picture: int) -> int | None:
        """When a picture of the output was due in the mix; from any thread."""
        origin = self._origin
        for until, before in reversed(list(self._origins)):
            if picture >= until:
                break
            origin = before
        return None if origin is None else origin + picture * SECOND // self.fps

    def attach(self, epoch: int) -> None:
        """From now on, pictures and blocks are numbered from `epoch`."""
        self._epoch = epoch
        self._late = 0
        if self._origin is not None:
            self._shift = _round(epoch - self._origin, self.fps, SECOND)

    def late_by(self, n: int, now: int) -> int:
        """How much later picture `n` of the mix would be placed than the first ones were."""
        return now - self._epoch - n * SECOND // self.fps - self._lag

    def behind(self, picture: int, now: int) -> int:
        """The same of a picture of the output."""
        due = self.moment(picture)
        return 0 if due is None else now - due - self._lag

    def picture(self, n: int, now: int) -> int | None:
        """Place picture `n` of the mix, which came at `now`: how often the last one is to be shown
        again before it.

        None if its place is taken already; then it is only the newest to be shown again.
        """
        self._seen = now
        due = self._epoch + n * SECOND // self.fps
        lag = max(0, now - due)
        if self._origin is None:
            self._origin, self._shift, self._lag = due, -n, lag
        self._lag = min(self._lag, lag)
        missing = n + self._shift - self.pictures
        if missing < 0:
            self._late += 1
            if self._late <= self.fps * FOLLOW_AFTER:
                return None
            self._leave_out(missing)  # show the mix later than before
            self._lag, self._late = lag, 0
            missing = 0
        elif missing > CATCH_UP * self.fps:
            self._leave_out(missing)
            missing = 0
        elif not missing:
            missing = self._give_back(n, now)
        self._late = max(0, self._late - 1)
        self.pictures += missing + 1
        return missing

    def sound(self, m: int) -> Cut:
        """Place block `m` of the mix."""
        if self._origin is None:
            return Cut(0, self.block)
        start = m * self.block + _round(self._shift, self.rate, self.fps)
        gap = start - self.samples
        if gap > CATCH_UP * self.rate:
            self._leave_out(gap * self.fps // self.rate)
            return self.sound(m)
        skip = min(max(0, -gap), self.block)
        silence = max(0, gap)
        self.samples += silence + self.block - skip
        return Cut(silence, skip)

    def make_up(self, now: int) -> Owed:
        """What should have come by now and has not; the caller encodes it."""
        if self._origin is None:
            return Owed(0, 0)
        ripe = now - self._lag - PATIENCE_NS - self._origin
        pictures = ripe * self.fps // SECOND + 1 - self.pictures
        if pictures > CATCH_UP * self.fps:
            self._leave_out(pictures - 1)
            return self.make_up(now)
        samples = ripe * self.rate // SECOND - self.samples
        owed = Owed(max(0, pictures), max(0, samples // self.block * self.block))
        self.pictures += owed.pictures
        self.samples += owed.samples
        return owed

    def next_due(self) -> int | None:
        """When there will be a picture to make up unless it comes; None before the start."""
        if self._origin is None:
            return None
        return self._origin + self.pictures * SECOND // self.fps + self._lag + PATIENCE_NS

    def stale(self, now: int) -> bool:
        """Whether the last picture is too old to be shown still."""
        return self._seen is None or now - self._seen > SLATE_AFTER_NS

    def _leave_out(self, pictures: int) -> None:
        """Let the output go on as if so many pictures' time had not passed; less than none: as
        if that much had passed twice."""
        self._move(pictures)
        left = self._left_out + pictures
        self._left_out = left if 0 <= left <= GIVEN_BACK * self.fps else 0
        self._trouble = self._seen or 0

    def _give_back(self, n: int, now: int) -> int:
        """How many pictures to make up because their time was left out before; `n` is in time."""
        if not self._left_out:
            return 0
        if self.late_by(n, now) > SECOND // self.fps:
            self._trouble = now
        if now - self._trouble < CALM * SECOND:
            return 0
        pictures = min(self._left_out, int(CATCH_UP * self.fps))
        self._move(-pictures)
        self._left_out -= pictures
        self._trouble = now
        return pictures

    def _move(self, pictures: int) -> None:
        assert self._origin is not None
        self._origins.append((self.pictures, self._origin))
        self._origin += pictures * SECOND // self.fps
        self._shift -= pictures


def _round(count: int, numerator: int, denominator: int) -> int:
    """count * numerator / denominator, to the nearest whole."""
    return (2 * count * numerator + denominator) // (2 * denominator)
