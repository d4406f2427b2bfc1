"""An encoder that is too slow for a while, on a clock that only the test moves.

The link is the real one; the mixer publishes in its own time, also while the encoder is busy.
"""

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from kit.link import FeedReader, FeedServer, FeedWriter, Format
from services.rtmp_egress.media.clock import CATCH_UP, SECOND
from services.rtmp_egress.media.editor import Editor

FPS = 30
FORMAT = Format(64, 36, FPS)
SAMPLES = FORMAT.rate // FPS
PICTURE = SECOND // FPS
MS = 1_000_000
EASY = 12
"""Milliseconds of a picture that are no trouble."""


class Made(msgspec.Struct, frozen=True):
    """A picture of the output."""

    pts: int
    n: int
    "Which picture of the mix it shows."
    again: bool
    done: int
    "When it was encoded."


class Rig:
    """The mixer, the encoder and the media thread's loop."""

    def __init__(self, path: Path, cost: Callable[[int, bool], float]) -> None:
        """`cost`: milliseconds of encoding at a time, of a new picture or of the last one again."""
        self.now = 1000 * SECOND
        self.epoch = self.now
        self.made: list[Made] = []
        self.heard: dict[int, int] = {}
        "Block of the mix by the first sample of the output that it was put at."
        self._cost = cost
        self._writer = FeedWriter(FORMAT, epoch_ns=self.epoch)
        self._server = FeedServer(path, lambda _: self._writer)
        self._reader = FeedReader.connect(str(path), b"x", 5.0)
        while not self._writer.takers:
            time.sleep(0.001)  # the server counts us in just after it has welcomed us
        self._published = self._sounded = 0
        self._samples = 0
        self.halted = 0
        "Until when the mixer does nothing."
        self.editor = Editor(self, FORMAT, lambda: self.now)
        self.editor.attach(self._reader.epoch_ns)

    def close(self) -> None:
        self._reader.close()
        self._server.close()
        self._writer.close()

    def run(self, seconds: float) -> list[Made]:
        """As the media thread does it. Returns what was made."""
        begun, before = self.now, len(self.made)
        while self.now < begun + seconds * SECOND:
            self._mix()
            while (item := self._reader.read(0.0)) is not None:
                self.editor.hear(item)
            if not self.editor.work() and not self.editor.make_up():
                self._pass(MS)
        return self.made[before:]

    def picture(self, canvas: npt.NDArray[np.uint8], pts: int) -> None:
        n = int(canvas[0, :4].copy().view(np.uint32)[0])
        again = bool(self.made) and self.made[-1].n == n
        self._pass(round(self._cost(self.now - self.epoch, again) * MS))
        self.made.append(Made(pts, n, again, self.now))

    def sound(self, samples: npt.NDArray[np.int16], pts: int) -> None:
        assert pts == self._samples
        self._samples += len(samples)
        self.heard[pts] = int(samples[-1, 0])

    def forget(self) -> None:
        """Nothing is kept."""

    def _pass(self, nanoseconds: int) -> None:
        """Time goes by, and the mixer goes on meanwhile."""
        end = self.now + nanoseconds
        while (due := self.epoch + self._published * PICTURE) <= end:
            self.now = max(self.now, due)
            self._mix()
        self.now = end

    def _mix(self) -> None:
        while self.epoch + self._published * PICTURE <= self.now:
            n = self._published
            if self.now >= self.halted:
                free = self._writer.begin()
                if free is not None:
                    slot, canvas = free
                    canvas[0, :4] = np.array([n], np.uint32).view(np.uint8)
                    self._writer.picture(slot, n)
            self._published += 1
            while (self._sounded + 1) * FORMAT.block <= n * SAMPLES:
                if self.now >= self.halted:
                    block = np.full((FORMAT.block, 2), self._sounded, np.int16)
                    self._writer.sound(self._sounded, block)
                self._sounded += 1

    def lateness(self, made: Made) -> int:
        """How long after its time in the mix a picture was there, in nanoseconds."""
        return made.done - self.epoch - made.n * PICTURE


Make = Callable[[Callable[[int, bool], float]], Rig]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Make]:
    rigs: list[Rig] = []

    def make(cost: Callable[[int, bool], float]) -> Rig:
        rigs.append(Rig(tmp_path / f"feed-{len(rigs)}", cost))
        return rigs[-1]

    yield make
    for each in rigs:
        each.close()


def slow(new: float, again: float, since: float = 1.0, until: float = 6.0) -> Callable[..., float]:
    """Overloaded between two times, in seconds."""

    def cost(at: int, is_again: bool) -> float:
        if since <= at / SECOND < until:
            return again if is_again else new
        return EASY

    return cost


