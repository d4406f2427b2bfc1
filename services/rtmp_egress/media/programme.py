"""The media thread of a session: takes the feed, keeps the time line, encodes, cuts into tags.

Nothing that a mixer or a destination does can stop it; it runs until told to end.
"""

import time
from collections.abc import Callable

import msgspec
import numpy as np
import structlog

from kit.link import FeedGone, FeedReader, Format, Picture, Sound
from proto.media import FeedSpec, Rendition
from services.rtmp_egress.media.clock import SECOND, SLATE_AFTER_NS, Timeline
from services.rtmp_egress.media.encoder import open_encoder
from services.rtmp_egress.media.flv import FlvTag
from services.rtmp_egress.media.intake import Intake

log = structlog.get_logger()

NAP = 0.1
"""Seconds without news after which the thread looks whether it is to end, or the feed has moved."""

SLATE = (24, 128, 128)
"""Y, U and V of the slate: nearly black, so that it is told from a dead picture."""

SILENCE_STEP = 4800
"""Samples of silence that are encoded at once."""

BATCHES = 15
"""Times a second that tags are handed over: each costs a wake-up of the event loop, and 66 ms more
are nothing beside the encoder's lookahead. Without lookahead, every picture goes at once."""

SOUND_ONLY = 8
"""Tags that wait for a picture to be handed over with; more when no picture comes."""


class Counts(msgspec.Struct):
    """What the session has done so far."""

    pictures: int = 0
    "Of the output."
    repeated: int = 0
    "Of these, the last picture again."
    slates: int = 0
    late: int = 0
    "Pictures of the mixer that came after their place was taken."
    silence: int = 0
    "Samples of silence made up."
    feeds: int = 0
    "Feeds taken, one after another."


class Programme:
    """`run` is the thread; everything else may be called from outside it."""

    def __init__(
        self,
        feed: FeedSpec,
        rendition: Rendition,
        hand_over: Callable[[list[FlvTag]], None],
        *,
        software: bool = True,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """`hand_over` gets tags in small batches, on the media thread.

        Opens the encoder, which may take seconds. Raises NoEncoder.
        """
        self.counts = Counts()
        self._format = Format(feed.width, feed.height, feed.fps)
        self._batch: list[FlvTag] = []
        self._encode = open_encoder(self._format, rendition, self._batch.append, software)
        self._hand_over = hand_over
        self._clock = clock
        self._intake = Intake(msgspec.json.encode(feed), self._format)
        self._reader: FeedReader | None = None
        self._moved = 0
        self._ending = False
        self._timeline = Timeline(feed.fps, self._format.rate, self._format.block)
        at_once = rendition.quality == "low_latency"
        self._per_batch = 1 if at_once else max(1, round(feed.fps / BATCHES))
        self._last: Picture | None = None
        "Kept until the next one comes, to be shown again if none does."
        self._fresh = False
        "The feed taken has not shown a picture yet."
        self._slate = _slate(self._format)

    @property
    def encoder(self) -> str:
        """Name of the encoder that runs."""
        return self._encode.name

    def feed_at(self, path: str) -> None:
        """Take the feed there from now on."""
        self._intake.move_to(path)

    def end(self) -> None:
        self._ending = True
        self._intake.wake()

    def run(self) -> None:
        begun = self._clock()
        try:
            while not self._ending:
                if self._reader is None or self._moved != self._intake.moved:
                    self._attach()
                if self._reader is None:
                    self._intake.wait(self._pause())
                else:
                    self._hear(self._reader)
                now = self._clock()
                if not self._timeline.running and now - begun > SLATE_AFTER_NS:
                    self._timeline.begin(now)
                self._make_up(now)
            self._encode.close()
            self._flush()
        finally:
            self._detach()
            self._intake.close()

    def _pause(self) -> float:
        """Seconds until something has to be made up, but no more than a nap."""
        due = self._timeline.next_due()
        return NAP if due is None else min(NAP, max(0.0, (due - self._clock()) / SECOND))

    def _attach(self) -> None:
        self._moved, moved = self._intake.moved, self._moved
        if self._reader is not None and moved != self._moved:
            self._detach()
        reader = self._intake.take()
        if reader is not None:
            log.info("feed taken")
            self.counts.feeds += 1
            self._reader, self._fresh = reader, True
            self._timeline.attach(reader.epoch_ns)

    def _detach(self) -> None:
        """Let the feed go; its last picture stays readable and is shown on."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _hear(self, reader: FeedReader) -> None:
        """Encode what has come, or wait a little for something to come."""
        pause = self._pause()
        try:
            while (item := reader.read(pause)) is not None:
                if isinstance(item, Sound):
                    self._sound(item)
                else:
                    self._picture(item)
                pause = 0.0
        except FeedGone:
            log.warning("feed lost")
            self._detach()
            self._intake.lost()

    def _picture(self, picture: Picture) -> None:
        missing = self._timeline.picture(picture.n, self._clock())
        at = self._timeline.pictures
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
            self._encode.picture(picture.canvas, at - 1)
            self.counts.pictures += 1
        if at % self._per_batch == 0:
            self._flush()

    def _sound(self, sound: Sound) -> None:
        cut = self._timeline.sound(sound.m)
        kept = len(sound.block) - cut.skip
        self._silence(cut.silence, self._timeline.samples - kept - cut.silence)
        if kept:
            self._encode.sound(sound.block[cut.skip :], self._timeline.samples - kept)
        if len(self._batch) > SOUND_ONLY:
            self._flush()

    def _make_up(self, now: int) -> None:
        owed = self._timeline.make_up(now)
        if owed.pictures:
            self._again(owed.pictures, self._timeline.pictures - owed.pictures)
        if owed.samples:
            self._silence(owed.samples, self._timeline.samples - owed.samples)
        if owed.pictures or owed.samples:
            self._flush()

    def _again(self, count: int, start: int) -> None:
        """The last picture `count` times more, or the slate when it is too old."""
        slate = self._last is None or self._timeline.stale(self._clock())
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

    def _flush(self) -> None:
        if self._batch:
            tags = self._batch.copy()
            self._batch.clear()
            self._hand_over(tags)


def _slate(format: Format) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    canvas = np.empty((format.height * 3 // 2, format.width), np.uint8)
    flat = canvas.reshape(-1)
    luma = format.width * format.height
    y, u, v = SLATE
    flat[:luma], flat[luma : luma * 5 // 4], flat[luma * 5 // 4 :] = y, u, v
    return canvas
