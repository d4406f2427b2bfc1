"""Draws scenes into the canvases of a feed's ring, and no more of them than has changed.

A canvas is contiguous I420. Each slot of the ring remembers what it shows, tile by tile.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from services.mixer.core import palette
from services.mixer.core.layouts import Rect, crops, even, whole
from services.mixer.core.scene import Scene, SourceId, Tile
from services.mixer.media.cards import Cards
from services.mixer.media.colour import Matrix
from services.mixer.media.marks import Mark, Marks
from services.mixer.media.overlays import Overlays, Stamp
from services.mixer.media.painting import Painter, Painting
from services.mixer.media.picture import Picture
from services.mixer.media.planes import Plane, Planes, cut, fill, split
from services.mixer.media.scaling import crop, letterbox
from services.mixer.theme import Theme, default

Geometry = tuple[int, int, float, Matrix, int]


class Compositor:
    """For one feed and one thread."""

    def __init__(self, cards: Cards) -> None:
        self._cards = cards
        self._marks = Marks()
        self._painter = Painter()
        self._slots: dict[int, _Slot] = {}
        self._newest: _Slot | None = None
        "Drawn last."

    @property
    def painted(self) -> int:
        """How often a tile was made from its picture; what another canvas shows is copied."""
        return self._painter.painted

    def draw(
        self,
        slot: int,
        canvas: Plane,
        scene: Scene,
        pictures: Mapping[SourceId, Picture],
        stamps: Sequence[Stamp] = (),
        theme: Theme | None = None,
    ) -> int:
        """Make `canvas` show `scene` and `stamps` over it; returns how many tiles were not there
        yet."""
        theme = theme or default()
        drawn = self._slots.get(slot)
        if (
            drawn is None
            or (drawn.scene is not scene and drawn.scene != scene)
            or (drawn.theme is not theme and scene.splash is not None)
        ):
            drawn = self._slots[slot] = _Slot(
                scene, canvas, self._cards, self._marks, self._painter, theme
            )
        newest, self._newest = self._newest, drawn
        alike = newest is not None and newest is not drawn and newest.scene == drawn.scene
        return drawn.update(pictures, newest if alike else None, stamps)


class _Slot:
    """One canvas that shows a scene, and which pictures of it."""

    def __init__(
        self,
        scene: Scene,
        canvas: Plane,
        cards: Cards,
        marks: Marks,
        painter: Painter,
        theme: Theme,
    ) -> None:
        self.scene, self.theme = scene, theme
        planes = self._canvas = split(canvas)
        self._overlays = Overlays(planes)
        fill(planes, palette.yuv(palette.BACKDROP))
        if scene.splash is not None:
            splash = cards.splash(theme, scene.splash, scene.name, scene.width, scene.height)
            everything = whole(scene.width, scene.height)
            _Place(Tile(everything, None, ""), planes, cards, (), painter).draw(splash)
        shorter = min(scene.width, scene.height)
        self._places = [
            _Place(tile, planes, cards, marks.of(tile, shorter), painter) for tile in scene.tiles
        ]
        self._behind = [
            [n for n, other in enumerate(scene.tiles[:at]) if other.rect.overlaps(tile.rect)]
            for at, tile in enumerate(scene.tiles)
        ]
        "Which tiles each one covers."

    def update(
        self,
        pictures: Mapping[SourceId, Picture],
        newest: "_Slot | None",
        stamps: Sequence[Stamp],
    ) -> int:
        """Draw the tiles whose picture is another one, those in front of them, and the stamps.

        What `newest`, a canvas of the same scene, shows already is copied from there.
        """
        changed: set[int] = set()
        for n, place in enumerate(self._places):
            source = place.tile.source
            picture = pictures.get(source) if source is not None else None
            if picture is None:
                picture = place.card()
            if place.serial != picture.serial or not changed.isdisjoint(self._behind[n]):
                self._overlays.lift(place.tile.rect)
                self._show(n, picture, newest)
                changed.add(n)
        self._overlays.lay(stamps)
        return len(changed)

    def _show(self, n: int, picture: Picture, newest: "_Slot | None") -> None:
        """Copy a tile from another canvas that shows that picture there, or draw it."""
        place = self._places[n]
        twin = newest._places[n] if newest is not None else None
        if newest is None or twin is None or twin.serial != picture.serial:
            place.draw(picture)
            return
        place.copy(twin)
        newest._overlays.behind(place.tile.rect, self._canvas)


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

    def copy(self, twin: "_Place") -> None:
        """Show what the same place on another canvas shows."""
        self.serial = twin.serial
        if self._geometry != twin._geometry:
            # What lies beside the picture comes along: it is drawn anew when the shape changes.
            self._geometry, self._painting = twin._geometry, None
        theirs = cut(twin._canvas, self.tile.rect)
        for mine, plane in zip(cut(self._canvas, self.tile.rect), theirs, strict=True):
            np.copyto(mine, plane)

    def draw(self, picture: Picture) -> None:
        halved = len(picture.smaller)
        geometry = (picture.width, picture.height, picture.aspect, picture.matrix, halved)
        if self._painting is None or geometry != self._geometry:
            self._geometry = geometry
            self._painting = self._plan(picture)
        self.serial = picture.serial
        self._painter.painted += 1
        self._painting.paint(picture)
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
