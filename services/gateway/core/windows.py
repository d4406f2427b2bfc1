"""Which conferences ran at some time, and from when to when each time they did. Pure."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import msgspec

from proto.conference import ConferenceEnded, ConferenceStarted
from proto.conference.events import ConferenceEvent

AFTERMATH = timedelta(seconds=60)
"""Within which everything that ran for a conference has said that it has stopped."""

FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class Window(msgspec.Struct, frozen=True):
    """One time that a conference ran; its messages are those in between."""

    begins: datetime = FIRST
    ended: datetime | None = None
    "None: it runs."
    ends: datetime = LAST

    def holds(self, moment: datetime) -> bool:
        return self.begins <= moment < self.ends


class Windows:
    """Told of every commit in order, knows what ran between `since` and `until`."""

    def __init__(self, since: datetime | None, until: datetime | None) -> None:
        self._since = since or FIRST
        self._until = until or LAST
        self._running: dict[str, Window] = {}
        self._last: dict[str, Window] = {}
        "The one that has ended, whose last messages may still come."
        self.overlapping: dict[str, list[Window]] = {}

    @property
    def settled(self) -> bool:
        """Nothing that is to be known runs any more."""
        return not any(window.begins <= self._until for window in self._running.values())

    def take(self, conference: str, at: datetime, events: Collection[ConferenceEvent]) -> None:
        """One commit. What begins in the middle, as where old messages are gone, begins there."""
        if conference not in self._running:
            if not any(isinstance(event, ConferenceStarted) for event in events) and (
                conference in self._last
            ):
                return
            self._cut(conference, at)
            self._begin(conference, Window(at))
        if any(isinstance(event, ConferenceEnded) for event in events):
            begun = self._running.pop(conference)
            self._replace(conference, begun, Window(begun.begins, at, at + AFTERMATH))

    def _begin(self, conference: str, window: Window) -> None:
        self._running[conference] = window
        if window.begins <= self._until:
            self.overlapping.setdefault(conference, []).append(window)

    def _replace(self, conference: str, begun: Window, ended: Window) -> None:
        self._last[conference] = ended
        found = self.overlapping.get(conference)
        if not found or found[-1] is not begun:
            return
        found.pop()
        if ended.ended is not None and ended.ended >= self._since:
            found.append(ended)
        elif not found:
            del self.overlapping[conference]

    def _cut(self, conference: str, at: datetime) -> None:
        """The next one begins before the last one's aftermath is over."""
        last, found = self._last.get(conference), self.overlapping.get(conference)
        if last is not None and found and found[-1] == last:
            found[-1] = Window(last.begins, last.ended, min(last.ends, at))
