"""The picture that everyone has to make: eight people in `1:7`, composed beforehand, in memory.

The system's own compositor draws it, so that the floor encodes the very pictures that the system
encodes: another scaling filter would make them sharper or softer, and dearer or cheaper.
"""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from bench.inputs import MAIN, Case
from services.mixer.core.layouts import Rect, places
from services.mixer.core.scene import Scene, SourceId, Tile
from services.mixer.media.cards import Cards
from services.mixer.media.compositor import Compositor
from services.mixer.media.picture import Picture

Canvas = NDArray[np.uint8]


def rectangles(case: Case, participants: int) -> list[Rect]:
    """The place of each participant, in their order; the active speaker has the large one."""
    found = places("1:7", participants, case.width, case.height)
    small = iter(found.pips)
    return [found.main if n == MAIN else next(small) for n in range(participants)]


def scene(case: Case, participants: int) -> Scene:
    tiles = [
        Tile(rect, SourceId(str(n)), "") for n, rect in enumerate(rectangles(case, participants))
    ]
    return Scene(case.width, case.height, tiles=tuple(tiles))


def canvases(clips: list[Path], case: Case, pictures: int) -> list[Canvas]:
    """So many pictures of the output, each a contiguous I420 canvas."""
    return [canvas for canvas, _ in zip(_drawn(clips, case), range(pictures), strict=False)]


def _drawn(clips: list[Path], case: Case) -> Iterator[Canvas]:
    shown = scene(case, len(clips))
    sources = [_pictures(clip) for clip in clips]
    compositor = Compositor(Cards())
    for slot in count():
        canvas = np.empty((case.height * 3 // 2, case.width), np.uint8)
        now = {SourceId(str(n)): next(source) for n, source in enumerate(sources)}
        compositor.draw(slot, canvas, shown, now)
        yield canvas


def _pictures(clip: Path) -> Iterator[Picture]:
    while True:
        with av.open(str(clip)) as source:
            yield from map(Picture.of, source.decode(video=0))
