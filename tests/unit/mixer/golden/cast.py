"""People and slides that look the same wherever and whenever they are drawn."""

import colorsys
from functools import cache

import av
import numpy as np
from PIL import Image, ImageDraw

from services.mixer.core.palette import Rgb
from services.mixer.media.picture import Picture

NAMES = (
    "Ada Lovelace", "Bao Nguyen", "Chiara Conti", "Daniel Okafor", "Elif Demir", "Farid Haddad",
    "Grace Kim", "Hugo Martin", "Ines Costa", "Jonas Weber", "Kavya Rao", "Liam Murphy",
    "Mei Tanaka", "Noah Fischer", "Olga Petrova", "Pablo Ruiz", "Quinn Taylor", "Rosa Silva",
    "Samir Patel", "Tove Lindgren", "Uma Iyer", "Viktor Novak", "Wanjiru Kamau", "Xin Zhao",
    "Yara Mansour", "Zoltan Toth", "Anouk Visser", "Bruno Rossi", "Clara Dubois", "Dmitri Orlov",
    "Emma Larsen", "Felix Braun", "Gita Sharma", "Hana Sato", "Ivan Horvat", "Julia Nowak",
    "Karim Aziz", "Lena Vogel", "Marco Greco", "Nadia Ivanova",
)  # fmt: skip

SIZE = (640, 360)
SIZES = {"Elif Demir": (270, 480), "Grace Kim": (480, 360)}
"""Who does not send a wide picture: a telephone held upright, and an old camera."""

UNSEEN = frozenset({"Daniel Okafor", "Mei Tanaka"})
"""Who sends sound alone."""


GOLDEN = 0.618
"""Steps of this part of a circle come nowhere near each other for long."""


@cache
def person(name: str) -> Picture:
    """Head and shoulders before a wall; no two neighbours have colours that are alike."""
    hue = NAMES.index(name) * GOLDEN
    width, height = SIZES.get(name, SIZE)
    image = Image.new("RGB", (width, height))
    wall = np.array(_colour(hue, 0.42, 0.36))
    shade = np.linspace(1.12, 0.72, height)[:, None, None] * wall
    image.paste(Image.fromarray(np.broadcast_to(shade, (height, width, 3)).astype(np.uint8)))
    draw = ImageDraw.Draw(image)
    size, middle = min(width, height), width / 2
    shirt, skin = _colour(hue + 0.45, 0.27, 0.4), _colour(hue, 0.74, 0.35)
    top = height - size * 0.42
    draw.ellipse((middle - size * 0.42, top, middle + size * 0.42, top + size * 0.9), shirt)
    draw.rectangle((middle - size * 0.07, top - size * 0.1, middle + size * 0.07, top + 8), skin)
    draw.ellipse(
        (middle - size * 0.15, top - size * 0.38, middle + size * 0.15, top - size * 0.01), skin
    )
    return _picture(image)


@cache
def slide() -> Picture:
    """A title, a chart, and some lines of text."""
    image = Image.new("RGB", SIZE, (248, 248, 250))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 640, 8), (60, 90, 200))
    draw.rectangle((40, 36, 360, 58), (40, 44, 60))
    for n, share in enumerate((0.35, 0.5, 0.42, 0.7, 0.92)):
        left = 350 + n * 52
        draw.rectangle((left, 310 - 210 * share, left + 36, 310), (60, 90 + 24 * n, 200))
    for n in range(6):
        draw.rectangle((40, 100 + 36 * n, 290 - 30 * (n % 3), 110 + 36 * n), (150, 155, 170))
    draw.line((340, 311, 612, 311), (90, 94, 110), 2)
    return _picture(image)


def _colour(hue: float, lightness: float, saturation: float) -> Rgb:
    red, green, blue = colorsys.hls_to_rgb(hue % 1, lightness, saturation)
    return round(red * 255), round(green * 255), round(blue * 255)


def _picture(image: Image.Image) -> Picture:
    return Picture.of(av.VideoFrame.from_ndarray(np.asarray(image), "rgb24"))
