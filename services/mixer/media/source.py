"""One source of media: a thread that opens it, plays it and, for ever, opens it again."""

import threading
from collections.abc import Callable
from typing import Protocol

import structlog

from proto.mixer import SourceState
from services.mixer.media.inbox import Inbox
from services.mixer.media.opening import UNREADABLE, open_media, why
from services.mixer.media.picture import Picture
from services.mixer.media.reader import Reader
from services.mixer.media.voice import Voice

log = structlog.get_logger()

STALLED_AFTER = 1.0
"""Seconds without anything due: long enough not to be a hiccup, short enough to be of use."""

FREEZE = 5.0
"""Seconds that the last picture of a source stays when no more come; then a card with the name
takes its place."""

FIRST_RETRY = 0.5
LAST_RETRY = 10.0
"""Seconds between attempts to open a source; doubled each time, begun anew after it was live."""

Report = Callable[[SourceState, str], None]


class Source(Protocol):
    """What the mix needs of a source; all seconds are the mix's."""

    @property
    def voice(self) -> Voice: ...
    def picture(self, at: float) -> Picture | None: ...
    def showable(self, now: float) -> bool: ...
    def show(self, visible: bool) -> None: ...
    def check(self, now: float) -> None: ...
    def close(self) -> None: ...


class FedSource:
    """What sources have in common that somebody feeds. Its methods are for the mix."""

    def __init__(self, clock: Callable[[], float], report: Report) -> None:
        """`clock` tells the mix's seconds; `report` hears each change of state once."""
        self._clock = clock
        self._report = report
        self._inbox = Inbox()
        self._state: SourceState = "connecting"
        self._lock = threading.Lock()
        self._report("connecting", "")

    @property
    def voice(self) -> Voice:
        return self._inbox.voice

    def picture(self, at: float) -> Picture | None:
        """The newest picture due by then."""
        return self._inbox.picture(at)

    def showable(self, now: float) -> bool:
        """Its picture is not too old to be shown."""
        return self._inbox.still or now < self._inbox.seen_until + FREEZE

    def show(self, visible: bool) -> None:
        """Of a hidden source little is decoded, or kept."""
        self._inbox.show(visible)

    def check(self, now: float) -> None:
        """Notice that nothing comes any more."""
        if not self._inbox.still and now > self._inbox.until + STALLED_AFTER:
            self._become("stalled", "no media for a second", only_from="live")

    def _become(
        self, state: SourceState, reason: str = "", *, only_from: SourceState | None = None
    ) -> None:
        with self._lock:
            if self._inbox.is_closed() or state == self._state:
                return
            if only_from is not None and self._state != only_from:
                return
            self._state = state
            self._report(state, reason)


class UrlSource(FedSource):
    """Whatever libav reads. Its thread keeps to itself."""

    def __init__(self, url: str, clock: Callable[[], float], report: Report) -> None:
        super().__init__(clock, report)
        self._url = url
        self._was_live = False
        self._thread = threading.Thread(target=self._run, name="source", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ask the thread to end; what hangs in a library ends by its time-outs."""
        self._inbox.close()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def _run(self) -> None:
        delay = FIRST_RETRY
        while not self._inbox.is_closed():
            self._was_live = False
            try:
                self._play()
                self._become("ended", "the source has ended")
            except UNREADABLE as exc:
                if self._state != "broken":
                    log.info("source lost", kind=type(exc).__name__)
                self._become("broken", why(exc))
            if self._was_live:
                delay = FIRST_RETRY
            self._inbox.rest(delay)
            delay = min(delay * 2, LAST_RETRY)

    def _play(self) -> None:
        with open_media(self._url, self._inbox.is_closed) as opened:
            Reader(opened, self._inbox, self._clock, self._media_came).play()

    def _media_came(self) -> None:
        self._was_live = True
        if self._state != "live":
            self._become("live")
