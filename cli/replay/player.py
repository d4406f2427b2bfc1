"""One conference of a log, played again."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec

from cli.log.alike import plain
from cli.log.causes import causes, moment
from cli.log.read import DECODERS, Entry, Log
from cli.log.settings import settings
from cli.replay.plan import AT_ONCE, Leg, Plan, plans
from cli.replay.stage import LOOK, Stage, until
from proto import subjects
from proto.base import Accepted, Event, encode
from proto.conference import (
    AutomaticCallRefused,
    CallEnded,
    CallRequested,
    ConferenceEnded,
    ConferenceEvent,
    ParticipantLeft,
    ThemesChosen,
    Tick,
    TransferRequested,
)
from proto.egress import DestinationChanged
from proto.media import FeedSpec
from proto.mixer import LayoutChanged, MixStarted, StageChanged
from proto.routing import CallRouted
from proto.subjects import Family
from proto.urls import RECORD

LAG = 5.0
"""Seconds in which what was decided, shown or streamed in the log comes about here, too."""

DIALLING = 25.0
"""The same of what destinations do, whose pauses between attempts grow to that."""

SHORT_LAG = 0.3
"""The same after one was missed: the replay has gone another way, which need not take for ever."""

LATE = timedelta(seconds=2)
"""By which timers may be late in a log: they are looked at twice a second."""

TIMED = (ParticipantLeft, CallEnded, ConferenceEnded, ThemesChosen)
"""What a timer may lead to; so may a command, which is tried when no timer did."""

STEADY = 2.3
"""Seconds that a stream is let live before it is dropped: egress counts by its own clock, and takes
what ends sooner for a refusal."""

NOT_DECIDED = frozenset({"at", "session", "detail", "retry_at", "reason", "encrypted"})
"""Of an event that comes of what other services said: they have other ids and words here."""


class Player:
    def __init__(self, stage: Stage, log: Log, *, keep_location: bool) -> None:
        self._stage = stage
        self._log = log
        self._keep_location = keep_location
        self._plans: dict[Leg, Plan] = plans(log)
        self._passed: dict[Leg, int] = {}
        "How many of the changes of a leg have been."
        self._live: dict[Leg, float] = {}
        "Since when a stream is live."
        self._heard: dict[Family, list[Event]] = {}
        self._decided: list[list[ConferenceEvent]] = []
        "Commits of conference_state here that none of the log has been found for."
        self._ours: list[bytes] = []
        "What we have appended ourselves."
        self._transfers: dict[str, str] = {}
        self._shown: dict[FeedSpec, tuple[Any, ...]] = {}
        self._lag = LAG
        self._dialling = DIALLING
        self.decided = 0
        "Commits of the log that came about here."
        self.differently: list[str] = []
        "Those that did not."
        self.doing = "the start"
        "What is waited for, for people."

    @property
    def conference(self) -> str:
        return self._log.conference

    async def begin(self) -> None:
        await self._stage.configure(settings(self._log))
        await self._stage.hear(self.conference, self._hear)
        for leg, plan in self._plans.items():
            if not plan.recorded_here:
                await self._stage.sink.order(*leg, fault=plan.fault_after(0), tls=plan.tls)

    def _hear(self, family: Family, commit: bytes) -> None:
        if family == "conference":
            if commit in self._ours:
                self._ours.remove(commit)
            else:
                self._decided.append(list(DECODERS[family](commit)))  # type: ignore[arg-type]
            return
        events = DECODERS[family](commit)
        self._heard.setdefault(family, []).extend(events)
        for event in events:
            if isinstance(event, DestinationChanged) and event.state == "publishing":
                now = asyncio.get_running_loop().time()
                self._live[event.participant, event.leg] = now
            if isinstance(event, LayoutChanged):
                self._shown[event.feed] = (event.view, event.slots)

    async def play(self, entry: Entry) -> None:
        """One message of the log."""
        if entry.family == "conference":
            await self._decide(entry, list(entry.events))  # type: ignore[arg-type]
            return
        for event in entry.events:
            match event:
                case CallRouted():
                    await self._route(event)
                case DestinationChanged():
                    await self._dialled(event)
                case MixStarted():
                    await self._mixed()
                case StageChanged():
                    await self._stage.say(subjects.replay_stage(self.conference), event)
                case LayoutChanged():
                    await self._keep_step(event)
                case _ if entry.family == "routing":
                    await self._stage.append("routing", self.conference, encode([event]))

    async def _decide(self, entry: Entry, commit: list[ConferenceEvent]) -> None:
        self.doing = "a decision"
        at = moment(commit)
        commands = causes(self.conference, commit, self._transfers)
        for event in commit:
            if isinstance(event, TransferRequested):
                self._transfers[event.participant] = event.successor
        timed = isinstance(commit[0], TIMED) or (
            not commands and isinstance(commit[0], CallRequested | AutomaticCallRefused)
        )
        await self._stage.clock(at if timed else at - LATE)
        await self._stage.tell(Tick(self.conference))
        if not timed:
            await self._stage.clock(at)
        found = await self._came(commit, (5 * LOOK * timed) if commands else self._lag)
        for command in commands:
            if found:
                break
            if isinstance(await self._stage.tell(command), Accepted):
                found = await self._came(commit, self._lag)
        if found:
            self.decided += 1
        else:
            await self._go_on(entry, commit)
        await self._viewed()

    async def _came(self, commit: Sequence[ConferenceEvent], patience: float) -> bool:
        """Whether the same is decided here."""
        wanted = [_decision(event) for event in commit]

        async def there() -> bool:
            for decided in self._decided:
                if [_decision(event) for event in decided] == wanted:
                    self._decided.remove(decided)
                    return True
            return False

        try:
            return await until(there, patience)
        except TimeoutError:
            return False

    async def _go_on(self, entry: Entry, commit: Sequence[ConferenceEvent]) -> None:
        """It was not: note it, and go on as the log does."""
        self._lag = SHORT_LAG
        recorded = _named(commit)
        here = "; ".join(_named(decided) for decided in self._decided) or "nothing"
        where = f"at {moment(commit).isoformat(timespec='seconds')}"
        self.differently.append(f"{where} the log has {recorded}, here it was {here}")
        if self._decided:
            self._decided.clear()
            return
        raw = bytes(entry.line.commit)
        self._ours.append(raw)
        await self._stage.append("conference", self.conference, raw)

    async def _viewed(self) -> None:
        """Wait until everybody can see what has been decided."""
        self.doing = "the view of the conference"
        last = await self._stage.last(self.conference)

        async def shown() -> bool:
            return (await self._stage.view(self.conference)).version >= last

        await until(shown)

    async def _route(self, event: CallRouted) -> None:
        """Say it again, of an address of ours. How it is pushed to is left out: it names others."""
        leg: Leg = (event.participant, event.leg)
        plan = self._plans[leg]
        url = f"{RECORD}://replay"
        if not plan.recorded_here:
            url = await self._stage.sink.order(*leg, fault=plan.fault_after(0), tls=plan.tls)
        await self._stage.seal(event.destination.secret, url)
        routed = msgspec.structs.replace(
            event,
            destination=msgspec.structs.replace(event.destination, delivery=None),
            location=event.location if self._keep_location else "",
            node="",
        )
        await self._stage.append("routing", self.conference, encode([routed]))

    async def _dialled(self, event: DestinationChanged) -> None:
        leg: Leg = (event.participant, event.leg)
        plan, index = self._plans[leg], self._passed.get(leg, 0)
        self._passed[leg] = index + 1
        if not plan.recorded_here:
            fault, drop = plan.fault_after(index), plan.drop_at(index)
            if drop:
                if event.code != AT_ONCE:
                    await self._steady(leg)
                # Who is let go comes back at once, and meets what the log has next.
                fault = plan.fault_after(index + 1)
            await self._stage.sink.order(*leg, fault=fault, drop=drop, tls=plan.tls)
        self.doing = f"a destination that is {event.state}"
        wanted = [change.state for change in plan.changes[: index + 1]]

        async def same() -> bool:
            reached = [change.state for change in self._of(leg)]
            return len(reached) >= len(wanted)

        try:
            await until(same, self._dialling)
        except TimeoutError:
            self._dialling = SHORT_LAG
        if not plan.recorded_here:
            following = plan.fault_after(index + 1)
            await self._stage.sink.order(*leg, fault=following, tls=plan.tls)

    async def _steady(self, leg: Leg) -> None:
        now = asyncio.get_running_loop().time()
        await asyncio.sleep(max(0.0, self._live.get(leg, now) + STEADY - now))

    def _of(self, leg: Leg) -> list[DestinationChanged]:
        return [
            event
            for event in self._heard.get("egress", [])
            if isinstance(event, DestinationChanged) and (event.participant, event.leg) == leg
        ]

    async def _mixed(self) -> None:
        self.doing = "the mix"

        async def offered() -> bool:
            entry = await self._stage.feeds.get(self.conference)
            return entry is not None and bool(entry.value)

        await until(offered)

    async def _keep_step(self, recorded: LayoutChanged) -> None:
        """Wait until the same is shown here, so that what is to follow does not overtake it."""
        feed = recorded.feed
        if feed != FeedSpec(feed.conference) and feed not in self._shown:
            return
        wanted = (recorded.view, recorded.slots)

        async def shown() -> bool:
            return self._shown.get(feed) == wanted

        try:
            await until(shown, self._lag)
        except TimeoutError:
            self._lag = SHORT_LAG  # It will not come; the end tells.

    async def settle(self, patience: float) -> None:
        """Wait for the end of what has begun."""
        end = asyncio.get_running_loop().time() + patience
        while asyncio.get_running_loop().time() < end:
            view = await self._stage.view(self.conference)
            if view.running or self._stopped():
                return
            await asyncio.sleep(LOOK)

    def _stopped(self) -> bool:
        kinds = [type(event).__name__ for events in self._heard.values() for event in events]
        return all(
            kinds.count(begun) <= kinds.count(over)
            for begun, over in (("MixStarted", "MixStopped"), ("SessionStarted", "SessionStopped"))
        )


def _decision(event: ConferenceEvent) -> dict[str, Any]:
    return {name: value for name, value in plain(event).items() if name not in NOT_DECIDED}


def _named(commit: Sequence[ConferenceEvent]) -> str:
    return " ".join(str(event.__struct_config__.tag) for event in commit)
