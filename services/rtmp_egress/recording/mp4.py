"""One file: FLV tags' bodies in, MP4 out, playable but for its last second whatever happens.

Written in fragments of half a second, each at once; when it is closed, libavformat makes a usual,
seekable MP4 of it. Where it cannot, the file stays one of fragments.
"""

import io
import os
import shutil
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import av.error
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from services.rtmp_egress.media.flv import AUDIO, VIDEO
from services.rtmp_egress.recording.boxes import mend
from services.rtmp_egress.recording.errors import RecordingError, of

FRAGMENT = "500000"
"""Microseconds. A crash costs the newest fragment and the 0.4 s that the encoder looks ahead and
collects: with this, less than a second of what was to be seen. A fragment is a kilobyte more."""

KINDS = ("hybrid_fragmented+delay_moov", "frag_keyframe+empty_moov+default_base_moof+delay_moov")
"""Best first. With the moov after the first fragment, sound may begin later than the picture."""

SILENCE = bytes.fromhex("af01211004608c1c")
"""A tag of AAC without a sound. libavformat learns the sample rate from the first packet only."""

TICK = 512
"""Of a picture's time: libav's own choice for MP4, and it divides evenly."""

FLV_START = b"FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00"

GRAIN = 1024
"""Samples of an AAC packet."""

INDEX, INDEX_ENTRY = 1 << 16, 32
"""Bytes that closing a file takes, and for each packet of it; twice what was seen."""

VIDEO_HEAD, AUDIO_HEAD = 5, 2
"""Bytes of a tag's body before the packet: what it is, and of which kind."""


class Template:
    """The streams' configurations, learnt from the headers and one key frame."""

    def __init__(self, headers: dict[int, bytes], key_frame: bytes) -> None:
        tags = [(kind, headers[kind]) for kind in (VIDEO, AUDIO)]
        tags += [(VIDEO, key_frame), (AUDIO, SILENCE)]
        flv = io.BytesIO(FLV_START + b"".join(_tag(kind, body) for kind, body in tags))
        self._container = av.open(flv, format="flv")
        self.video: VideoStream = self._container.streams.video[0]
        self.audio: AudioStream = self._container.streams.audio[0]


def _tag(kind: int, body: bytes) -> bytes:
    whole = bytes((kind,)) + len(body).to_bytes(3, "big") + bytes(7) + body
    return whole + len(whole).to_bytes(4, "big")


class File:
    """For one thread. Numbers of pictures and samples count from the file's own beginning."""

    def __init__(self, path: Path, template: Template, fps: int, rate: int) -> None:
        self.path = path
        self._tick, self._sample = Fraction(1, fps), Fraction(1, rate)
        self._container = _open(path, template, fps, rate)
        self._video, self._audio = self._container.streams
        self._handle = os.open(path, os.O_RDONLY)
        self.pictures = 0
        "Number of the next one, if nothing is left out."
        self.samples = 0

    @property
    def size(self) -> int:
        return os.fstat(self._handle).st_size

    def picture(self, body: bytes, number: int, key_frame: bool) -> None:
        self.pictures = number + 1
        self._mux(self._video, body[VIDEO_HEAD:], number, 1, self._tick, key_frame)

    def sound(self, body: bytes, number: int) -> None:
        if number < self.samples:
            return  # from before the picture that the file begins with
        self.samples = number + GRAIN
        self._mux(self._audio, body[AUDIO_HEAD:], number, GRAIN, self._sample, True)

    def sync(self) -> None:
        """Wait until the disk has what was written so far."""
        os.fdatasync(self._handle)

    def close(self) -> None:
        """Finish the file and wait until it is on the disk. Raises RecordingError."""
        index = INDEX + INDEX_ENTRY * (self.pictures + self.samples // GRAIN)
        if shutil.disk_usage(self.path.parent).free < index:
            self.abandon()
            raise RecordingError("disk-full", "there is no room left for the recording")
        try:
            self._container.close()
            os.fsync(self._handle)
            _sync_directory(self.path.parent)
        except OSError as exc:
            raise of(exc) from None
        finally:
            os.close(self._handle)

    def abandon(self) -> None:
        """Let go of a file that can no longer be written; its fragments stay.

        The container is not closed: libav would first make of the fragments what only an index
        can be read with, and then find no room for the index. One descriptor stays open for that.
        """
        os.close(self._handle)
        with suppress(OSError):
            mend(self.path)

    def _mux(
        self, stream: Stream, data: bytes, at: int, length: int, base: Fraction, key: bool
    ) -> None:
        packet = av.Packet(data)
        packet.stream, packet.time_base = stream, base
        packet.pts = packet.dts = at
        packet.duration = length
        packet.is_keyframe = key
        try:
            self._container.mux_one(packet)
        except OSError as exc:
            raise of(exc) from None


def _open(path: Path, template: Template, fps: int, rate: int) -> OutputContainer:
    for kind in KINDS:
        options = {
            "movflags": kind,
            "frag_duration": FRAGMENT,
            "flush_packets": "1",
            # Edits, as of sound that begins later, are then exact to the sample.
            "movie_timescale": str(rate),
        }
        try:
            # A path, not a file of Python's: libav writes without holding the interpreter.
            container = av.open(str(path), "w", format="mp4", options=options)
            video = container.add_stream_from_template(template.video)
            audio = container.add_stream_from_template(template.audio)
            video.time_base, audio.time_base = Fraction(1, fps * TICK), Fraction(1, rate)
            container.start_encoding()
        except av.error.ArgumentError:
            continue  # an older libavformat does not know the kind
        except OSError as exc:
            raise of(exc) from None
        return container
    raise RecordingError("disk-error", "this libavformat writes no MP4 in fragments")


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
