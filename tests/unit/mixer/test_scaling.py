"""Scaled luma next to what a Lanczos filter of three lobes makes of the same picture."""

import math
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from services.mixer.core import layouts
from services.mixer.core.layouts import Rect
from services.mixer.media.painting import Painter, Painting
from services.mixer.media.picture import Picture
from services.mixer.media.planes import split
from services.mixer.media.scaling import Scaler, crop

Luma = npt.NDArray[np.uint8]
Size = tuple[int, int]

LEAST = 41.0
"""dB. Streams are encoded at 38 to 40 dB: what scaling adds to that is not seen."""

LEAST_OF_RINGS = 22.0
"""dB for the zone plate, which is nothing but fine lines; who shows moiré has 13 to 20."""

SOURCES: tuple[Size, ...] = ((640, 360), (1280, 720), (1920, 1080))
CANVASES: tuple[Size, ...] = ((1280, 720), (1920, 1080), (848, 480))


@cache
def scenery(width: int, height: int) -> Luma:
    """As much fine detail as a good camera's picture has: a spectrum that falls like theirs do."""
    dice = np.random.default_rng(width)
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    frequency = np.hypot(down, across)
    frequency[0, 0] = 1.0
    noise = np.fft.rfft2(dice.normal(size=(height, width)))
    waves = np.fft.irfft2(noise / frequency**1.3, s=(height, width))
    picture: Luma = np.clip(waves / waves.std() * 45 + 120, 16, 235).astype(np.uint8)
    return picture


@cache
def rings(width: int, height: int) -> Luma:
    """A zone plate of limited range: rings from wide ones to ones of two pixels."""
    down, across = np.mgrid[:height, :width].astype(float)
    square = (across - width / 2) ** 2 + (down - height / 2) ** 2
    picture: Luma = (125.5 + 109.5 * np.cos(math.pi * square / width)).astype(np.uint8)
    return picture


def scaled(picture: Luma, size: Size) -> Luma:
    target = np.zeros(size[::-1], np.uint8)
    Scaler().luma(picture.shape, target).go(picture)
    return target


def likeness(picture: Luma, size: Size) -> float:
    """dB between what we make of it and the reference."""
    wanted = Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS)
    error = np.square(scaled(picture, size).astype(float) - np.asarray(wanted, float)).mean()
    return 10 * math.log10(255**2 / max(float(error), 1e-9))


def sizes(ratios: list[float], source: Size) -> list[Size]:
    width, height = source
    return [(layouts.even(int(width / r)), layouts.even(int(height / r))) for r in ratios]


def tiles() -> set[tuple[Size, Size]]:
    """What is scaled to what where layouts show whole pictures; each source on each canvas."""
    found = set()
    for canvas in CANVASES:
        inset = layouts.inset(*canvas)
        for layout in ("1:7", "9:0", "25:0", "1:21", "1:33", "1:0"):
            for place in {*layouts.places(layout, 40, *canvas).people, inset}:
                found |= {(source, (place.width, place.height)) for source in SOURCES}
    return found


RATIOS = [1.1, 1.2, 1.3, 1.34, 1.4, 1.5, 1.7, 1.9, 1.95, 2.0, 2.05, 2.2, 2.5, 2.67, 2.95, 3.0]
RATIOS += [3.3, 3.7, 3.81, 3.95, 4.0, 4.1, 4.5, 5.0, 5.5, 5.95, 6.0, 6.5, 7.0, 7.45, 7.9, 8.0]


@pytest.mark.parametrize("size", sizes(RATIOS, (1280, 720)), ids=str)
def test_a_picture_made_smaller_looks_as_it_should(size: Size) -> None:
    assert likeness(scenery(1280, 720), size) >= LEAST
    assert likeness(rings(1280, 720), size) >= LEAST_OF_RINGS


@pytest.mark.parametrize("size", sizes([0.9, 0.75, 0.67, 0.5, 0.4, 0.33], (640, 360)), ids=str)
def test_a_picture_made_larger_looks_as_it_should(size: Size) -> None:
    assert likeness(scenery(640, 360), size) >= LEAST


@pytest.mark.parametrize("shape", [(1280, 720), (1280, 960), (1080, 720), (1440, 720)], ids=str)
@pytest.mark.parametrize("size", [(172, 96), (258, 144), (416, 228), (1066, 600)], ids=str)
def test_what_was_halved_beforehand_looks_the_same(shape: Size, size: Size) -> None:
    """Cropped or not, and however much of it is left."""
    grey = np.full((shape[1] // 2, shape[0] // 2), 128, np.uint8)
    canvases = []
    for halved in (False, True):
        picture = Picture((scenery(*shape), grey, grey), shape[0] / shape[1])
        part = Rect(40, 24, shape[0] - 80, shape[1] - 48)
        if halved:
            picture.halve()
            assert crop(picture, *size).x % 8 == crop(picture, *size).height % 8 == 0
        canvas = split(np.zeros((size[1] * 3 // 2, size[0]), np.uint8))
        Painting(Painter(), picture, part, canvas).paint(picture)
        canvases.append(canvas)

    assert all(np.array_equal(a, b) for a, b in zip(*canvases, strict=True))


@pytest.mark.parametrize(("source", "size"), sorted(tiles()), ids=str)
def test_every_tile_of_a_layout_looks_as_it_should(source: Size, size: Size) -> None:
    assert likeness(scenery(*source), size) >= LEAST
    if size < source:
        assert likeness(rings(*source), size) >= LEAST_OF_RINGS
