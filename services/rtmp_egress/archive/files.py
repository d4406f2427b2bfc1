"""The directory of recordings, as the worker sees it: manifests, sizes, what has to go."""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

import av
import av.error
import msgspec

from proto.base import encode
from proto.recording import CHAPTERS, MANIFEST, Part, Recording, chapters
from services.rtmp_egress.recording.boxes import mend


class Measure(NamedTuple):
    seconds: float
    size: int
    sha256: str


class Files:
    """Blocking: for a thread."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, recording: str) -> Path:
        return self._root / recording

    def path(self, recording: str, part: Part) -> Path:
        return self.folder(recording) / part.file

    def describe(self, recording: Recording) -> None:
        """Write manifest and chapters, each seen whole or not at all."""
        folder = self.folder(recording.recording)
        if not folder.is_dir():
            return
        _write(folder / MANIFEST, msgspec.json.format(encode(recording), indent=1))
        if recording.state == "complete":
            _write(folder / CHAPTERS, chapters(recording).encode())

    def measure(self, recording: str, part: Part) -> Measure:
        """What a file is like that nobody writes to; mended, if it was cut. Raises OSError."""
        path = self.path(recording, part)
        seconds = part.seconds
        if part.cut:
            mend(path)
            seconds = _seconds(path)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
        return Measure(seconds, path.stat().st_size, digest.hexdigest())

    def remove(self, recording: str) -> None:
        """The folder with all that is in it."""
        shutil.rmtree(self.folder(recording), ignore_errors=True)


def _write(path: Path, text: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(name).rename(path)


def _seconds(path: Path) -> float:
    """Until the end of the last picture; 0 of what holds none."""
    end = 0.0
    try:
        with av.open(str(path)) as container:
            for packet in container.demux(video=0):
                if packet.pts is not None and packet.time_base is not None:
                    end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    except (av.error.FFmpegError, IndexError):
        return end
    return round(end, 6)
