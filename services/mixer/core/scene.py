"""What a feed shows: a conference's view and stage made into tiles. Equal scenes look equal."""

from collections.abc import Mapping, Sequence, Set
from typing import Literal

import msgspec

from proto.media import Audience, FeedSpec
from proto.mixer import Slot
from proto.theme import SplashKind
from proto.views import ConferenceView, ParticipantView
from services.mixer.core import layouts
from services.mixer.core.layouts import Places, Rect
from services.mixer.core.layouts.rect import WIDEST
from services.mixer.core.rules import rules

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
    "Write the name, or `text`, into the picture."
    text: str = ""
    speaks: bool = False
    "Draw a frame round it."
    more: int = 0
    "Tell of so many people who are not seen."


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
    "Who is in which tile, tile by tile."
    pictures: bool = True
    "People are shown by their pictures, not by their names alone."

    def wanted(self) -> frozenset[SourceId]:
        """Whose pictures would be seen if all of them could be."""
        return frozenset(
            SourceId(slot.participant, "presentation" if slot.kind == "presentation" else "main")
            for slot in self.slots
            if self.pictures or slot.kind == "presentation"
        )

    def sources(self) -> frozenset[SourceId]:
        """Whose pictures are seen."""
        return frozenset(tile.source for tile in self.tiles if tile.source is not None)


Seat = tuple[Kind, ParticipantView, Rect]


def scene(
    view: ConferenceView,
    stage: tuple[str, ...],
    pictures: Set[SourceId],
    feed: FeedSpec,
    *,
    labels: bool = False,
    order: Sequence[str] = (),
    shapes: Mapping[SourceId, float] = {},
) -> Scene:
    """What `feed` shows while `stage` ranks the voices and `pictures` can be seen.

    Adaptive Composition goes by `order` (see `ranking`) and by the pictures' `shapes`, width to
    height.
    """
    draw = _Drawing(view, stage, pictures, feed, labels, order, shapes)
    presenter = view.find(view.presenter) if view.presenter else None
    if presenter is not None and presenter.is_streaming:
        presenter = None
    if draw.rules.waiting_screen:
        return draw.splash("stream_waiting")
    match feed.content:
        case "presentation" if presenter is None:
            return draw.splash("no_presentation")
        case "presentation" if presenter is not None:
            return draw.presentation(presenter, inset=False)
        case "single" if presenter is not None and draw.rules.in_mix:
            return draw.people(presenter)
        case "single" if presenter is not None:
            return draw.presentation(presenter, inset=feed.inset)
        case _:
            return draw.people()


def seen(view: ConferenceView, audience: Audience = "all") -> list[ParticipantView]:
    """Who can have a tile, in order of joining: who sends media or may, is in and is no stream."""
    return [p for p in view.shown_to(audience) if p.media is not None or p.by_call()]


