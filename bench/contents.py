"""Three kinds of content for encoders: people in a gallery, one of them alone, and slides."""

from collections.abc import Iterator
from itertools import islice, repeat
from pathlib import Path

import av
import numpy as np

from bench.inputs import FPS, Case, Films
from bench.reference import Canvas
from bench.scenes import SLIDE, SLIDE_FPS, Shot
from services.mixer.core.layouts import inset, places, whole
from services.mixer.core.scene import SourceId
from services.mixer.media.cards import Cards
from services.mixer.media.compositor import Compositor
from services.mixer.media.picture import Picture

CONTENTS = ("gallery", "film", "slides")


def shot(content: str, case: Case) -> Shot:
    """Cameras of 720 lines in the rectangles of a layout."""
    size = case.width, case.height
    match content:
        case "gallery":
            tiles = tuple(enumerate(places("1:7", 8, *size).people))
        case "film":
            tiles = ((0, whole(*size)),)
        case _:
            tiles = (SLIDE, whole(*size)), (0, inset(*size))
    return Shot(content, 720, *size, tiles, 0.0, case.video_kbps)


def canvases(content: str, case: Case, films: Films, pictures: int) -> list[Canvas]:
    """So many pictures, drawn by the system's own compositor."""
    shown = shot(content, case)
    sources = {
        SourceId(str(camera)): _pictures(path, FPS // SLIDE_FPS if camera == SLIDE else 1)
        for (camera, _), path in zip(shown.tiles, shown.inputs(films), strict=True)
    }
    compositor, scene = Compositor(Cards()), shown.scene()
    drawn = []
    for slot in range(pictures):
        canvas = np.empty((case.height * 3 // 2, case.width), np.uint8)
        compositor.draw(slot, canvas, scene, {who: next(come) for who, come in sources.items()})
        drawn.append(canvas)
    return drawn


def _pictures(clip: Path, times: int) -> Iterator[Picture]:
    """Those of a clip, each so many times."""
    while True:
        with av.open(str(clip)) as source:
            for frame in source.decode(video=0):
                yield from islice(repeat(Picture.of(frame)), times)
