"""Draws scenes into the canvases of a feed's ring, and no more of them than has changed.

A canvas is contiguous I420. Each slot of the ring remembers what it shows, tile by tile.
"""

from collections.abc import Mapping, Sequence

from services.mixer.core import palette
from services.mixer.core.layouts import Rect, crops, even, whole
from services.mixer.core.scene import Scene, SourceId, Tile
from services.mixer.media.cards import Cards
from services.mixer.media.colour import Matrix
from services.mixer.media.marks import Mark, Marks
from services.mixer.media.painting import Painter, Painting
from services.mixer.media.picture import Picture
from services.mixer.media.planes import Plane, Planes, cut, fill, split
from services.mixer.media.scaling import crop, letterbox

Geometry = tuple[int, int, float, Matrix]


class Compositor:
    """For one feed and one thread."""

    def __init__(self, cards: Cards) -> None:
        self._cards = cards
        self._marks = Marks()
        self._painter = Painter()
        self._slots: dict[int, _Slot] = {}

    def draw(
        self, slot: int, canvas: Plane, scene: Scene, pictures: Mapping[SourceId, Picture]
    ) -> int:
        """Make `canvas` show `scene`; returns how many tiles had to be drawn."""
        drawn = self._slots.get(slot)
        if drawn is None or (drawn.scene is not scene and drawn.scene != scene):
            drawn = self._slots[slot] = _Slot(
                scene, canvas, self._cards, self._marks, self._painter
            )
        return drawn.update(pictures)


class _Slot:
    """One canvas that shows a scene, and which pictures of it."""

    def __init__(
        self, scene: Scene, canvas: Plane, cards: Cards, marks: Marks, painter: Painter
    ) -> None:
        self.scene = scene
        planes = split(canvas)
        fill(planes, palette.yuv(palette.BACKDROP))
        if scene.slate is not None:
            slate = cards.slate(scene.slate, scene.width, scene.height)
            everything = whole(scene.width, scene.height)
            _Place(Tile(everything, None, ""), planes, cards, (), painter).draw(slate)
        shorter = min(scene.width, scene.height)
        self._places = [
            _Place(tile, planes, cards, marks.of(tile, shorter), painter) for tile in scene.tiles
        ]
        self._behind = [
            [n for n, other in enumerate(scene.tiles[:at]) if other.rect.overlaps(tile.rect)]
            for at, tile in enumerate(scene.tiles)
        ]
        "Which tiles each one covers."

    def update(self, pictures: Mapping[SourceId, Picture]) -> int:
        """Draw the tiles whose picture is another one, and those in front of them."""
        changed: set[int] = set()
        for n, place in enumerate(self._places):
            source = place.tile.source
            picture = pictures.get(source) if source is not None else None
            if picture is None:
                picture = place.card()
            if place.serial != picture.serial or not changed.isdisjoint(self._behind[n]):
                place.draw(picture)
                changed.add(n)
        return len(changed)


class _Place:
    """One tile on one canvas."""

    def __init__(
        self, tile: Tile, canvas: Planes, cards: Cards, marks: Sequence[Mark], painter: Painter
    ) -> None:
        self.tile = tile
        self.serial = 0
        "Of the picture that it shows."
        self._canvas = canvas
        self._cards = cards
        self._painter = painter
        self._geometry: Geometry | None = None
        self._painting: Painting | None = None
        self._marks = marks

    def card(self) -> Picture:
        return self._cards.name(self.tile.name, self.tile.rect.width, self.tile.rect.height)

    def draw(self, picture: Picture) -> None:
        geometry = (picture.width, picture.height, picture.aspect, picture.matrix)
        if self._painting is None or geometry != self._geometry:
            self._geometry = geometry
            self._painting = self._plan(picture)
        self.serial = picture.serial
        self._painting.paint(picture.planes)
        if self._marks:
            place = cut(self._canvas, self.tile.rect)
            for mark in self._marks:
                mark.draw(place)

    def _plan(self, picture: Picture) -> Painting:
        """Which part of such a picture goes where."""
        place = self.tile.rect
        if not self.tile.whole and crops(picture.aspect, place.width, place.height):
            part = crop(picture, place.width, place.height)
            return Painting(self._painter, picture, part, cut(self._canvas, place))
        inner = letterbox(picture, place)
        if inner != place:
            beside = palette.BLACK if self.tile.whole else palette.yuv(palette.PAD)
            fill(cut(self._canvas, place), beside)
        part = Rect(0, 0, even(picture.width), even(picture.height))
        return Painting(self._painter, picture, part, cut(self._canvas, inner))
