"""The kind of destination that `record://NAME` is: made for a session, by its scheme."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import msgspec

from kit.config import BaseConfig
from kit.urls import check_recording
from proto.media import FeedSpec, Rendition
from services.rtmp_egress import core
from services.rtmp_egress.media.bus import Bus
from services.rtmp_egress.recording import plan
from services.rtmp_egress.recording.destination import Recording, limits
from services.rtmp_egress.recording.errors import RecordingError
from services.rtmp_egress.recording.recorder import Recorder, Report, Room
from services.rtmp_egress.wire import AddDestination


class RecordingSettings(BaseConfig, frozen=True, kw_only=True):
    recordings_dir: str = ""
    "Directory of recordings; empty: nothing is recorded here."
    recordings_part_minutes: Annotated[float, msgspec.Meta(gt=0)] = 60
    "Longest file; a recording goes on in the next one."
    recordings_part_mb: Annotated[float, msgspec.Meta(gt=0)] = 4000
    "Largest file: what a FAT disk and most services take."
    recordings_least_free_mb: Annotated[int, msgspec.Meta(ge=0)] = 500
    "Recording stops before the disk has less left."
    recordings_warn_free_mb: Annotated[int, msgspec.Meta(ge=0)] = 5000
    "A warning is given when the disk has less left: two hours at 4.5 Mbit/s."


class Recordings:
    """Makes the recordings of one session."""

    def __init__(
        self,
        settings: RecordingSettings,
        feed: FeedSpec,
        rendition: Rendition,
        moment: Callable[[int], int | None],
        report: Callable[[Report], None],
        *,
        clock: Callable[[], float],
    ) -> None:
        """`moment`: when a picture of the session was due in the mix."""
        self._settings = settings
        self._feed = feed
        self._backlog = limits(rendition.video_kbps + rendition.audio_kbps)
        self._moment = moment
        self._report = report
        self._clock = clock

    def make(
        self,
        order: AddDestination,
        url: str,
        bus: Bus,
        tell: Callable[[Recording, core.Tell], None],
    ) -> Recording:
        """Raises RecordingError."""
        given = self._settings
        name = url.partition("://")[2]
        if problem := check_recording(name):
            raise RecordingError("bad-url", f"the address {problem}")
        if not given.recordings_dir or order.keep is None:
            raise RecordingError("no-recordings", "this worker has no directory for recordings")
        recorder = Recorder(
            order.participant,
            name,
            self._feed,
            order.keep,
            Path(given.recordings_dir),
            plan.Limits(given.recordings_part_minutes * 60, given.recordings_part_mb * 1e6),
            Room(given.recordings_least_free_mb * 10**6, given.recordings_warn_free_mb * 10**6),
            self._moment,
            self._report,
            clock=self._clock,
        )
        return Recording(bus, recorder, tell, self._backlog)
