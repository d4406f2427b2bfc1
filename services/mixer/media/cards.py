"""Texts as pictures: name cards and the slate. Each is drawn once and kept."""

from collections import OrderedDict
from collections.abc import Callable

import av
import numpy as np
from PIL import Image, ImageDraw

from services.mixer.core import palette
from services.mixer.core.palette import Rgb
from services.mixer.media import lettering
from services.mixer.media.picture import Picture

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
PALE: Rgb = (178, 184, 196)
Key = tuple[str, str, int, int]


class Cards:
    """For one thread."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, Picture] = OrderedDict()

    def name(self, name: str, width: int, height: int) -> Picture:
        """Who would be here: a disc with initials, and the name where there is room."""
        return self._keep(("name", name, width, height), lambda: _name(name, width, height))

    def slate(self, text: str, width: int, height: int) -> Picture:
        """What there is to say while nobody is there; the first line is the title."""
        return self._keep(("slate", text, width, height), lambda: _slate(text, width, height))

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


def _slate(text: str, width: int, height: int) -> Picture:
    image = _backdrop(width, height)
    draw = ImageDraw.Draw(image)
    title, _, rest = text.partition("\n")
    size = max(min(height // 11, width // 16), 6)
    font, small = lettering.font(size), lettering.font(max(size // 2, 5))
    middle, room = height // 2, width * 9 // 10
    if not rest:
        draw.text(
            (width // 2, middle), lettering.shortened(title, font, room), WHITE, font, anchor="mm"
        )
        return _picture(image)
    draw.text(
        (width // 2, middle - size * 2 // 3),
        lettering.shortened(title, font, room),
        WHITE,
        font,
        anchor="mm",
    )
    draw.text(
        (width // 2, middle + size * 2 // 3),
        lettering.shortened(rest, small, room),
        PALE,
        small,
        anchor="mm",
    )
    return _picture(image)


def _backdrop(width: int, height: int) -> Image.Image:
    """Dark, a little lighter towards the top."""
    shade = np.linspace(1.5, 0.8, height)[:, None, None] * np.array(palette.BACKDROP)
    return Image.fromarray(np.broadcast_to(shade, (height, width, 3)).astype(np.uint8))


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
