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
from services.rtmp_egress.recording.boxes import is_closed, mend

SETTLED = 5.0
"""Seconds that a file must lie untouched to be mended: its process may outlive its worker, and
finish it."""


class Measure(NamedTuple):
    seconds: float
    size: int
    sha256: str
    cut: bool


class Files:
    """Blocking: for a thread."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def free(self) -> float:
        """Bytes that may yet be written; the directory itself may still have to be made."""
        there = os.statvfs(next(p for p in (self._root, *self._root.parents) if p.is_dir()))
        return float(there.f_bavail * there.f_frsize)

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

    def is_settled(self, recording: str, part: Part, now: float) -> bool:
        """Whether nobody writes to it any more, though nobody has said so. Raises OSError."""
        return not part.cut or now - self.path(recording, part).stat().st_mtime > SETTLED

    def measure(self, recording: str, part: Part) -> Measure:
        """What a file is like that nobody writes to; mended, if it was cut. Raises OSError."""
        path = self.path(recording, part)
        seconds, cut = part.seconds, part.cut
        if cut:
            # Its worker may have died, and it be closed all the same.
            cut = not is_closed(path)
            mend(path)
            seconds = _finish(path)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
        return Measure(seconds, path.stat().st_size, digest.hexdigest(), cut)

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


def _finish(path: Path) -> float:
    """Give a file that was cut the index that it would have had; its length, 0 of an empty one.

    The fragments are played by all that play MP4; with an index they are sought in as well.
    """
    whole = path.with_name(f"{path.name}.whole")
    end = 0.0
    try:
        with av.open(str(path)) as source, av.open(str(whole), "w", format="mp4") as made:
            streams = {one.index: made.add_stream_from_template(one) for one in source.streams}
            for packet in source.demux():
                if packet.pts is None or packet.time_base is None:
                    continue
                if packet.stream.type == "video":
                    last = packet.pts + (packet.duration or 0)
                    end = max(end, float(last * packet.time_base))
                packet.stream = streams[packet.stream.index]
                made.mux_one(packet)
        whole.replace(path)
    except (av.error.FFmpegError, OSError):
        whole.unlink(missing_ok=True)  # no room, or nothing in it: the fragments stay
    return round(end, 6)