def moving(made: list[Made]) -> list[Made]:
    return [each for each in made if not each.again]


def gapless(made: list[Made]) -> bool:
    return all(after.pts == before.pts + 1 for before, after in pairwise(made))


OVERLOADS = {
    "a little": (40.0, 20.0),
    "half too slow": (50.0, 25.0),
    "twice too slow": (66.0, 25.0),
    "three times": (100.0, 20.0),
}


@pytest.mark.parametrize(("new", "again"), OVERLOADS.values(), ids=OVERLOADS)
def test_under_load_pictures_are_left_out_evenly_and_none_is_very_late(
    rig: Make, new: float, again: float
) -> None:
    made = rig(slow(new, again))
    made.run(1.5)
    during = made.run(4.0)

    assert gapless(during)
    assert len(during) == pytest.approx(4 * FPS, abs=10), "at a constant rate, in real time"
    # What the encoder has time for: a new one, and the last one again for the rest of its time.
    wanted = 4 * (1000 - FPS * again) / (new - again)
    shown = moving(during)
    assert len(shown) >= 0.8 * wanted
    steps = [after.n - before.n for before, after in pairwise(shown)]
    assert max(steps) <= 2 * sum(steps) / len(steps) + 1
    assert max(made.lateness(each) for each in shown) <= 350 * MS


@pytest.mark.parametrize(("new", "again"), OVERLOADS.values(), ids=OVERLOADS)
def test_when_the_load_is_gone_every_picture_moves_again_at_once(
    rig: Make, new: float, again: float
) -> None:
    made = rig(slow(new, again))
    made.run(6.3)
    after = made.run(3.0)

    assert [each.n for each in after] == list(range(after[0].n, after[0].n + len(after)))
    assert max(made.lateness(each) for each in after) < 2 * PICTURE
    assert gapless(made.made)


@pytest.mark.parametrize(("new", "again"), OVERLOADS.values(), ids=OVERLOADS)
def test_under_load_sound_and_picture_stay_together(rig: Make, new: float, again: float) -> None:
    made = rig(slow(new, again))
    made.run(8.0)

    for each in moving(made.made):
        block = made.heard.get(each.pts * SAMPLES // FORMAT.block * FORMAT.block)
        if block is not None:
            assert abs(block * FORMAT.block - each.n * SAMPLES) <= 2 * SAMPLES
    assert made.editor.counts.silence == 0


def test_a_slow_key_frame_costs_no_picture(rig: Make) -> None:
    """As long as what waits behind it fits into the credits of the link."""
    made = rig(lambda at, _: 90 if at % (2 * SECOND) < PICTURE else EASY)
    all_made = made.run(10.0)

    assert not any(each.again for each in all_made)
    assert made.editor.counts.late == 0


@pytest.mark.parametrize("halt", [0.4, 1.0, 2.5])
def test_after_a_halt_there_is_nothing_to_catch_up_with_until_there_is_time_for_it(
    rig: Make, halt: float
) -> None:
    stops = iter([halt * 1000])
    made = rig(lambda at, _: next(stops, EASY) if at > 2 * SECOND else EASY)
    made.run(2.5 + halt)
    after = made.run(1.0)

    assert not any(each.again for each in after)
    assert max(made.lateness(each) for each in after) < 2 * PICTURE
    made.run(16.0)
    assert gapless(made.made)
    first, last = made.made[0], made.made[-1]
    assert last.pts - first.pts == last.n - first.n, "what was left out has been given back"


def test_what_makes_an_encoder_later_still_is_not_made_up(rig: Make) -> None:
    """Where even the last picture again costs more than its time, time is left out instead."""
    made = rig(slow(60, 45, until=21.0))
    made.run(1.0)
    during = moving(made.run(20.0))

    assert gapless(made.made)
    assert len(during) >= 20 * 4
    assert max(made.lateness(each) for each in during) <= (CATCH_UP * 1.5 + 0.4) * SECOND
    made.run(1.0)
    assert not any(each.again for each in made.run(1.0))


def test_a_mixer_that_halts_is_waited_for_and_then_shown_on(rig: Make) -> None:
    made = rig(lambda at, again: EASY)
    made.run(2.0)
    made.halted = made.now + SECOND
    made.run(1.4)
    after = made.run(1.0)

    assert not any(each.again for each in after)
    assert made.editor.counts.repeated == pytest.approx(FPS, abs=2)
    assert gapless(made.made)
