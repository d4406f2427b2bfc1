"""From one encoder to any number of destinations: the same tags, each at its own pace.

Pure: no I/O, no waiting. A destination joins at the newest key frame, is given the headers first,
and reads timestamps that start at 0. One that is too slow loses whole groups of pictures, sound
included, and goes on at a key frame; nobody else notices.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

from services.rtmp_egress.media.flv import AUDIO, SCRIPT, VIDEO, FlvTag

_HEADER_ORDER = (SCRIPT, VIDEO, AUDIO)
"""Metadata first, then the configurations, as every server expects."""


class Limits(msgspec.Struct, frozen=True):
    """How much a destination may lag behind."""

    milliseconds: int = 6000
    bytes: int = 4 << 20

    @classmethod
    def of(cls, kbps: int, gop_seconds: int) -> "Limits":
        """Six seconds, or as much as joining at a key frame may need at once and four more.

        The bytes leave half as much again for pictures that the rate control lets grow.
        """
        seconds = max(6, gop_seconds + 4)
        return cls(seconds * 1000, max(4 << 20, seconds * kbps * 1000 // 8 * 3 // 2))


class Timed(NamedTuple):
    """A tag in a destination's own time."""

    kind: int
    timestamp: int
    "Milliseconds since the key frame it started at."
    payload: bytes


class Backlog:
    """What one destination has yet to send. Headers of another encoder go between the pictures of
    one and the other."""

    def __init__(self, limits: Limits, wake: Callable[[], None]) -> None:
        self._limits = limits
        self.wake = wake
        self._headers: deque[FlvTag] = deque()
        self._media: deque[FlvTag] = deque()
        self._base: int | None = None
        self._at = 0
        "Timestamp of the media taken last."
        self._resume = True
        "Nothing can be taken in before the next key frame."
        self.bytes = 0
        "Of media."
        self.dropped_frames = 0
        "Pictures that this destination will never see."
        self.dropped_ms = 0
        "How long they would have lasted."
        self.overflows = 0

    def __len__(self) -> int:
        return len(self._headers) + len(self._media)

    @property
    def begun(self) -> bool:
        """Whether there has been a key frame."""
        return self._base is not None

    @property
    def base(self) -> int:
        """Timestamp on the bus of what `take` calls 0."""
        return self._base or 0

    @property
    def milliseconds(self) -> int:
        """From the oldest media to the newest."""
        return self._media[-1].timestamp - self._media[0].timestamp if self._media else 0

    def put(self, tags: Iterable[FlvTag]) -> None:
        """Take in what is wanted of a batch, and wake once for all of it."""
        for tag in tags:
            if tag.header:
                (self._media or self._headers).append(tag)
            elif self._wanted(tag):
                self._media.append(tag)
                self.bytes += len(tag.payload)
                if self._overflowing():
                    self._make_room()
        if self._media or self._headers:
            self.wake()

    def take(self) -> Timed | None:
        """The next tag to send, or None for now."""
        if self._headers:
            return self._timed(self._headers.popleft(), self._at)
        if not self._media or self._base is None:
            return None
        tag = self._media.popleft()
        self._at = tag.timestamp
        if not tag.header:
            self.bytes -= len(tag.payload)
        return self._timed(tag, tag.timestamp)

    def _timed(self, tag: FlvTag, at: int) -> Timed:
        """Metadata are timeless: those with a time of their own are a third stream to libav."""
        return Timed(tag.kind, 0 if tag.kind == SCRIPT else max(0, at - self.base), tag.payload)

    def _wanted(self, tag: FlvTag) -> bool:
        if self._resume and not tag.key_frame:
            self.dropped_frames += tag.kind == VIDEO and self._base is not None
            return False
        self._resume = False
        if self._base is None:
            self._base = tag.timestamp
        return tag.timestamp >= self._base  # not sound from before the picture it starts with

    def _overflowing(self) -> bool:
        return self.bytes > self._limits.bytes or self.milliseconds > self._limits.milliseconds

    def _make_room(self) -> None:
        """Drop all before the newest key frame; that too, if it comes first or is too much."""
        self.overflows += 1
        newest = max((i for i, tag in enumerate(self._media) if tag.key_frame), default=0)
        self._drop(newest)
        if newest == 0 or self._overflowing():
            self._drop(len(self._media))
            self._resume = True

    def _drop(self, count: int) -> None:
        if count:
            self.dropped_ms += self._media[count - 1].timestamp - self._media[0].timestamp
        for _ in range(count):
            tag = self._media.popleft()
            if tag.header:
                self._headers.append(tag)  # what comes next may need it
                continue
            self.bytes -= len(tag.payload)
            self.dropped_frames += tag.kind == VIDEO


class Bus:
    """Remembers what a newcomer needs: the headers, and everything since the newest key frame."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._headers: dict[int, FlvTag] = {}
        self._group: list[FlvTag] = []
        self._backlogs: list[Backlog] = []
        self.over = False
        "Nothing will come any more."

    def put(self, tags: Iterable[FlvTag]) -> None:
        tags = list(tags)
        for tag in tags:
            if tag.header:
                self._headers[tag.kind] = tag
                if tag.kind == VIDEO:
                    self._group = []  # of another encoder
            elif tag.key_frame:
                self._group = [tag]
            elif self._group:
                self._group.append(tag)
        for backlog in self._backlogs:
            backlog.put(tags)

    def join(self, wake: Callable[[], None], limits: Limits | None = None) -> Backlog:
        """A newcomer; `wake` is called whenever there is something to take."""
        backlog = Backlog(limits or self._limits, wake)
        backlog.put([self._headers[kind] for kind in _HEADER_ORDER if kind in self._headers])
        backlog.put(self._group)
        self._backlogs.append(backlog)
        return backlog

    def end(self) -> None:
        """Nothing comes any more; whoever waits is woken to see it."""
        self.over = True
        for backlog in self._backlogs:
            backlog.wake()

    def leave(self, backlog: Backlog) -> None:
        self._backlogs.remove(backlog)
