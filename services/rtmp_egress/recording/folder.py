"""The folder of one recording, and what both halves of a dual one agree on: second 0."""

import os
import shutil
import tempfile
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec

from services.rtmp_egress.recording.plan import SECOND, numbers

START = "start.json"

SAME_CLOCK = 5.0
"""Seconds by which UTC may be set while a recording is made. More: the machine was started anew,
and its monotonic clock is another."""


class Start(msgspec.Struct, frozen=True):
    """Second 0, on both clocks."""

    ns: int
    at: datetime

    def on_clock(self, now_ns: int, now: datetime) -> int:
        """Second 0 on the monotonic clock of now."""
        by_utc = now_ns - round((now - self.at).total_seconds() * SECOND)
        return self.ns if abs(by_utc - self.ns) < SAME_CLOCK * SECOND else by_utc


class Folder:
    def __init__(self, root: Path, recording: str) -> None:
        self.path = root / recording
        self._shared = root / recording.partition(".")[0]

    def make(self) -> None:
        for path in (self.path, self._shared):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def next_number(self) -> int:
        return max(numbers([file.name for file in self.path.iterdir()]), default=0) + 1

    def agree(self, start: Start) -> Start:
        """The start that whoever came first has written down, or else this one."""
        file = self._shared / START
        handle, name = tempfile.mkstemp(dir=self._shared)
        with os.fdopen(handle, "wb") as written:
            written.write(msgspec.json.encode(start))
        try:
            # Linking is atomic and never replaces: the halves are made in two processes.
            with suppress(FileExistsError):
                os.link(name, file)
        finally:
            Path(name).unlink()
        return msgspec.json.decode(file.read_bytes(), type=Start)

    def free(self) -> int:
        """Bytes that we may still write."""
        return shutil.disk_usage(self.path).free
