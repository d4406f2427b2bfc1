"""The presentation: six drawn slides, on each a chart that grows and a bar that moves."""

import math
from functools import lru_cache

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cli.clips.write import SECONDS, SLIDE_FPS

WIDTH, HEIGHT = 1280, 720

SLIDES = [
    ("Streaming a conference", ["One mix, one encode", "Any number of destinations"]),
    ("Viewers this week", ["A third more than last week", "Most of them in the evening"]),
    ("Where the delay comes from", ["Encoder: 0.3 s", "Server and player: the rest"]),
    ("What changed", ["Key frames every two seconds", "Sound mixed at 48 kHz"]),
    ("What it costs", ["Composition: a few per cent", "The encoder: nearly all"]),
    ("Next steps", ["Two feeds", "Reconnecting destinations", "Questions?"]),
]

PER_SLIDE = SECONDS * SLIDE_FPS // len(SLIDES)
"""Pictures that a slide stays."""

INK, ACCENT, PALE, PAPER = (31, 41, 55), (37, 99, 235), (219, 228, 245), (250, 250, 247)


def slides() -> list[av.VideoFrame]:
    return [
        av.VideoFrame.from_ndarray(np.asarray(_slide(n, k / PER_SLIDE)), "rgb24").reformat(
            format="yuv420p", dst_colorspace="ITU709"
        )
        for n in range(len(SLIDES))
        for k in range(PER_SLIDE)
    ]


def _slide(n: int, done: float) -> Image.Image:
    """Slide `n`; `done` (0 to 1) says how far its movement is."""
    title, points = SLIDES[n]
    picture = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, 0, 24, HEIGHT), fill=ACCENT)
    pen.text((90, 70), title, INK, _font(60))
    for row, point in enumerate(points):
        y = 220 + 84 * row
        pen.ellipse((92, y + 12, 108, y + 28), fill=ACCENT)
        pen.text((130, y), point, INK, _font(34))
    for bar in range(8):
        grown = min(1.0, max(0.0, done * 2 - bar / 8))
        tall = 300 * (0.35 + 0.6 * abs(math.sin(1.3 * bar + n))) * grown
        x = 720 + 60 * bar
        pen.rectangle((x, 590 - tall, x + 40, 590), fill=ACCENT if bar % 2 else INK)
    pen.line((700, 592, 1210, 592), fill=INK, width=4)
    pen.rectangle((90, 660, 1210, 668), fill=PALE)
    pen.rectangle((90, 660, 90 + round(1120 * (n + done) / len(SLIDES)), 668), fill=ACCENT)
    return picture


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    try:
        return ImageFont.truetype("DejaVuSans.ttf", size)
    except OSError:
        return ImageFont.load_default(size)
