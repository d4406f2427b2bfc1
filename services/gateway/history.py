"""Logs of conferences as lines of JSON: what every service said, in order of time.

Nothing is collected: of each family the next message is at hand, and no more than that.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, aclosing
from datetime import datetime
from importlib.metadata import version

import msgspec
import nats.js.errors
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from kit.follow import reading
from proto import subjects
from proto.base import encode
from proto.conference import decode_commit
from proto.conference.events import ConferenceEvent
from proto.export import (
    FORMAT,
    End,
    EndLine,
    Header,
    HeaderLine,
    Line,
    Settings,
    SettingsLine,
    ViewLine,
    without_pins,
)
from proto.subjects import FAMILIES, Family
from proto.views import ConferenceView
from services.gateway.core.windows import Window, Windows
from services.gateway.store import Store

FETCH = 256
"""Messages per fetch; one is a few hundred bytes."""

FETCH_TIMEOUT = 5.0
"""Seconds for a fetch of what is known to be there."""

LONGEST = 10_000
"""Conferences in one export: more are asked for by smaller pieces of time."""


class TooMany(Exception):
    """More conferences ran in that time than one export may have."""


class Exporter:
    def __init__(
        self,
        js: JetStreamContext,
        store: Store,
        views: Mapping[str, ConferenceView],
        now: Callable[[], datetime],
    ) -> None:
        self._js = js
        self._store = store
        self._views = views
        self.now = now

    async def chosen(
        self, since: datetime | None, until: datetime | None, conference: str = "*"
    ) -> dict[str, list[Window]]:
        """The conferences that ran at some time between, and when they did. Raises TooMany."""
        windows = Windows(since, until)
        async with aclosing(self._stored("conference", conference)) as stored:
            async for msg in stored:
                if until is not None and msg.metadata.timestamp > until and windows.settled:
                    break
                key = msg.subject.rpartition(".")[2]
                windows.take(key, msg.metadata.timestamp, _events(msg.data))
                if len(windows.overlapping) > LONGEST:
                    raise TooMany
        return windows.overlapping

    async def export(
        self,
        chosen: dict[str, list[Window]],
        at: datetime,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> AsyncIterator[bytes]:
        """The whole file, line by line."""
        header = Header(FORMAT, version("rostrum"), at, list(chosen), since, until)
        yield _line(HeaderLine(header))
        lines = 1
        for conference, windows in chosen.items():
            async for line in self._conference(conference, windows):
                yield line
                lines += 1
        yield _line(EndLine(End(lines)))

    async def _conference(self, conference: str, windows: list[Window]) -> AsyncIterator[bytes]:
        yield _line(SettingsLine(self._settings(conference)))
        async for line in self._messages(conference):
            if any(window.holds(line.time) for window in windows):
                yield _line(line)
        yield _line(ViewLine(self._views.get(conference) or ConferenceView(conference, 0)))

    def _settings(self, conference: str) -> Settings:
        now = self._store.now
        found = next((c for c in now.conferences.values() if c.key == conference), None)
        automatic = [a for a in now.automatic.values() if found and found.id in a.conference]
        themes = [theme for theme in now.themes.values() if theme.package]
        vmr = without_pins(found) if found else None
        return Settings(conference, now.of("global")[1], vmr, automatic, themes)

    async def _messages(self, conference: str) -> AsyncGenerator[Line, None]:
        """All five families, merged by time."""
        async with AsyncExitStack() as stack:
            heads: list[tuple[Line, AsyncGenerator[Line, None]]] = []
            for family in FAMILIES:
                lines = self._lines(family, conference)
                stack.push_async_callback(lines.aclose)
                if (first := await anext(lines, None)) is not None:
                    heads.append((first, lines))
            while heads:
                heads.sort(key=lambda head: (head[0].time, head[0].family))
                line, lines = heads.pop(0)
                yield line
                if (following := await anext(lines, None)) is not None:
                    heads.append((following, lines))

    async def _lines(self, family: Family, conference: str) -> AsyncGenerator[Line, None]:
        async for msg in self._stored(family, conference):
            sequence, time = msg.metadata.sequence.stream, msg.metadata.timestamp
            yield Line(family, sequence, time, msgspec.Raw(msg.data), conference)

    async def _stored(self, family: Family, conference: str) -> AsyncGenerator[Msg, None]:
        """What is there now; what comes meanwhile is not waited for."""
        stream, subject = subjects.stream(family), subjects.events(family, conference)
        try:
            last = (await self._js.get_last_msg(stream, subject)).seq or 0
        except nats.js.errors.NotFoundError:
            return
        async with reading(self._js, stream, subject, after=0) as sub:
            wanted, reached = 1, 0
            while reached < last:
                for msg in await sub.fetch(wanted, timeout=FETCH_TIMEOUT):
                    reached = msg.metadata.sequence.stream
                    wanted = max(1, min(FETCH, msg.metadata.num_pending))
                    yield msg


def _line(content: msgspec.Struct) -> bytes:
    return encode(content) + b"\n"


def _events(commit: bytes) -> list[ConferenceEvent]:
    """None of a newer version's: a conference that it began is one that begins in the middle."""
    try:
        return decode_commit(commit)
    except msgspec.MsgspecError:
        return []
