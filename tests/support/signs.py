"""A sheet of indicators in motion: `python -m tests.support.signs FILE.png` draws it anew, and
`python -m tests.support.signs` says what indicators cost.

Top to bottom the seconds of `PHASES`, left to right layouts and backgrounds.
"""

import sys
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
from PIL import Image

from proto.conference import Transforms
from proto.media import FeedSpec
from proto.mixer import Slot
from proto.views import ConferenceView
from services.mixer.core import palette
from services.mixer.core.layouts import Rect
from services.mixer.core.palette import Rgb
from services.mixer.core.scene import Scene, SourceId, Tile
from services.mixer.media.cards import Cards
from services.mixer.media.compositor import Compositor
from services.mixer.media.picture import Picture
from services.mixer.media.signs import Signs
from services.mixer.theme import Theme, default
from tests.support.watch import rgb

SIZE = (1280, 720)
PHASES = (0.1, 0.3, 0.35, 0.5, 3.0, 5.65, 5.8, 6.1)
"""Seconds since the indicators came on."""

WHITE, BLACK, GREY = (250, 250, 250), (0, 0, 0), (92, 112, 128)
ANN = SourceId("ann")

Pixels = npt.NDArray[np.uint8]


def on(*kinds: str, layout: str = "1:7", **more: bool) -> ConferenceView:
    """A conference with these indicators."""
    transforms = msgspec.convert(more, Transforms)
    view = ConferenceView("c", 1, running=True, layout=layout, transforms=transforms)
    return msgspec.structs.replace(view, **{f"{kind}_indicator": True for kind in kinds})


def one_person(layout: str, size: tuple[int, int] = SIZE, main: Rect | None = None) -> Scene:
    """Somebody whose picture is flat."""
    rect = main or Rect(0, 0, *size)
    return Scene(*size, view=layout, tiles=(Tile(rect, ANN, "Ann"),), slots=(Slot("main", "ann"),))


def painted(
    view: ConferenceView,
    scene: Scene,
    at: float,
    colour: Rgb = GREY,
    theme: Theme | None = None,
    feed: FeedSpec | None = None,
    pictures: Mapping[SourceId, Picture] | None = None,
) -> Pixels:
    """What is seen so many seconds after the conference became like this."""
    theme = theme or default()
    signs = Signs(theme)
    signs.follow(msgspec.structs.replace(view, running=False), 99.0)
    signs.follow(view, 100.0)
    feed = feed or FeedSpec("c", width=scene.width, height=scene.height)
    stamps = signs.stamps(view, feed, scene, 100.0 + at)
    canvas = np.zeros((scene.height * 3 // 2, scene.width), np.uint8)
    if pictures is None:
        pictures = {ANN: Picture.flat(palette.yuv(colour), 320, 180)}
    Compositor(Cards()).draw(0, canvas, scene, pictures, stamps, theme)
    return rgb(canvas)


def sheet() -> Image.Image:
    """Rows of the same moments."""
    beside = Rect(106, 8, 1068, 600)
    columns = [
        (on("streaming"), one_person("1:7", main=beside), GREY, (880, 0, 1280, 106)),
        (on("streaming", "recording"), one_person("1:0"), WHITE, (880, 0, 1280, 106)),
        (on("streaming", "recording"), one_person("ac"), GREY, (400, 0, 880, 106)),
        (on("recording", "transcribing"), one_person("ac"), BLACK, (400, 0, 880, 106)),
    ]
    strips = [
        [Image.fromarray(painted(view, scene, at, colour)).crop(box) for at in PHASES]
        for view, scene, colour, box in columns
    ]
    return _grid(strips)


def _grid(strips: list[list[Image.Image]]) -> Image.Image:
    """Each strip from top to bottom."""
    space = 6
    wide = sum(strip[0].width + space for strip in strips) + space
    high = sum(one.height + space for one in strips[0]) + space
    whole, x = Image.new("RGB", (wide, high), (200, 204, 210)), space
    for strip in strips:
        for n, one in enumerate(strip):
            whole.paste(one, (x, space + n * (one.height + space)))
        x += strip[0].width + space
    return whole


def cost() -> None:
    """What still indicators cost over a moving picture of 720p, at 30 pictures a second."""
    scene, feed = one_person("1:0"), FeedSpec("c")
    pictures = [{ANN: Picture.flat(palette.yuv(GREY), 1280, 720)} for _ in range(2)]
    spent: list[float] = []
    for kinds in ((), ("streaming",), ("streaming", "recording")):
        signs, view, compositor = Signs(default()), on(*kinds), Compositor(Cards())
        canvas = np.zeros((1080, 1280), np.uint8)
        signs.follow(view, 0.0)
        begun = time.process_time()
        for n in range(3000):
            at = 30 + n / 100
            signs.follow(view, at)
            stamps = signs.stamps(view, feed, scene, at)
            compositor.draw(0, canvas, scene, pictures[n % 2], stamps)
        spent.append((time.process_time() - begun) / 100)
    for count, core in enumerate(spent):
        print(f"{count} indicators: {core:.5f} core, {core - spent[0]:.5f} of them for indicators")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sheet().save(Path(sys.argv[1]), optimize=True)
    else:
        cost()
