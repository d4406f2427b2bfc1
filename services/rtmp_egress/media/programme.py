"""The media thread of a session: takes the feed, keeps the time line, encodes, cuts into tags.

Nothing that a mixer or a destination does can stop it; it runs until told to end.
"""

import time
from collections.abc import Callable, Sequence

import msgspec
import structlog

from kit.link import FeedGone, FeedReader, Format
from kit.metrics import Distribution
from proto.media import FeedSpec, Rendition
from proto.urls import Codec
from services.rtmp_egress.media.clock import SECOND, SLATE_AFTER_NS
from services.rtmp_egress.media.codec import Make, VideoEncoder
from services.rtmp_egress.media.editor import Counts, Editor
from services.rtmp_egress.media.encoder import names
from services.rtmp_egress.media.flv import FlvTag
from services.rtmp_egress.media.intake import Intake
from services.rtmp_egress.media.relay import MEASURES, Hear, Relay

log = structlog.get_logger()

NAP = 0.1
"""Seconds without news after which the thread looks whether it is to end, or the feed has moved."""

BATCHES = 15
"""Times a second that tags are handed over: each costs a wake-up of the event loop, and 66 ms more
are nothing beside the encoder's lookahead. Without lookahead, every picture goes at once."""

SOUND_ONLY = 8
"""Tags that wait for a picture to be handed over with; more when no picture comes."""


class Programme:
    """`run` is the thread; everything else may be called from outside it."""

    def __init__(
        self,
        feed: FeedSpec,
        rendition: Rendition,
        hand_over: Callable[[list[FlvTag]], None],
        hear: Hear,
        *,
        software: bool = True,
        codec: Codec = "h264",
        measures: int = len(MEASURES),
        make: Make = VideoEncoder,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """`hand_over` gets tags in small batches, on the media thread. `measures`: how many there
        may be against overload.

        Opens the encoder, which may take seconds. Raises NoEncoder.
        """
        self.codec = codec
        "What the pictures are encoded as."
        self._format = Format(feed.width, feed.height, feed.fps)
        self._batch: list[FlvTag] = []
        self._encode = Relay(
            names(rendition.encoder, software, codec),
            self._format,
            rendition,
            self._batch.append,
            hear,
            late=self._late,
            clock=clock,
            most=measures,
            make=make,
        )
        self._hand_over = hand_over
        self._clock = clock
        self._intake = Intake(msgspec.json.encode(feed), self._format)
        self._reader: FeedReader | None = None
        self._moved = 0
        self._ending = False
        self._editor = Editor(self._encode, self._format, clock)
        at_once = rendition.quality == "low_latency"
        self._per_batch = 1 if at_once else max(1, round(feed.fps / BATCHES))

    @property
    def encoder(self) -> str:
        """Name of the encoder that runs."""
        return self._encode.name

    @property
    def counts(self) -> Counts:
        return self._editor.counts

    @property
    def encoding(self) -> Distribution:
        """Seconds that encoding a picture took."""
        return self._editor.encoding.look()

    def moment(self, picture: int) -> int | None:
        """When a picture was due in the mix, on its clock."""
        return self._editor.timeline.moment(picture)

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
                if self._editor.work():
                    self._picture_done()
                else:
                    self._nothing_came(begun)
            self._encode.close()
            self._flush()
        finally:
            self._detach()
            self._intake.close()

    def _late(self, picture: int) -> int:
        return self._editor.timeline.behind(picture, self._clock())

    def _pause(self) -> float:
        """Seconds until something has to be made up, but no more than a nap."""
        due = self._editor.timeline.next_due()
        return NAP if due is None else min(NAP, max(0.0, (due - self._clock()) / SECOND))

    def _attach(self) -> None:
        self._moved, moved = self._intake.moved, self._moved
        if self._reader is not None and moved != self._moved:
            self._detach()
        reader = self._intake.take()
        if reader is not None:
            log.info("feed taken")
            self._reader = reader
            self._editor.attach(reader.epoch_ns)

    def _detach(self) -> None:
        """Let the feed go; its last picture stays readable and is shown on."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _hear(self, reader: FeedReader) -> None:
        """Take in all that has come; wait a little for it where there is nothing else to do.

        What has come is known before anything is made up for what has not.
        """
        pause = 0.0 if self._editor.busy else self._pause()
        try:
            while (item := reader.read(pause)) is not None:
                self._editor.hear(item)
                pause = 0.0
        except FeedGone:
            log.warning("feed lost")
            self._detach()
            self._intake.lost()

    def _picture_done(self) -> None:
        if is_full(self._batch, self._editor.timeline.pictures, self._per_batch):
            self._flush()

    def _nothing_came(self, begun: int) -> None:
        """No picture, that is; make up for what should have come by now."""
        timeline, now = self._editor.timeline, self._clock()
        if not timeline.running and now - begun > SLATE_AFTER_NS:
            timeline.begin(now)
        if self._editor.make_up() or len(self._batch) > SOUND_ONLY:
            self._flush()

    def _flush(self) -> None:
        if self._batch:
            tags = self._batch.copy()
            self._batch.clear()
            self._hand_over(tags)


def is_full(batch: Sequence[FlvTag], pictures: int, size: int) -> bool:
    """Whether a batch is handed over after so many pictures.

    A key frame waits for no other picture: to send a crowd of destinations that much at once is
    what makes the last of them late.
    """
    return pictures % size == 0 or any(tag.key_frame for tag in batch)
