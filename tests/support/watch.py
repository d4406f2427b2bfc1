"""Judges media decoded: what is seen where, what is heard, and when."""

import io
from collections.abc import Callable, Sequence
from typing import Any

import av
import msgspec
import numpy as np
import numpy.typing as npt
from av.video.reformatter import Colorspace, Interpolation

from services.rtmp_egress.media.bus import Timed
from services.rtmp_egress.media.flv import FlvTag
from tests.support.kept import FILE_HEADER, flv_tag

Rgb = tuple[int, int, int]
Box = tuple[int, int, int, int]
"""Left, top, width, height in pixels."""
RgbPicture = npt.NDArray[np.uint8]

SHRINK = 0.25
"""Part of a box that is left out at each edge: codecs bleed there, and labels are written there."""


HD_LINES = 720
"""Players take a picture that does not say for BT.709 from this height on, else for BT.601."""


UNSPECIFIED = 2
"""libav's number for a picture that does not say what its matrix is."""


EXACT = Interpolation.POINT | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
"""libav's quicker ways are two or three steps off, and always too dark."""


class Watched(msgspec.Struct):
    """A stream, decoded."""

    seen: list[Any] = []
    "What `look` made of each picture."
    times: list[float] = []
    "Of the pictures, in seconds."
    keys: list[int] = []
    "Numbers of the pictures that are key frames."
    dts: list[int] = []
    "Of the video packets."
    size: tuple[int, int] = (0, 0)
    sound: npt.NDArray[np.float32] = msgspec.field(default_factory=lambda: np.zeros(0, np.float32))
    "Mean of the channels."
    sound_from: float = 0.0
    "Time of the first sample."
    rate: int = 48_000


def watch(
    url: str,
    *,
    look: Callable[[RgbPicture], Any] = lambda picture: picture.mean(axis=(0, 1)),
    pictures: int | None = None,
    timeout: float = 10.0,
) -> Watched:
    """Decode a file or URL to its end, or until so many pictures have been seen."""
    watched = Watched(seen=[], times=[], keys=[], dts=[])
    heard: list[npt.NDArray[np.float32]] = []
    with av.open(url, timeout=timeout) as container:
        for packet in container.demux():
            if packet.stream.type == "video" and packet.dts is not None:
                watched.dts.append(packet.dts)
            for frame in packet.decode():
                if isinstance(frame, av.VideoFrame):
                    _see(watched, frame, look)
                elif isinstance(frame, av.AudioFrame):
                    if not heard:
                        watched.sound_from = frame.time or 0.0
                        watched.rate = frame.sample_rate
                    heard.append(samples(frame))
            if pictures is not None and len(watched.seen) >= pictures:
                break
    if heard:
        watched.sound = np.concatenate(heard)
    return watched


def samples(frame: av.AudioFrame) -> npt.NDArray[np.float32]:
    """Mean of a frame's channels, full scale being 1.0."""
    channels = len(frame.layout.channels)
    data: npt.NDArray[Any] = frame.to_ndarray()
    if frame.format.is_packed:
        data = data.reshape(-1, channels).T
    scale = 1.0 if data.dtype.kind == "f" else float(np.iinfo(data.dtype).max)
    mean: npt.NDArray[np.float32] = (data.mean(axis=0) / scale).astype(np.float32)
    return mean


def _see(watched: Watched, frame: av.VideoFrame, look: Callable[[RgbPicture], Any]) -> None:
    watched.size = (frame.width, frame.height)
    if frame.key_frame:
        watched.keys.append(len(watched.seen))
    watched.times.append(frame.time or 0.0)
    watched.seen.append(look(as_played(frame)))


def rgb(canvas: npt.NDArray[np.uint8]) -> RgbPicture:
    """A canvas, that is I420 in BT.709, as RGB."""
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(canvas), "yuv420p")
    frame.colorspace = Colorspace.ITU709
    return as_played(frame)


