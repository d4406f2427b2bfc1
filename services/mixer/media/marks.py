"""What is written and drawn onto a tile: a name, how many are not seen, a frame round a speaker.

Each is made once for a size and blended in when the tile is drawn, so that it costs nothing while
nothing changes.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol

import av
import cv2
import msgspec
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from services.mixer.core import palette
from services.mixer.core.layouts import Rect, even
from services.mixer.core.palette import Rgb
from services.mixer.core.scene import Tile
from services.mixer.media import lettering
from services.mixer.media.cards import LEAST_TEXT, SMOOTH, WHITE
from services.mixer.media.picture import Picture
from services.mixer.media.planes import Planes, cut, fill

KEPT = 256
"""Marks that are kept: names for some dozens of people in tiles of some sizes."""

DARK: Rgb = (14, 15, 18)

OPACITY = 0.72
"""Dark enough for white letters on snow, light enough to see that a picture is behind."""

LARGEST_TEXT = 24
"""Pixels of a name in a picture of 720 lines: in a large tile it is a caption, not a headline."""

FRAME_PER_CANVAS = 270
"""A frame is this part of the canvas's shorter side, and 2 to 4 pixels: 2 of 720, 4 of 1080."""

Weights = npt.NDArray[np.uint16]


class Mark(Protocol):
    def draw(self, tile: Planes) -> None:
        """Onto a tile of the size that it was made for."""


class Pill(msgspec.Struct):
    """A half transparent picture in its place on a tile."""

    rect: Rect
    over: tuple[Weights, Weights, Weights]
    "Y, U and V, multiplied by their opacity, of 256."
    through: tuple[Weights, Weights, Weights]
    "How much of what is behind comes through, of 256."

    def draw(self, tile: Planes) -> None:
        for plane, over, through in zip(cut(tile, self.rect), self.over, self.through, strict=True):
            plane[:] = (plane * through + over) >> 8


class Frame(msgspec.Struct):
    """A line along the edges of a tile."""

    thick: int

    def draw(self, tile: Planes) -> None:
        high, wide = tile[0].shape
        high, wide, thick = even(high), even(wide), min(self.thick, even(high / 2), even(wide / 2))
        colour = palette.yuv(palette.ACCENT)
        for edge in (
            Rect(0, 0, wide, thick),
            Rect(0, high - thick, wide, thick),
            Rect(0, 0, thick, high),
            Rect(wide - thick, 0, thick, high),
        ):
            fill(cut(tile, edge), colour)


class Marks:
    """For one thread."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[object, ...], Pill] = OrderedDict()

    def of(self, tile: Tile, shorter: int) -> Sequence[Mark]:
        """All that belongs onto a tile, on a canvas whose shorter side is that long."""
        found: list[Mark] = []
        if tile.speaks:
            found.append(Frame(min(max(even(shorter / FRAME_PER_CANVAS), 2), 4)))
        size = tile.rect.width, tile.rect.height
        if tile.label and (text := tile.text or tile.name):
            found.append(self._keep(("name", text, *size, shorter)))
        if tile.more:
            found.append(self._keep(("more", f"+{tile.more}", *size, shorter)))
        return found

    def _keep(self, key: tuple[str, str, int, int, int]) -> Pill:
        kept = self._kept.pop(key, None)
        self._kept[key] = kept = kept or _pill(*key)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return kept


def _pill(kind: str, text: str, width: int, height: int, shorter: int) -> Pill:
    """A name in the lower left corner; how many are not seen in the upper right one."""
    name = kind == "name"
    largest = max(LARGEST_TEXT * shorter // 720, LEAST_TEXT)
    size = min(max(height * (9 if name else 14) // 100, LEAST_TEXT), largest)
    font, margin = lettering.font(size), even(max(min(size * 0.5, height / 20), 2))
    text = lettering.shortened(text, font, max(width - 2 * margin - 3 * size // 2, 1))
    wide = min(even(font.getlength(text) + size * 1.2 + 1), even(width))
    high = min(even(size * 1.75 + 1), even(height))
    x = min(margin, even(width - wide)) if name else max(even(width - wide - margin), 0)
    y = max(even(height - high - margin), 0) if name else min(margin, even(height - high))
    image = Image.new("RGB", (wide, high), DARK)
    ImageDraw.Draw(image).text((wide / 2, high / 2), text, WHITE, font, anchor="mm")
    planes = Picture.of(av.VideoFrame.from_ndarray(np.asarray(image), "rgb24")).planes
    return _blended(Rect(x, y, wide, high), planes, _rounded(wide, high))


def _rounded(wide: int, high: int) -> npt.NDArray[np.float32]:
    """1 inside, 0 in the corners, with smooth edges."""
    mask = Image.new("L", (wide * SMOOTH, high * SMOOTH))
    box = (0, 0, wide * SMOOTH - 1, high * SMOOTH - 1)
    ImageDraw.Draw(mask).rounded_rectangle(box, high * SMOOTH * 0.3, 255)
    edges = np.asarray(mask.resize((wide, high), Image.Resampling.BOX), np.float32)
    return edges / np.float32(255)


def _blended(rect: Rect, planes: Planes, inside: npt.NDArray[np.float32]) -> Pill:
    # Letters are opaque: only what is as dark as the pill lets light through.
    dark, light = palette.yuv(DARK)[0], palette.yuv(WHITE)[0]
    letters = np.clip((planes[0].astype(np.float32) - dark) / (light - dark), 0.0, 1.0)
    opacity = 256 * inside * (OPACITY + (1 - OPACITY) * letters)
    half = cv2.resize(opacity, (rect.width // 2, rect.height // 2), interpolation=cv2.INTER_AREA)
    y, uv = (np.asarray(part, np.float32).round().astype(np.uint16) for part in (opacity, half))
    own = (y, uv, uv)
    over = [plane * weight for plane, weight in zip(planes, own, strict=True)]
    return Pill(rect, (over[0], over[1], over[2]), (256 - y, 256 - uv, 256 - uv))
