"""Texts as pictures: name cards, splash screens, name labels. Each is drawn once and kept."""

from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

import av
import cv2
import msgspec
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from proto.theme import SplashKind
from services.mixer.core import palette
from services.mixer.core.layouts import even
from services.mixer.core.palette import Rgb
from services.mixer.media import lettering
from services.mixer.media.picture import Picture
from services.mixer.media.planes import Planes
from services.mixer.media.splash import splash
from services.mixer.theme import Theme

KEPT = 128
"""Drawn texts that are kept: the tiles of some layouts for some dozens of names."""

SMOOTH = 3
"""Circles are drawn so many times larger and made smaller, which rounds their edges."""

LEAST_TEXT = 10
"""Pixels of height below which letters are not written: nobody could read them."""

WHITE: Rgb = (245, 246, 248)
PALE: Rgb = (178, 184, 196)
LABEL: Rgb = (14, 15, 18)

LABEL_OPACITY = 0.66
"""Dark enough for white letters on snow, light enough to see that a picture is behind."""

Key = tuple[str, str, int, int]
Drawn = TypeVar("Drawn")


Weights = npt.NDArray[np.uint16]


class Overlay(msgspec.Struct):
    """A half transparent picture for the lower left corner of a tile."""

    planes: tuple[Weights, Weights, Weights]
    "Y, U and V, multiplied by their opacity, of 256."
    through: tuple[Weights, Weights, Weights]
    "How much of what is behind comes through, of 256."

    def blend(self, tile: Planes) -> None:
        for plane, over, through in zip(tile, self.planes, self.through, strict=True):
            high, wide = over.shape
            part = plane[-high:, :wide]
            part[:] = (part * through + over) >> 8


class Cards:
    """For one thread."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, Picture | Overlay] = OrderedDict()

    def name(self, name: str, width: int, height: int) -> Picture:
        """Who would be here: a disc with initials, and the name where there is room."""
        return self._keep(("name", name, width, height), lambda: _name(name, width, height))

    def splash(self, theme: Theme, kind: SplashKind, name: str, width: int, height: int) -> Picture:
        """A theme's screen for a conference of that name."""
        return self._keep(
            (f"{kind} {theme.serial}", name, width, height),
            lambda: splash(theme, kind, name, width, height),
        )

    def label(self, name: str, width: int, height: int) -> Overlay:
        """A name for the corner of a tile of that size."""
        return self._keep(("label", name, width, height), lambda: _label(name, width, height))

    def _keep(self, key: Key, draw: Callable[[], Drawn]) -> Drawn:
        kept = self._kept.pop(key, None)
        drawn: Drawn = draw() if kept is None else kept  # type: ignore[assignment]
        self._kept[key] = drawn  # type: ignore[assignment]
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return drawn


def initials(name: str) -> str:
    """The first letters of the first and the last word."""
    words = [word for word in name.split() if word[0].isalnum()]
    if not words:
        return "?"
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


def _name(name: str, width: int, height: int) -> Picture:
    image = Image.new("RGB", (width, height), palette.colour(name, lightness=0.13, saturation=0.25))
    disc = min(width, height) * 45 // 100
    text = height * 7 // 100
    written = text >= LEAST_TEXT
    centre = (width // 2, height // 2 - (text if written else 0))
    _disc(image, centre, disc, palette.colour(name))
    draw = ImageDraw.Draw(image)
    if disc * 40 // 100 >= LEAST_TEXT:
        draw.text(centre, initials(name), WHITE, lettering.font(disc * 40 // 100), anchor="mm")
    if written:
        font = lettering.font(text)
        below = (width // 2, centre[1] + disc // 2 + text * 3 // 2)
        draw.text(below, lettering.shortened(name, font, width * 9 // 10), WHITE, font, anchor="mm")
    return _picture(image)


def _label(name: str, width: int, height: int) -> Overlay:
    size = max(height // 22, LEAST_TEXT)
    font = lettering.font(size)
    text = lettering.shortened(name, font, max(width - 2 * size, size))
    wide = min(even(round(font.getlength(text)) + size + 1), width)
    high = min(even(size * 17 // 10 + 1), height)
    image = Image.new("RGB", (wide, high), LABEL)
    ImageDraw.Draw(image).text((size // 2, high // 2), text, WHITE, font, anchor="lm")
    planes = _picture(image).planes
    # Letters are opaque: only what is as dark as the label lets light through.
    dark, light = palette.yuv(LABEL)[0], palette.yuv(WHITE)[0]
    letters = np.clip((planes[0].astype(np.float32) - dark) / (light - dark), 0.0, 1.0)
    opacity = 256 * (LABEL_OPACITY + (1 - LABEL_OPACITY) * letters)
    half = cv2.resize(opacity, (wide // 2, high // 2), interpolation=cv2.INTER_AREA)
    weights = [np.asarray(part, np.float32).round().astype(np.uint16) for part in (opacity, half)]
    own = (weights[0], weights[1], weights[1])
    y, u, v = (plane * weight for plane, weight in zip(planes, own, strict=True))
    return Overlay((y, u, v), (256 - own[0], 256 - own[1], 256 - own[2]))


def _disc(image: Image.Image, centre: tuple[int, int], size: int, colour: Rgb) -> None:
    mask = Image.new("L", (size * SMOOTH, size * SMOOTH))
    ImageDraw.Draw(mask).ellipse((0, 0, size * SMOOTH - 1, size * SMOOTH - 1), 255)
    corner = (centre[0] - size // 2, centre[1] - size // 2)
    if size:
        image.paste(
            colour, (*corner, corner[0] + size, corner[1] + size), mask.resize((size, size))
        )


def _picture(image: Image.Image) -> Picture:
    return Picture.of(av.VideoFrame.from_ndarray(np.asarray(image), "rgb24"))