def as_played(frame: av.VideoFrame) -> RgbPicture:
    """As a player shows it: by its tag, else by its height."""
    tagged = frame.colorspace != UNSPECIFIED
    small = Colorspace.ITU709 if frame.height >= HD_LINES else Colorspace.ITU601
    seen = frame.reformat(
        format="rgb24",
        src_colorspace=None if tagged else small,
        dst_colorspace=Colorspace.ITU709,
        interpolation=EXACT,
    )
    return seen.to_ndarray().astype(np.uint8, copy=False)


def mean_colour(picture: RgbPicture, box: Box) -> Rgb:
    """Mean of the middle of a box."""
    x, y, width, height = box
    across, down = int(width * SHRINK), int(height * SHRINK)
    part = picture[y + down : y + height - down, x + across : x + width - across]
    red, green, blue = (int(value) for value in part.mean(axis=(0, 1)).round())
    return red, green, blue


def is_near(colour: Rgb, other: Rgb, within: int = 12) -> bool:
    """By default within what chroma subsampling and a codec at a usual rate make of a colour."""
    return all(abs(a - b) <= within for a, b in zip(colour, other, strict=True))


def tones(
    sound: npt.NDArray[np.float32], rate: int = 48_000, *, above_db: float = -50.0
) -> dict[int, float]:
    """Peaks of the spectrum: hertz to decibels below full scale."""
    window = np.hanning(len(sound))
    spectrum = np.abs(np.fft.rfft(sound * window)) / (window.sum() / 2)
    level = 20 * np.log10(spectrum + 1e-9)
    hertz = np.fft.rfftfreq(len(sound), 1 / rate)
    inner = level[1:-1]
    peak = (inner > above_db) & (inner >= level[:-2]) & (inner > level[2:])
    found: dict[int, float] = {}
    for at in sorted(np.flatnonzero(peak) + 1, key=lambda at: -level[at]):
        if not any(abs(hertz[at] - other) < 12 for other in found):
            found[round(float(hertz[at]))] = round(float(level[at]), 1)
    return found


def has_tone(found: dict[int, float], hertz: float, within: float = 4.0) -> bool:
    return any(abs(peak - hertz) <= within for peak in found)


def beeps(
    sound: npt.NDArray[np.float32], start: float = 0.0, rate: int = 48_000, threshold: float = 0.3
) -> list[float]:
    """Times at which the sound becomes loud, after being quiet for a twentieth of a second."""
    loud = np.flatnonzero(np.abs(sound) > threshold)
    if not loud.size:
        return []
    first = np.concatenate([loud[:1], loud[1:][np.diff(loud) > rate // 20]])
    return [start + float(at) / rate for at in first]


def fits(sound: npt.NDArray[np.float32], said: npt.NDArray[np.float32]) -> float:
    """How much of `said` is in `sound`, wherever it is there: 1 is all of it."""
    size = len(sound) + len(said)
    product = np.fft.irfft(np.fft.rfft(sound, size) * np.conj(np.fft.rfft(said, size)), size)
    return float(product.max() / (said**2).sum())


def flashes(brightness: list[float], times: list[float], threshold: float = 200.0) -> list[float]:
    """Times at which the picture becomes bright."""
    bright = [value > threshold for value in brightness]
    return [
        times[n] for n in range(len(bright)) if bright[n] and (n == 0 or not bright[n - 1])
    ]  # fmt: skip


def offsets(flash: list[float], beep: list[float]) -> list[float]:
    """How much later each beep is than the flash that is nearest to it, in seconds."""
    return [at - min(flash, key=lambda other: abs(other - at)) for at in beep] if flash else []


def inner(moments: list[float], times: list[float], margin: float = 0.25) -> list[float]:
    """Those that are not so near to the ends of what was watched that they may be cut off."""
    return [at for at in moments if times[0] + margin < at < times[-1] - margin]


def file_of(tags: Sequence[FlvTag | Timed]) -> io.BytesIO:
    """The tags as an FLV file again."""
    parts = [flv_tag(tag.kind, tag.timestamp, tag.payload) for tag in tags]
    return io.BytesIO(FILE_HEADER + b"".join(parts))
