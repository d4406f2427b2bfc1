"""What is going on, in memory: views, stages and layouts of all conferences."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping

import msgspec
import structlog
from nats.aio.msg import Msg

from kit.follow import Follower
from kit.kv import Watch
from proto.mixer import (
    LayoutChanged,
    MixerEvent,
    MixStopped,
    SourceChanged,
    StageChanged,
    decode_commit,
    decode_levels,
)
from proto.views import ConferenceView, ParticipantView, decode_conference

log = structlog.get_logger()

LOOK_BACK = 2000
"""Messages of MIXER that are read at the start: about a second's work, and enough that every
conference with some life in it has its layout; a quieter one shows it with the next change."""


ON_AIR = ("live", "stalled")
"""States of a source whose media comes, or will go on."""

LEVELS = 0.5
"""Seconds between two tellings of how loud people are."""


def _read(commit: bytes, conference: str) -> list[MixerEvent]:
    try:
        return decode_commit(commit)
    except msgspec.MsgspecError:
        # Of a newer version, perhaps: what is shown may be old, but the rest goes on.
        log.error("events cannot be read", conference=conference)
        return []


class Live:
    def __init__(self, views: Watch, mixer: Follower, mark: Callable[[str], str]) -> None:
        """`mark` tells what metrics call a conference."""
        self.mark = mark
        self._watch = views
        self._mixer = mixer
        self._news = asyncio.Condition()
        self.views: dict[str, ConferenceView] = {}
        self._stages: dict[str, list[str]] = {}
        self._heard = asyncio.Event()
        self._levels: dict[str, dict[str, int]] = {}
        self._layouts: dict[str, dict[tuple[str, bool, str], LayoutChanged]] = {}
        self._on_air: dict[str, set[str]] = {}
        self.closed = False
        self.changes = 0
        "Counts everything that happened, so that nobody who looks away misses any of it."

    async def follow_views(self) -> None:
        async for key, value, _ in self._watch.entries():
            if value is None:
                self.views.pop(key, None)
            else:
                try:
                    self.views[key] = decode_conference(value)
                except msgspec.MsgspecError:
                    log.error("view cannot be read", conference=key)
            await self._tell()

    async def follow_mixer(self) -> None:
        async for msg in self._mixer.messages():
            conference = msg.subject.rsplit(".", 1)[-1]
            for event in _read(msg.data, conference):
                match event:
                    case StageChanged(stage=stage, vad=vad):
                        self._stages[conference] = stage
                        self._levels[conference] = dict(zip(stage, vad, strict=False))
                    case LayoutChanged(feed=feed):
                        shown = self._layouts.setdefault(conference, {})
                        shown[feed.content, feed.streaming, feed.layout] = event
                    case SourceChanged(content="main", participant=who, state=state):
                        on_air = self._on_air.setdefault(conference, set())
                        (on_air.add if state in ON_AIR else on_air.discard)(who)
                    case MixStopped(instance=instance) if self._is_over(conference, instance):
                        self._stages.pop(conference, None)
                        self._levels.pop(conference, None)
                        self._layouts.pop(conference, None)
                        self._on_air.pop(conference, None)
            await self._tell()

    def _is_over(self, conference: str, instance: str) -> bool:
        """Whether no later instance runs, whose layouts are not to be forgotten."""
        view = self.views.get(conference)
        return view is None or not view.running or view.instance == instance

    async def ready(self) -> None:
        await self._watch.caught_up.wait()
        await self._mixer.started.wait()

    async def close(self) -> None:
        """Send those who wait home."""
        self.closed = True
        await self._tell()

    def stage(self, conference: str) -> list[str]:
        return self._stages.get(conference, [])

    def levels(self, conference: str) -> Mapping[str, int]:
        """How loud each participant was lately, 0 to 100."""
        return self._levels.get(conference, {})

    async def hear(self, msg: Msg) -> None:
        """Levels that a mixer has told to whoever listens."""
        try:
            told = decode_levels(msg.data)
        except msgspec.MsgspecError:
            return  # of a newer version, perhaps: there are others soon
        if told.conference in self._stages:
            self._levels[told.conference] = dict(zip(told.stage, told.vad, strict=False))
            self._heard.set()

    async def tell_levels(self) -> None:
        """Twice a second for all conferences together, however many people speak."""
        while True:
            await self._heard.wait()
            self._heard.clear()
            await self._tell()
            await asyncio.sleep(LEVELS)

    def layouts(self, conference: str) -> Iterable[LayoutChanged]:
        return self._layouts.get(conference, {}).values()

    def on_air(self, conference: str) -> Collection[str]:
        """Whose main picture or sound comes in, as far as it was told lately."""
        return self._on_air.get(conference, ())

    def running(self) -> list[ConferenceView]:
        return [view for view in self.views.values() if view.running]

    def find(self, participant: str) -> tuple[ConferenceView, ParticipantView] | None:
        for view in self.running():
            if found := view.find(participant):
                return view, found
        return None

    def present(self, conference: str, participant: str) -> ParticipantView | None:
        view = self.views.get(conference)
        return view.find(participant) if view else None

    def arrived(self, conference: str, participant: str) -> bool:
        """Whether somebody who was transferred there has been let in, now gone again or not."""
        view = self.views.get(conference)
        return view is not None and participant in view.arrived

    def version(self, conference: str) -> int:
        view = self.views.get(conference)
        return view.version if view else 0

    async def until(self, conference: str, version: int, patience: float) -> None:
        """Wait for a view that has this commit in it, so that an answer is not older than it."""
        try:
            async with asyncio.timeout(patience), self._news:
                await self._news.wait_for(lambda: self.version(conference) >= version)
        except TimeoutError:
            log.info("view is late", conference=conference)

    async def news(self, seen: int, patience: float) -> bool:
        """Wait until there are more than `seen` changes; False if not within `patience` seconds."""
        try:
            async with asyncio.timeout(patience), self._news:
                return await self._news.wait_for(lambda: self.changes > seen)
        except TimeoutError:
            return False

    async def nudge(self) -> None:
        """Have all who wait look again, for something that is not in here has changed."""
        await self._tell()

    async def _tell(self) -> None:
        self.changes += 1
        async with self._news:
            self._news.notify_all()
