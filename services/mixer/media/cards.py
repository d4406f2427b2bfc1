"""Texts as pictures: name cards and splash screens. Each is drawn once and kept."""

from collections import OrderedDict
from collections.abc import Callable

import av
import numpy as np
from PIL import Image, ImageDraw

from proto.theme import SplashKind
from services.mixer.core import palette
from services.mixer.core.palette import Rgb
from services.mixer.media import lettering
from services.mixer.media.picture import Picture
from services.mixer.media.splash import splash
from services.mixer.theme import Theme

KEPT = 128
"""Drawn texts that are kept: the tiles of some layouts for some dozens of names."""

SMOOTH = 3
"""Circles are drawn so many times larger and made smaller, which rounds their edges."""

LEAST_TEXT = 10
"""Pixels of height below which letters are not written: nobody could read them."""

LEAST_INITIALS = 7
"""The same of initials, which are two capitals."""

NAME_SHARE = 0.08
"""A name is this part of a card high, and no smaller than the next while there is room."""

LEAST_NAME = 12

WHITE: Rgb = (245, 246, 248)

Key = tuple[str, str, int, int]


class Cards:
    """For one thread."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, Picture] = OrderedDict()

    def name(self, name: str, width: int, height: int) -> Picture:
        """Who would be here: a disc with initials, and the name where there is room."""
        return self._keep(("name", name, width, height), lambda: _name(name, width, height))

    def splash(self, theme: Theme, kind: SplashKind, name: str, width: int, height: int) -> Picture:
        """A theme's screen for a conference of that name."""
        return self._keep(
            (f"{kind} {theme.serial}", name, width, height),
            lambda: splash(theme, kind, name, width, height),
        )

    def _keep(self, key: Key, draw: Callable[[], Picture]) -> Picture:
        kept = self._kept.pop(key, None)
        self._kept[key] = drawn = draw() if kept is None else kept
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
    text = min(max(height * NAME_SHARE, LEAST_NAME), width * 0.11)
    written = text >= LEAST_TEXT and height >= 5 * LEAST_NAME
    disc = int(min(width * 0.45, height * 0.45))
    # Disc and name together stand in the middle.
    centre = (width // 2, round(height / 2 - (text * 0.8 if written else 0)))
    _disc(image, centre, disc, palette.colour(name))
    draw = ImageDraw.Draw(image)
    if disc * 40 // 100 >= LEAST_INITIALS:
        draw.text(centre, initials(name), WHITE, lettering.font(disc * 40 // 100), anchor="mm")
    if written:
        font = lettering.font(int(text))
        below = (width // 2, centre[1] + disc / 2 + text)
        draw.text(below, lettering.shortened(name, font, width * 9 // 10), WHITE, font, anchor="mm")
    return _picture(image)


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
