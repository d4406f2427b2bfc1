"""A recording among the destinations of a session: its own backlog, its own thread.

A disk that hangs stops its thread alone. The backlog fills up, loses whole groups of pictures, and
goes on at a key frame when the disk does.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from services.rtmp_egress import core
from services.rtmp_egress.media.bus import Backlog, Bus, Limits, Timed
from services.rtmp_egress.recording.errors import RecordingError
from services.rtmp_egress.recording.recorder import Recorder

PATIENCE = 20
"""Seconds of media that wait for the disk."""

AT_ONCE = 500
"""Tags that are written in one go: some six seconds, so that the end is seen soon."""


def limits(kbps: int) -> Limits:
    """With half as much again for pictures that the rate control lets grow."""
    return Limits(PATIENCE * 1000, max(4 << 20, PATIENCE * kbps * 1000 // 8 * 3 // 2))


class Recording:
    """To the session, what a `Push` is."""

    def __init__(
        self,
        bus: Bus,
        recorder: Recorder,
        tell: Callable[["Recording", core.Tell], None],
        backlog: Limits,
    ) -> None:
        self.removed = False
        self.ended = asyncio.Event()
        self._bus = bus
        self._recorder = recorder
        self._tell = tell
        self._limits = backlog
        self._wake = asyncio.Event()
        self._backlog: Backlog | None = None

    @property
    def bytes_out(self) -> int:
        return self._recorder.bytes_out

    @property
    def dropped_frames(self) -> int:
        return 0 if self._backlog is None else self._backlog.dropped_frames

    @property
    def backlog_ms(self) -> int:
        return 0 if self._backlog is None else self._backlog.milliseconds

    def remove(self) -> None:
        """Nobody wants it any more; `run` ends once its file is finished."""
        self.removed = True
        self._wake.set()

    async def run(self) -> None:
        """Until the recording has failed or was removed."""
        self._tell(self, core.Tell("connecting"))
        self._backlog = self._bus.join(self._wake.set, self._limits)
        try:
            with ThreadPoolExecutor(1, "recording") as thread:
                self._tell(self, await self._keep(thread, self._backlog))
        finally:
            self._bus.leave(self._backlog)
            self.ended.set()

    async def _keep(self, thread: ThreadPoolExecutor, backlog: Backlog) -> core.Tell:
        """Write all that comes; what there is to tell in the end."""
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(thread, self._recorder.open)
            begun = False
            while True:
                self._wake.clear()
                lost = backlog.dropped_frames
                if tags := _some(backlog):
                    await loop.run_in_executor(
                        thread, self._recorder.write, tags, backlog.base, lost
                    )
                    if not begun and self._recorder.begun:
                        begun = True
                        self._tell(self, core.Tell("publishing"))
                elif self.removed:
                    break
                else:
                    await self._wake.wait()
            await loop.run_in_executor(thread, self._recorder.close)
        except RecordingError as exc:
            await loop.run_in_executor(thread, self._recorder.abandon)
            return core.Tell("failed", exc.code, exc.reason)
        return core.Tell("stopped")


def _some(backlog: Backlog) -> list[Timed]:
    tags: list[Timed] = []
    while len(tags) < AT_ONCE and (tag := backlog.take()) is not None:
        tags.append(tag)
    return tags
