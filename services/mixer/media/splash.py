"""Splash screens of a theme: a background, and lines of text in the middle of it."""

import av
import numpy as np
from PIL import Image, ImageDraw, ImageOps

from proto.theme import SplashKind
from services.mixer.core import palette
from services.mixer.core.theme import Argb, Line, lines
from services.mixer.media import lettering
from services.mixer.media.picture import Picture
from services.mixer.theme import Theme

LEADING = 1.6
"""From one line to the next, in heights of the font."""

SMALLEST = 5
"""Pixels of a font; below it there is nothing to draw."""


def splash(theme: Theme, kind: SplashKind, name: str, width: int, height: int) -> Picture:
    """The screen as a theme has it, for a conference of that name."""
    screen = theme.look.screens[kind]
    image = _behind(theme.background(kind), screen.color, width, height)
    _write(image, lines(screen, name))
    return Picture.of(av.VideoFrame.from_ndarray(np.asarray(image), "rgb24"))


def _behind(
    picture: Image.Image | None, colour: Argb | None, width: int, height: int
) -> Image.Image:
    if picture is not None:
        return ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS)
    if colour is not None:
        return Image.new("RGB", (width, height), colour[1:])
    return _shaded(width, height)


def _shaded(width: int, height: int) -> Image.Image:
    """Dark, a little lighter towards the top."""
    shade = np.linspace(1.5, 0.8, height)[:, None, None] * np.array(palette.BACKDROP)
    return Image.fromarray(np.broadcast_to(shade, (height, width, 3)).astype(np.uint8))


def _write(image: Image.Image, said: tuple[Line, ...]) -> None:
    """Around the middle, each line with room above and below it."""
    width, height = image.size
    title = max(min(height // 11, width // 16), SMALLEST)
    sizes = [title if line.title else max(title // 2, SMALLEST) for line in said]
    layer = Image.new("RGBA", image.size)
    draw = ImageDraw.Draw(layer)
    y = (height - LEADING * sum(sizes)) / 2
    for line, size in zip(said, sizes, strict=True):
        opacity, *rgb = line.color
        font = lettering.font(size)
        text = lettering.shortened(line.text, font, width * 9 // 10)
        middle = (width // 2, round(y + LEADING * size / 2))
        draw.text(middle, text, (*rgb, opacity), font, anchor="mm")
        y += LEADING * size
    image.paste(layer, (0, 0), layer)
