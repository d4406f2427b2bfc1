"""Synthetic clips: one colour and one tone each, so that picture and spectrum say who is who."""

from fractions import Fraction
from pathlib import Path

import av
import msgspec
import numpy as np
import numpy.typing as npt
from av.container import OutputContainer
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from tests.support.watch import HD_LINES, UNSPECIFIED

RATE = 48_000
BEEP_HZ = 1000.0
BEEP_LEVEL = 0.8
FLASH_SECONDS = 0.1
"""A flash is white and beeps for so long: three pictures at 30 fps, over four blocks of sound."""

Rgb = tuple[int, int, int]
Wave = npt.NDArray[np.float32]
WHITE: Rgb = (255, 255, 255)


def clip(
    path: Path,
    *,
    colour: Rgb = (200, 30, 30),
    tone: float = 440.0,
    seconds: float = 2.0,
    size: tuple[int, int] = (320, 180),
    fps: int = 30,
    level: float = 0.1,
    flash_every: float = 0.0,
    motion: bool = False,
    video: bool = True,
    audio: bool = True,
    gop: int = 30,
    matrix: Colorspace | None = None,
    tagged: bool = True,
    full_range: bool = False,
    turned: int = 0,
    options: dict[str, str] | None = None,
) -> Path:
    """Write a clip: `.webm` holds VP8 and Opus, all else H.264 and AAC.

    `level` is the tone's amplitude; `flash_every` seconds there is a flash with a beep, beginning
    half such a time from the start; `motion` adds moving texture, which costs as much as a camera.
    The `matrix` is by default what players assume for the size; `turned` is how many degrees
    against the clock a player has to turn the picture.
    """
    webm = path.suffix == ".webm"
    with av.open(str(path), "w", options=options or {}) as out:
        colours = _Colours(matrix or usual(size), tagged, full_range)
        film = (
            _Film(out, colour, size, fps, gop, flash_every, motion, webm, colours)
            if video
            else None
        )
        if film is not None and turned:
            film.turn(turned)
        wave = _wave(tone, seconds, level, flash_every)
        sound = _SoundTrack(out, wave, webm) if audio else None
        for n in range(round(seconds * fps)):
            if film is not None:
                film.write(n)
            if sound is not None:
                sound.write_until(round((n + 1) / fps * RATE))
        for track in (film, sound):
            if track is not None:
                track.flush()
    return path


class _Colours(msgspec.Struct, frozen=True):
    matrix: Colorspace
    tagged: bool
    full: bool

    @property
    def range(self) -> ColorRange:
        return ColorRange.JPEG if self.full else ColorRange.MPEG


def usual(size: tuple[int, int]) -> Colorspace:
    """The matrix of pictures of that size."""
    return Colorspace.ITU709 if size[1] >= HD_LINES else Colorspace.ITU601


class _Film:
    def __init__(
        self,
        out: OutputContainer,
        colour: Rgb,
        size: tuple[int, int],
        fps: int,
        gop: int,
        flash_every: float,
        motion: bool,
        webm: bool,
        colours: "_Colours",
    ) -> None:
        self._colours = colours
        self._out, self._colour, self._size, self._fps = out, colour, size, fps
        self._every = flash_every
        self._texture = _texture(size) if motion else None
        self._stream = out.add_stream("libvpx" if webm else "libx264", rate=fps)
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "yuv420p"
        if colours.tagged:
            self._stream.codec_context.colorspace = colours.matrix
        self._stream.codec_context.color_range = colours.range
        self._stream.codec_context.gop_size = gop
        self._stream.codec_context.bit_rate = 800_000
        fast: dict[str, object] = {"deadline": "realtime", "cpu-used": "8"}
        x264: dict[str, object] = {"preset": "superfast", "sc_threshold": "0"}
        self._stream.options = fast if webm else x264

    def turn(self, degrees: int) -> None:
        self._stream.set_display_rotation(degrees)

    def write(self, n: int) -> None:
        white = _flashing(n / self._fps, self._every)
        rgb = _picture(WHITE if white else self._colour, self._size, self._texture, n)
        frame = rgb.reformat(
            format="yuv420p",
            dst_colorspace=self._colours.matrix,
            dst_color_range=self._colours.range,
            interpolation=Interpolation.AREA | Interpolation.ACCURATE_RND,
        )
        if not self._colours.tagged:
            frame.colorspace = UNSPECIFIED
        frame.pts, frame.time_base = n, Fraction(1, self._fps)
        self._out.mux(self._stream.encode(frame))

    def flush(self) -> None:
        self._out.mux(self._stream.encode(None))


class _SoundTrack:
    def __init__(self, out: OutputContainer, wave: Wave, webm: bool) -> None:
        self._out, self._wave, self._packed, self._at = out, wave, webm, 0
        self._stream = out.add_stream("libopus" if webm else "aac", rate=RATE)
        self._stream.codec_context.layout = "stereo"
        self._stream.codec_context.bit_rate = 96_000
        self._stream.codec_context.format = "flt" if webm else "fltp"
        self._samples = 960 if webm else 1024

    def write_until(self, sample: int) -> None:
        while self._at < min(sample, self._wave.shape[1]):
            part = self._wave[:, self._at : self._at + self._samples]
            self._out.mux(self._stream.encode(_sound(part, self._at, packed=self._packed)))
            self._at += self._samples

    def flush(self) -> None:
        self._out.mux(self._stream.encode(None))


def _flashing(at: float, every: float) -> bool:
    return every > 0 and -1e-6 <= (at - every / 2) % every < FLASH_SECONDS - 1e-6


def _wave(tone: float, seconds: float, level: float, every: float) -> Wave:
    at = np.arange(round(seconds * RATE)) / RATE
    wave = level * np.sin(2 * np.pi * tone * at)
    if every:
        beep = (at - every / 2) % every < FLASH_SECONDS
        wave = np.where(beep, BEEP_LEVEL * np.sin(2 * np.pi * BEEP_HZ * at), wave)
    return np.stack([wave, wave]).astype(np.float32)


def _sound(wave: Wave, at: int, *, packed: bool) -> av.AudioFrame:
    if packed:
        flat = np.ascontiguousarray(wave.T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(flat, "flt", "stereo")
    else:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(wave), "fltp", "stereo")
    frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
    return frame


def _texture(size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Soft blobs with some grain, twice as wide as the picture, which pans over it."""
    width, height = size
    noise = np.random.default_rng(1)
    coarse = noise.integers(0, 120, (height // 20 + 1, width * 2 // 20 + 1))
    blobs = np.kron(coarse, np.ones((20, 20)))[:height, : width * 2]
    return (blobs + noise.integers(0, 12, blobs.shape)).astype(np.uint8)


def _picture(
    colour: Rgb, size: tuple[int, int], texture: npt.NDArray[np.uint8] | None, n: int
) -> av.VideoFrame:
    width, height = size
    rgb = np.empty((height, width, 3), np.uint8)
    rgb[:] = colour
    if texture is not None:
        part = texture[:, (n * 3) % width :][:, :width]
        rgb = np.clip(rgb.astype(np.int16) // 2 + part[:, :, None], 0, 255).astype(np.uint8)
    return av.VideoFrame.from_ndarray(rgb, "rgb24")
