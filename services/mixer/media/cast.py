"""Which sources are open: those of the participants in the view whose addresses are known."""

from collections.abc import Callable, Mapping

from proto.views import ConferenceView
from services.mixer.core.scene import SourceId
from services.mixer.media.source import Source

OpenSource = Callable[[SourceId, str], Source]
"""From an address, whatever it is, to a source that reads it."""


class Cast:
    """Opens and closes sources as participants come and go. For one thread."""

    def __init__(self, open_source: OpenSource, *, replay: bool = False) -> None:
        self._open_source = open_source
        self._replay = replay
        self._view: ConferenceView | None = None
        self._addresses: dict[SourceId, str] = {}
        self._opened: dict[SourceId, Source] = {}
        self._called: Mapping[SourceId, Source] = {}

    @property
    def sources(self) -> dict[SourceId, Source]:
        """All that there are."""
        return {**self._opened, **self._called}

    def calls(self, called: Mapping[SourceId, Source]) -> None:
        """What comes by calls now; whoever makes them opens and closes them."""
        self._called = called

    def show(self, view: ConferenceView) -> None:
        """The conference is like this now."""
        before = self._wanted(self._view) if self._view is not None else []
        self._view = view
        # An address may come before the view that wants it: only what was wanted is dropped.
        for source in set(before) - set(self._wanted(view)):
            self._addresses.pop(source, None)
            self._close(source)
        self._open_all()

    def address(self, source: SourceId, address: str) -> None:
        """Where a source is; opened at once if it is wanted."""
        if self._addresses.get(source) != address:
            self._close(source)
            self._addresses[source] = address
            self._open_all()

    def close(self) -> None:
        for source in list(self._opened):
            self._close(source)

    def _open_all(self) -> None:
        if self._view is None:
            return
        for source in self._wanted(self._view):
            address = "" if self._replay else self._addresses.get(source)
            if source not in self._opened and address is not None:
                self._opened[source] = self._open_source(source, address)

    def _close(self, source: SourceId) -> None:
        if source in self._opened:
            self._opened.pop(source).close()

    def _wanted(self, view: ConferenceView) -> list[SourceId]:
        return wanted(view) + (calling(view) if self._replay else [])


def wanted(view: ConferenceView) -> list[SourceId]:
    """What everybody sends who is in. A presentation is open before it is presented, to be there
    at once."""
    people = view.shown_to("all")
    return [SourceId(person.participant) for person in people if person.media is not None] + [
        SourceId(p.participant, "presentation") for p in people if p.presentation is not None
    ]


def calling(view: ConferenceView) -> list[SourceId]:
    """What comes by calls, as far as a view tells: a replay shows something in its place."""
    people = [person.participant for person in view.shown_to("all") if person.by_call()]
    shown = [SourceId(who, "presentation") for who in people if who == view.presenter]
    return [SourceId(who) for who in people] + shown
