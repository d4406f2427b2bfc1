"""The thread of one recording: tags in, files out, a new one at a key frame when it is time."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from proto.media import FeedSpec
from services.rtmp_egress.media.bus import Timed
from services.rtmp_egress.media.flv import AUDIO, VIDEO
from services.rtmp_egress.recording.errors import RecordingError, of
from services.rtmp_egress.recording.folder import Folder, Start
from services.rtmp_egress.recording.mp4 import GRAIN, File, Template
from services.rtmp_egress.recording.plan import (
    LONGEST_STILL,
    SECOND,
    Limits,
    TimeBase,
    file_name,
    is_due,
    named,
)
from services.rtmp_egress.wire import Keep, PartBegun, PartEnded, Troubled

RATE = 48_000
"""Of the sound: the link's."""

SYNC_EVERY = 5.0
"""Seconds of recording that a loss of power may cost. A killed process loses none of them."""

LOOK_EVERY = 1.0
"""Seconds between looks at the free space: at 50 Mbit/s, 6 MB."""

KEY_FRAME = 1
"""In the upper half of a video tag's first byte."""

Report = PartBegun | PartEnded | Troubled


class Room(msgspec.Struct, frozen=True):
    """Free space of the disk, in bytes."""

    least: int
    "Recording stops before there is less."
    warn: int