class _Drawing:
    def __init__(
        self,
        view: ConferenceView,
        stage: tuple[str, ...],
        pictures: Set[SourceId],
        feed: FeedSpec,
        labels: bool,
        order: Sequence[str],
        shapes: Mapping[SourceId, float],
    ) -> None:
        self._view, self._pictures, self._feed = view, pictures, feed
        self.rules = rules(view, feed)
        self._labels = labels or self.rules.names
        people = seen(view, feed.audience)
        rank = {who: place for place, who in enumerate(stage)}
        self._ranked = sorted(people, key=lambda p: rank.get(p.participant, len(rank)))
        self._people = people
        self._order, self._shapes = order, shapes

    def people(self, presenter: ParticipantView | None = None) -> Scene:
        """Those who are there, and what `presenter` shows among them."""
        if not self._ranked and presenter is None:
            return self.splash("waiting")
        feed, layout = self._feed, self.rules.layout
        composed = self._composed() if layout == "ac" and presenter is None else None
        shapes = [self._shape(p) for p in composed or ()]
        places = layouts.places(
            layout,
            len(self._ranked),
            feed.width,
            feed.height,
            presentation=presenter is not None,
            shapes=shapes,
            extended=self.rules.extended,
        )
        seats = self._seated(places) if composed is None else _in_order(composed, places)
        tiles = [self._tile(p, rect, place) for place, (_, p, rect) in enumerate(seats)]
        unseen = len(self._ranked) - len(tiles)
        if unseen > 0 and len(tiles) > 1 and self.rules.plus_n:
            tiles[-1] = msgspec.structs.replace(tiles[-1], more=unseen)
        slots = [(kind, p) for kind, p, _ in seats]
        if presenter is not None and places.presentation is not None:
            tiles.insert(0, self._presented(presenter, places.presentation))
            slots.insert(0, ("presentation", presenter))
        return self._scene(tiles, slots)

    def presentation(self, presenter: ParticipantView, *, inset: bool) -> Scene:
        """What somebody shows, as large as it can be."""
        feed = self._feed
        tiles = [self._presented(presenter, layouts.whole(feed.width, feed.height))]
        slots: list[tuple[Kind, ParticipantView]] = [("presentation", presenter)]
        if inset and self._ranked:
            place = layouts.inset(feed.width, feed.height)
            tiles.append(self._tile(self._ranked[0], place, 0))
            slots.append(("inset", self._ranked[0]))
        return self._scene(tiles, slots)

    def splash(self, kind: SplashKind) -> Scene:
        return msgspec.structs.replace(self._scene([], []), splash=kind, name=self._view.name)

    def _composed(self) -> list[ParticipantView]:
        """Everybody in the composition's order; whom it does not know yet comes last."""
        place = {who: n for n, who in enumerate(self._order)}
        return sorted(self._ranked, key=lambda p: place.get(p.participant, len(place)))

    def _seated(self, places: Places) -> list[Seat]:
        """The large places are for who spoke last, the small ones for who spoke before that.

        Within each kind those who are shown keep their order of joining, so that a new speaker
        moves as few as can be.
        """
        mains, pips = len(places.mains), len(places.pips)
        large = self._as_they_came(self._ranked[:mains])
        small = self._as_they_came(self._ranked[mains : mains + pips])
        return _in_order([*large, *small], places)

    def _as_they_came(self, chosen: Sequence[ParticipantView]) -> list[ParticipantView]:
        known = {p.participant for p in chosen}
        return [p for p in self._people if p.participant in known]

    def _shape(self, who: ParticipantView) -> float:
        source = SourceId(who.participant)
        visible = source in self._pictures and self.rules.pictures
        return self._shapes.get(source, WIDEST) if visible else WIDEST

    def _presented(self, presenter: ParticipantView, rect: Rect) -> Tile:
        source = SourceId(presenter.participant, "presentation")
        visible = source in self._pictures
        return Tile(rect, source if visible else None, presenter.display_name, whole=True)

    def _tile(self, who: ParticipantView, rect: Rect, place: int) -> Tile:
        source, texts = SourceId(who.participant), self.rules.texts
        visible = source in self._pictures and self.rules.pictures
        text = texts[place] if place < len(texts) else ""
        return Tile(
            rect,
            source if visible else None,
            who.display_name,
            label=bool(text) or (self._labels and visible),
            text=text,
            speaks=self.rules.active_speaker and who is self._ranked[0],
        )

    def _scene(self, tiles: list[Tile], slots: list[tuple[Kind, ParticipantView]]) -> Scene:
        if len(tiles) == 1:
            # Nobody has to be told from others.
            tiles = [msgspec.structs.replace(tiles[0], speaks=False)]
        return Scene(
            self._feed.width,
            self._feed.height,
            self.rules.layout,
            tuple(tiles),
            slots=tuple(Slot(kind, p.participant) for kind, p in slots),
            pictures=self.rules.pictures,
        )


def _in_order(people: Sequence[ParticipantView], places: Places) -> list[Seat]:
    kinds: list[Kind] = ["main" for _ in places.mains]
    kinds += ["pip" for _ in places.pips]
    return list(zip(kinds, people, places.people, strict=False))
