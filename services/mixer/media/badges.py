"""Indicators as pictures: a capsule with an icon in its disc, and what of the text is out."""

from collections import OrderedDict
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from proto.theme import IndicatorKind
from services.mixer.core import palette
from services.mixer.core.layouts import even
from services.mixer.core.pills import Pill
from services.mixer.core.theme import Argb
from services.mixer.media import lettering
from services.mixer.media.cards import SMOOTH
from services.mixer.media.overlays import Stamp, Weights
from services.mixer.theme import Theme

KEPT = 64
"""Stamps that are kept: two seconds of movement, which the other slots of a ring show as well."""

ICON_SHARE = 0.62
"""Of the disc; round icons leave an even rim, square ones do not touch it."""

TEXT_SHARE = 0.42
"""Height of the letters' font, of the disc."""

PAD_SHARE = 0.42
"""From the text to the round end, of the disc."""

LONGEST_TEXT = 12
"""Discs; longer texts are shortened."""

RIM_OPACITY = 0.18
"""Of the thin white line round a capsule, which sets it off from black."""

FEATHER_SHARE = 0.3
"""Of the disc: over so much of it a text fades where it is cut off."""

Floats = npt.NDArray[np.float32]


class _Ink(NamedTuple):
    """Colours and opacity, each of the same shape; colours are multiplied by opacity."""

    y: Floats
    u: Floats
    v: Floats
    opacity: Floats

    def over(self, behind: "_Ink") -> "_Ink":
        through = 1 - self.opacity
        return _Ink(*(mine + theirs * through for mine, theirs in zip(self, behind, strict=True)))


class Badges:
    """Those of one theme. For one thread."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self._icons: dict[tuple[IndicatorKind, int], _Ink | None] = {}
        self._texts: dict[tuple[IndicatorKind, int], Floats] = {}
        self._stamps: OrderedDict[tuple[Pill, float], Stamp] = OrderedDict()

    def length(self, kind: IndicatorKind, size: int) -> int:
        """Of a capsule with the whole of its text."""
        text = self._text(kind, size)
        return size + even(text.shape[1] + round(PAD_SHARE * size) + 1) if text.size else size

    def stamp(self, pill: Pill, out: float) -> Stamp:
        """The capsule as it is now; the same one for as long as it does not change."""
        key = (pill, out)
        found = self._stamps.pop(key, None) or self._drawn(pill, out)
        self._stamps[key] = found
        if len(self._stamps) > KEPT:
            self._stamps.popitem(last=False)
        return found

    def _drawn(self, pill: Pill, out: float) -> Stamp:
        size, wide = pill.rect.height, pill.rect.width
        badge = self._theme.look.badges[pill.kind]
        outer = _capsule(size, wide)
        inner = np.zeros_like(outer)
        thin = max(size // 32, 1)
        inner[thin:-thin, thin:-thin] = _capsule(size - 2 * thin, wide - 2 * thin)
        ink = _ink(badge.background, outer)
        ink = _ink((round(255 * RIM_OPACITY), 255, 255, 255), outer - inner).over(ink)
        ink = _ink(badge.color, self._uncovered(pill, out)).over(ink)
        icon = self._icon(pill.kind, size)
        if icon is not None:
            whole = _Ink(*(np.zeros((size, wide), np.float32) for _ in range(4)))
            at = (size - icon.y.shape[0]) // 2
            left = wide - size + at if pill.leftwards else at
            for part, drawn in zip(whole, icon, strict=True):
                part[at : at + drawn.shape[0], left : left + drawn.shape[1]] = drawn
            ink = whole.over(ink)
        return _stamp(pill, ink)

    def _uncovered(self, pill: Pill, out: float) -> Floats:
        """Where letters are: they begin at the left, and end where the capsule or its disc does."""
        size, wide = pill.rect.height, pill.rect.width
        mask = np.zeros((size, wide), np.float32)
        text = self._text(pill.kind, size)
        pad = round(PAD_SHARE * size)
        room = min(text.shape[1], wide - size - (0 if pill.leftwards else pad // 2))
        if room <= 0:
            return mask
        left = pad if pill.leftwards else size
        room = min(room, wide - left - (size if pill.leftwards else 0))
        if room <= 0:
            return mask
        part = text[:, :room] * np.float32(min(2 * out, 1.0))
        if room < text.shape[1]:
            soft = min(max(round(FEATHER_SHARE * size), 1), room)
            part[:, room - soft :] *= np.linspace(1, 0, soft, dtype=np.float32)
        mask[:, left : left + room] = part
        return mask

    def _text(self, kind: IndicatorKind, size: int) -> Floats:
        """Opacity of the letters, in the middle of the capsule's height."""
        key = (kind, size)
        if key not in self._texts:
            self._texts[key] = _letters(self._theme.look.badges[kind].text, size)
        return self._texts[key]

    def _icon(self, kind: IndicatorKind, size: int) -> _Ink | None:
        key = (kind, size)
        if key not in self._icons:
            drawn = self._theme.icon(kind, even(round(size * ICON_SHARE)))
            self._icons[key] = None if drawn is None else _of_image(drawn)
        return self._icons[key]


