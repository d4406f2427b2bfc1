"""What a feed shows: a conference's view and stage made into tiles. Equal scenes look equal."""

from collections.abc import Set
from typing import Literal

import msgspec

from proto.media import Audience, FeedSpec
from proto.mixer import Slot
from proto.theme import SplashKind
from proto.views import ConferenceView, ParticipantView
from services.mixer.core import layouts
from services.mixer.core.layouts import Rect

Kind = Literal["main", "pip", "presentation", "inset"]
Content = Literal["main", "presentation"]


class SourceId(msgspec.Struct, frozen=True):
    """One of the media that a participant sends."""

    participant: str
    content: Content = "main"


class Tile(msgspec.Struct, frozen=True):
    """A place on the canvas and what fills it."""

    rect: Rect
    source: SourceId | None
    "Whose picture it is; nothing: a card with the name."
    name: str
    whole: bool = False
    "Show all of the picture, on black where it does not fill the place; otherwise crop it."
    label: bool = False
    "Write the name into the picture."


class Scene(msgspec.Struct, frozen=True):
    """All that is seen, tiles from back to front."""

    width: int
    height: int
    view: str = layouts.DEFAULT
    tiles: tuple[Tile, ...] = ()
    splash: SplashKind | None = None
    "There is nobody to be shown: which of the theme's screens is."
    name: str = ""
    "The conference's, for that screen."
    slots: tuple[Slot, ...] = ()

    def wanted(self) -> frozenset[SourceId]:
        """Whose pictures would be seen if all of them could be."""
        return frozenset(
            SourceId(slot.participant, "presentation" if slot.kind == "presentation" else "main")
            for slot in self.slots
        )

    def sources(self) -> frozenset[SourceId]:
        """Whose pictures are seen."""
        return frozenset(tile.source for tile in self.tiles if tile.source is not None)


def scene(
    view: ConferenceView,
    stage: tuple[str, ...],
    pictures: Set[SourceId],
    feed: FeedSpec,
    *,
    labels: bool = False,
) -> Scene:
    """What `feed` shows while `stage` ranks the voices and `pictures` can be seen."""
    draw = _Drawing(view, stage, pictures, feed, labels)
    presenter = view.find(view.presenter) if view.presenter else None
    if presenter is not None and presenter.is_streaming:
        presenter = None
    match feed.content:
        case "presentation" if presenter is None:
            return draw.splash("no_presentation")
        case "presentation" | "single" if presenter is not None:
            return draw.presentation(presenter, inset=feed.content == "single")
        case _:
            return draw.people()


def seen(view: ConferenceView, audience: Audience = "all") -> list[ParticipantView]:
    """Who can have a tile, in order of joining: whoever sends media, is in and is not a stream."""
    return [p for p in view.shown_to(audience) if p.media is not None]


class _Drawing:
    def __init__(
        self,
        view: ConferenceView,
        stage: tuple[str, ...],
        pictures: Set[SourceId],
        feed: FeedSpec,
        labels: bool,
    ) -> None:
        self._view, self._pictures, self._feed, self._labels = view, pictures, feed, labels
        people = seen(view, feed.audience)
        rank = {who: place for place, who in enumerate(stage)}
        self._ranked = sorted(people, key=lambda p: rank.get(p.participant, len(rank)))
        self._people = people
        for_guests = view.guest_layout if feed.audience == "guests" else ""
        self._layout = feed.layout or for_guests or view.layout

    def people(self) -> Scene:
        if not self._ranked:
            return self.splash("waiting")
        feed = self._feed
        places = layouts.places(self._layout, len(self._ranked), feed.width, feed.height)
        active = self._ranked[0]
        # Those who are shown keep their order of joining, so that a new speaker moves only two.
        chosen = {p.participant for p in self._ranked[1 : 1 + len(places.pips)]}
        small = [p for p in self._people if p.participant in chosen]
        shown: list[tuple[Kind, ParticipantView, Rect]] = [("main", active, places.main)]
        shown += [("pip", p, rect) for p, rect in zip(small, places.pips, strict=True)]
        return self._scene(
            [self._tile(p, rect) for _, p, rect in shown], [(kind, p) for kind, p, _ in shown]
        )

    def presentation(self, presenter: ParticipantView, *, inset: bool) -> Scene:
        feed = self._feed
        source = SourceId(presenter.participant, "presentation")
        tile = Tile(
            layouts.whole(feed.width, feed.height),
            source if source in self._pictures else None,
            presenter.display_name,
            whole=True,
        )
        tiles = [tile]
        slots: list[tuple[Kind, ParticipantView]] = [("presentation", presenter)]
        if inset and self._ranked:
            tiles.append(self._tile(self._ranked[0], layouts.inset(feed.width, feed.height)))
            slots.append(("inset", self._ranked[0]))
        return self._scene(tiles, slots)

    def splash(self, kind: SplashKind) -> Scene:
        return msgspec.structs.replace(self._scene([], []), splash=kind, name=self._view.name)

    def _tile(self, who: ParticipantView, rect: Rect) -> Tile:
        source = SourceId(who.participant)
        visible = source in self._pictures
        return Tile(
            rect, source if visible else None, who.display_name, label=self._labels and visible
        )

    def _scene(self, tiles: list[Tile], slots: list[tuple[Kind, ParticipantView]]) -> Scene:
        return Scene(
            self._feed.width,
            self._feed.height,
            self._layout,
            tuple(tiles),
            slots=tuple(Slot(kind, p.participant) for kind, p in slots),
        )