class Recorder:
    """All of it is for one thread, in which the disk may make us wait."""

    def __init__(
        self,
        participant: str,
        template: str,
        feed: FeedSpec,
        keep: Keep,
        root: Path,
        limits: Limits,
        room: Room,
        moment: Callable[[int], int | None],
        report: Callable[[Report], None],
        *,
        clock: Callable[[], float],
    ) -> None:
        self._participant = participant
        self._template_name = template
        self._feed = feed
        self._keep = keep
        self._folder = Folder(root, keep.recording)
        self._limits = limits
        self._room = room
        self._moment = moment
        self._report = report
        self._clock = clock
        self._headers: dict[int, bytes] = {}
        self._anew = False
        "Another encoder's pictures follow, which take a file of their own."
        self._base: TimeBase | None = None
        self._start: Start | None = None
        self._file: File | None = None
        self._number = 0
        self._begins = 0
        "Picture of the recording with which the file begins."
        self._lost = 0
        self._lost_before = 0
        self._group = self._largest = 0
        "Bytes since the newest key frame, and the most between two."
        self._synced = self._looked = float("-inf")
        self._warned = False
        self.bytes_out = 0

    @property
    def begun(self) -> bool:
        """There is a picture."""
        return self._start is not None

    def open(self) -> None:
        """See that there is a folder, and room. Raises RecordingError."""
        try:
            self._folder.make()
            self._number = max(self._keep.next_part, self._folder.next_number()) - 1
            self._look()
        except OSError as exc:
            raise of(exc) from None

    def write(self, tags: Iterable[Timed], base: int, lost: int) -> None:
        """Take in tags of a backlog whose timestamps count from `base`; `lost` pictures so far are
        missing before them. Raises RecordingError."""
        try:
            if lost > self._lost and self._file is not None:
                self._trouble("disk-slow", "the disk is too slow: pictures are left out")
            self._lost = lost
            for kind, timestamp, body in tags:
                self._take(kind, base + timestamp, body)
            self._tend()
        except OSError as exc:
            raise of(exc) from None

    def close(self) -> None:
        """The recording is over. Raises RecordingError if its last file cannot be finished."""
        if self._file is not None:
            self._end_file()

    def abandon(self) -> None:
        """It cannot go on; what is on the disk stays."""
        if self._file is not None:
            self._file.abandon()
            self._file = None

    def _take(self, kind: int, timestamp: int, body: bytes) -> None:
        configures = len(body) > 1 and body[1] == 0
        if kind not in (VIDEO, AUDIO) or configures:
            known = self._headers.get(VIDEO)
            self._anew |= kind == VIDEO and known not in (None, body)
            self._headers[kind] = body
        elif kind == VIDEO:
            self._picture(timestamp, body, body[0] >> 4 == KEY_FRAME)
        elif self._file is not None and self._base is not None:
            before = self._begins * RATE // self._feed.fps
            self._file.sound(body, self._base.sample(timestamp, GRAIN) - before)
        self._count(len(body))

    def _count(self, size: int) -> None:
        self._group += size
        self.bytes_out += size

    def _picture(self, timestamp: int, body: bytes, key_frame: bool) -> None:
        if self._base is None:
            self._base = self._agree(timestamp)
        number = self._base.picture(timestamp)
        if key_frame:
            self._largest, self._group = max(self._largest, self._group), 0
            if self._file is not None and (self._anew or self._is_due(number)):
                self._end_file()
            self._anew = False
            if self._file is None and number >= 0:
                self._begin_file(number, body)
                number = max(number, self._begins)
                self._put(body, 0, key_frame)
                return
        if self._file is not None:
            self._put(body, number - self._begins, key_frame)

    def _put(self, body: bytes, number: int, key_frame: bool) -> None:
        assert self._file is not None
        self._file.picture(body, number, key_frame)

    def _is_due(self, number: int) -> bool:
        assert self._file is not None
        seconds = (number - self._begins) / self._feed.fps
        return is_due(self._limits, seconds, self._file.size, self._largest)

    def _agree(self, timestamp: int) -> TimeBase:
        """The recording's second 0: of whichever half had a picture first."""
        picture = round(timestamp * self._feed.fps / 1000)
        ns = self._moment(picture)
        assert ns is not None, "there are pictures"
        now = datetime.fromtimestamp(ns / SECOND + self._keep.utc, UTC)
        self._start = self._folder.agree(Start(ns, now))
        zero = self._start.on_clock(ns, now)
        return TimeBase(self._moment, self._feed.fps, RATE, zero)

    def _begin_file(self, number: int, key_frame: bytes) -> None:
        assert self._start is not None
        # Who takes over in the same folder begins a part while we still write.
        self._number = max(self._number + 1, self._folder.next_number())
        early = self._number == 1 and number / self._feed.fps <= LONGEST_STILL
        # The first picture stands for what was before it, so that all begins at second 0.
        self._begins = 0 if early else number
        slides = self._feed.content == "presentation"
        name = named(self._template_name, self._feed.conference, self._start.at, slides=slides)
        file = file_name(name, self._number)
        template = Template(self._headers, key_frame)
        self._file = File(self._folder.path / file, template, self._feed.fps, RATE)
        self._lost_before = self._lost
        self._report(
            PartBegun(
                self._participant,
                self._number,
                file,
                self._begins / self._feed.fps,
                name,
                self._start.at,
                self._start.ns,
            )
        )

    def _end_file(self) -> None:
        assert self._file is not None
        file, self._file = self._file, None
        pictures = file.pictures
        file.close()
        self._report(
            PartEnded(
                self._participant,
                self._number,
                pictures / self._feed.fps,
                file.path.stat().st_size,
                self._lost - self._lost_before,
            )
        )

    def _tend(self) -> None:
        now = self._clock()
        if now - self._looked >= LOOK_EVERY:
            self._look()
        if self._file is not None and now - self._synced >= SYNC_EVERY:
            self._file.sync()
            self._synced = now

    def _look(self) -> None:
        """Stop before the disk is full: what is on it already is then finished properly."""
        self._looked = self._clock()
        free = self._folder.free()
        if free < self._room.least:
            self.close()
            raise RecordingError("disk-full", f"the disk has {_size(free)} left")
        if free < self._room.warn and self.begun and not self._warned:
            self._warned = True
            self._trouble("disk-low", f"the disk has {_size(free)} left")

    def _trouble(self, code: str, reason: str) -> None:
        self._report(Troubled(self._participant, code, reason))


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
