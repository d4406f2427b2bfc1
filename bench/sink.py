"""An RTMP server for one stream, in a process of its own: counts what comes, and keeps it."""

import multiprocessing
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

import av
import av.error
import av.logging

PATIENCE = 60
"""Seconds that it waits for the stream to come."""

_spawn = multiprocessing.get_context("spawn")


class Sink:
    """What has arrived so far."""

    def __init__(self, url: str, recording: Path, pictures: "Synchronized[Any]") -> None:
        self.url = url
        self.recording = recording
        "FLV of the video, whole once the publisher is gone."
        self._pictures = pictures

    @property
    def pictures(self) -> int:
        return int(self._pictures.value)

    def wait(self, pictures: int, seconds: float) -> bool:
        """Until so many pictures have come, or the time is up."""
        end = time.monotonic() + seconds
        while self.pictures < pictures and time.monotonic() < end:
            time.sleep(0.05)
        return self.pictures >= pictures


@contextmanager
def sink() -> Iterator[Sink]:
    """Listens when this begins, is gone when it ends."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    url = f"rtmp://127.0.0.1:{port}/live/bench"
    pictures = _spawn.Value("q", 0)
    with tempfile.TemporaryDirectory(prefix="bench-") as room:
        recording = Path(room) / "recording.flv"
        process = _spawn.Process(target=_serve, args=(url, recording, pictures), daemon=True)
        process.start()
        try:
            _until_listening(port)
            yield Sink(url, recording, pictures)
        finally:
            process.kill()
            process.join()


def _serve(url: str, recording: Path, pictures: "Synchronized[Any]") -> None:
    """The child: a listener for one publisher, gone when that is."""
    av.logging.set_level(None)
    listening = {"listen": "1"}
    flushed = {"flush_packets": "1"}
    try:
        with (
            av.open(url, "r", format="flv", options=listening, timeout=PATIENCE) as stream,
            av.open(str(recording), "w", format="flv", options=flushed) as kept,
        ):
            video = stream.streams.video[0]
            copy = kept.add_stream_from_template(video)
            for packet in stream.demux(video):
                if packet.dts is not None:
                    packet.stream = copy
                    kept.mux(packet)
                    pictures.value += 1
    except av.error.FFmpegError:
        return  # The publisher hung up, or never came.


def _until_listening(port: int) -> None:
    """Look at the kernel's table: a trial connection would be taken for the publisher."""
    wanted = f":{port:04X} 00000000:0000 0A"
    for _ in range(400):
        if wanted in Path("/proc/net/tcp").read_text():
            return
        time.sleep(0.05)
    raise TimeoutError("the RTMP listener did not come up")
