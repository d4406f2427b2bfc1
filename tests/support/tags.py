"""Three seconds of FLV tags, and whether a server's recording still holds all of them."""

import io
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from services.rtmp_egress.media.publisher import Publisher
from services.rtmp_egress.rtmp.url import Target, parse_target

FPS, RATE, SECONDS, TONE = 30, 48_000, 3, 440

Tag = tuple[int, int, bytes]
"""Kind, milliseconds and body of an FLV tag."""


def make_tags() -> list[Tag]:
    """A picture that grows lighter, key frames a second apart, and a tone."""
    sink = io.BytesIO()
    options = {"flvflags": "no_duration_filesize"}
    with av.open(sink, "w", format="flv", options=options) as flv:
        video = flv.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "g": "30"})
        video.width, video.height, video.pix_fmt, video.bit_rate = 320, 180, "yuv420p", 300_000
        audio = flv.add_stream("aac", rate=RATE)
        for n in range(FPS * SECONDS):
            flv.mux(video.encode(_picture(n)))
            flv.mux(audio.encode(_sound(n)))
        flv.mux(video.encode())
        flv.mux(audio.encode())
    return list(_cut(sink.getvalue()))


def _picture(n: int) -> av.VideoFrame:
    planes = np.full((270, 320), 128, np.uint8)
    planes[:180] = 40 + 2 * n
    picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
    picture.pts = n
    return picture


def _sound(n: int) -> av.AudioFrame:
    block = RATE // FPS
    wave = np.sin(2 * np.pi * TONE * np.arange(n * block, (n + 1) * block) / RATE)
    stereo = np.repeat((wave * 8000).astype(np.int16), 2).reshape(1, -1)
    sound = av.AudioFrame.from_ndarray(stereo, format="s16", layout="stereo")
    sound.sample_rate, sound.pts = RATE, n * block
    return sound


def _cut(flv: bytes) -> Iterator[Tag]:
    at = 13
    while at < len(flv):
        head = flv[at : at + 11]
        size = int.from_bytes(head[1:4], "big")
        time = int.from_bytes(head[7:8] + head[4:7], "big")
        yield head[0], time, flv[at + 11 : at + 11 + size]
        at += 11 + size + 4


def target(url: str) -> Target:
    parsed = parse_target(url)
    assert isinstance(parsed, Target)
    return parsed


async def publish(publisher: Publisher, tags: list[Tag]) -> None:
    """Publish `tags` as fast as they are taken, and say goodbye."""
    try:
        await publisher.connect()
        for kind, timestamp, body in tags:
            await publisher.send(kind, timestamp, body)
    finally:
        await publisher.close()


def assert_complete(recording: Path) -> None:
    """Every picture is there, in order and in time, and the tone is heard."""
    with av.open(str(recording)) as flv:
        frames = list(flv.decode(video=0))
        times = [float(frame.time or 0) for frame in frames]
        lights = [frame.to_ndarray(format="gray").mean() for frame in frames]
    with av.open(str(recording)) as flv:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in flv.decode(audio=0)])
    assert len(frames) == FPS * SECONDS
    # FLV counts in milliseconds.
    assert np.diff(times) == pytest.approx(1 / FPS, abs=0.0011)
    # `gray` stretches the video range of luma to the full one; two steps of rounding and coding.
    expected = [(40 + 2 * n - 16) * 255 / 219 for n in range(len(frames))]
    assert lights == pytest.approx(expected, abs=4)
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    assert spectrum.argmax() * RATE / len(heard) == pytest.approx(TONE, abs=2)
