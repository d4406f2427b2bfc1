"""What somebody sends by a call, as the mix knows sources. Fed from the event loop's thread."""

from collections.abc import Callable

import numpy as np
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame

from services.mixer.media.picture import Picture
from services.mixer.media.source import FedSource, Report
from services.mixer.media.voice import RATE
from services.mixer.webrtc.arrival import Arrival

HIDDEN = 1.0
"""Seconds between pictures that are kept of somebody who is not seen: one to begin with."""

SLIP = 0.01
"""Seconds by which sound may be off its stamps before it is moved."""

LASTS = 1 / 30
"""Seconds that a picture is taken to last; browsers do not say."""

FULL_SCALE = np.float32(1 / 32768)


class CallSource(FedSource):
    """For the event loop's thread, and the mix's as any source."""

    def __init__(self, clock: Callable[[], float], report: Report) -> None:
        super().__init__(clock, report)
        self._arrival = Arrival()
        self._next_sample: int | None = None
        self._moves = 0
        self.pictures = 0
        "That came, kept or not."
        self._kept_at = -HIDDEN
        "When the last picture was kept, by its stamp's due time."

    def close(self) -> None:
        self._become("ended", "the call is over")
        self._inbox.close()

    def fail(self, reason: str) -> None:
        self._become("broken", reason)
        self._inbox.close()

    def told(self, kind: str, began: float) -> None:
        """The browser says when that track's count began, by its own clock."""
        self._arrival.report(kind, began)

    def see(self, frame: VideoFrame) -> None:
        """A decoded picture came."""
        if frame.pts is None or frame.time_base is None:
            return
        self.pictures += 1
        now = self._clock()
        due = self._arrival.due("video", float(frame.pts * frame.time_base), now)
        self._inbox.until = max(self._inbox.until, due + LASTS)
        self._inbox.seen_until = due + LASTS
        self._become("live")
        if not self._inbox.visible and 0 <= due - self._kept_at < HIDDEN:
            return
        self._kept_at = due
        self._inbox.put(due, Picture.of(frame), keep_all=False)

    def hear(self, frame: AudioFrame) -> None:
        """Decoded sound came: 16 bit, stereo, 48 kHz, as Opus is decoded."""
        if frame.pts is None or frame.time_base is None or not frame.samples:
            return
        due = self._arrival.due("audio", float(frame.pts * frame.time_base), self._clock())
        self._inbox.until = max(self._inbox.until, due + frame.samples / RATE)
        self._become("live")
        first, moved = round(due * RATE), self._moves != self._arrival.moves
        if self._next_sample is None or moved or abs(first - self._next_sample) > SLIP * RATE:
            self._next_sample, self._moves = first, self._arrival.moves
        samples = frame.to_ndarray().reshape(-1, 2).astype(np.float32) * FULL_SCALE
        self._inbox.voice.write(self._next_sample, samples[:, 0], samples[:, 1])
        self._next_sample += len(samples)