def _letters(text: str, size: int) -> Floats:
    face = lettering.font(max(round(size * TEXT_SHARE), 6))
    text = lettering.shortened(text, face, size * LONGEST_TEXT)
    wide = round(face.getlength(text)) + 2 if text else 0
    if not wide:
        return np.zeros((size, 0), np.float32)
    image = Image.new("L", (wide, size))
    ImageDraw.Draw(image).text((0, size // 2), text, 255, face, anchor="lm")
    return np.asarray(image, np.float32) / np.float32(255)


def _capsule(high: int, wide: int) -> Floats:
    """Opacity of a rectangle with round ends, at least as wide as it is high."""
    half, disc = high // 2, _disc(high)
    middle = np.ones((high, wide - 2 * half), np.float32)
    return np.concatenate((disc[:, :half], middle, disc[:, high - half :]), axis=1)


@lru_cache(32)
def _disc(size: int) -> Floats:
    image = Image.new("L", (size * SMOOTH, size * SMOOTH))
    ImageDraw.Draw(image).ellipse((0, 0, size * SMOOTH - 1, size * SMOOTH - 1), 255)
    small = image.resize((size, size), Image.Resampling.BOX)
    return np.asarray(small, np.float32) / np.float32(255)


def _ink(colour: Argb, where: Floats) -> _Ink:
    opacity, *rgb = colour
    part = where * np.float32(opacity / 255)
    y, u, v = palette.yuv((rgb[0], rgb[1], rgb[2]))
    return _Ink(part * y, part * u, part * v, part)


def _of_image(image: Image.Image) -> _Ink:
    """BT.709 of limited range, as `palette.yuv`."""
    red, green, blue, opacity = np.moveaxis(np.asarray(image, np.float32), 2, 0) / np.float32(255)
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    y, u, v = 219 * luma + 16, 224 / 1.8556 * (blue - luma) + 128, 224 / 1.5748 * (red - luma) + 128
    parts = (y * opacity, u * opacity, v * opacity, opacity)
    return _Ink(*(np.asarray(part, np.float32) for part in parts))


def _stamp(pill: Pill, ink: _Ink) -> Stamp:
    y, *rest = (part * np.float32(256 * pill.opacity) for part in ink)
    half = (pill.rect.width // 2, pill.rect.height // 2)
    u, v, halved = (cv2.resize(part, half, interpolation=cv2.INTER_AREA) for part in rest)
    through, through_half = 256 - _whole(rest[2]), 256 - _whole(halved)
    return Stamp(
        pill.rect, (_whole(y), _whole(u), _whole(v)), (through, through_half, through_half)
    )


def _whole(values: object) -> Weights:
    return np.asarray(values, np.float32).round().astype(np.uint16)
