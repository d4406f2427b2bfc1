"""Which sources are open: those of the participants in the view whose addresses are known."""

from collections.abc import Callable

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
        self.sources: dict[SourceId, Source] = {}

    def show(self, view: ConferenceView) -> None:
        """The conference is like this now."""
        before = wanted(self._view) if self._view is not None else []
        self._view = view
        # An address may come before the view that wants it: only what was wanted is dropped.
        for source in set(before) - set(wanted(view)):
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
        for source in list(self.sources):
            self._close(source)

    def _open_all(self) -> None:
        if self._view is None:
            return
        for source in wanted(self._view):
            address = "" if self._replay else self._addresses.get(source)
            if source not in self.sources and address is not None:
                self.sources = {**self.sources, source: self._open_source(source, address)}

    def _close(self, source: SourceId) -> None:
        if source in self.sources:
            self.sources[source].close()
            self.sources = {s: reader for s, reader in self.sources.items() if s != source}


def wanted(view: ConferenceView) -> list[SourceId]:
    """What everybody sends who is in. A presentation is open before it is presented, to be there
    at once."""
    people = view.shown_to("all")
    return [SourceId(person.participant) for person in people if person.media is not None] + [
        SourceId(p.participant, "presentation") for p in people if p.presentation is not None
    ]
