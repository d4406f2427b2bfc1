"""One conference seen from outside: commands, facts and time that passes, and what follows."""

from datetime import UTC, datetime, timedelta
from typing import Any

from proto.base import Refused
from proto.conference import (
    CallGateway,
    ConferenceCommand,
    ConferenceEvent,
    Dial,
    IncomingRoute,
    Join,
    KeepAlive,
    Role,
    Tick,
)
from proto.egress import DestinationChanged
from proto.media import Content
from proto.urls import SealedUrl
from services.conference_state.core import Fact, Vmr, deadline, decide, empty, evolve, learn

START = datetime(2026, 1, 1, tzinfo=UTC)
CLIP = SealedUrl("ann.media", "file:///clips/ann.mp4", "file")
SLIDES = SealedUrl("ann.presentation", "file:///clips/slides.mp4", "file")
RTMP = SealedUrl("tube.destination", "rtmp://ingest.example.com/live/***", "rtmp")
RTMPS = SealedUrl("tube.destination", "rtmps://ingest.example.com/live/***", "rtmps")
HOSTED = Vmr("Town Hall", pin="1234", allow_guests=True)
OPEN = Vmr("Town Hall")
GATEWAY = Vmr("", service_type="gateway")


def join(who: str, role: Role = "guest", **more: Any) -> Join:
    return Join("c1", who, who.title(), "i1", role, CLIP, SLIDES, **more)


def dial(
    who: str,
    role: Role = "guest",
    keep: KeepAlive = "keep_conference_alive_never",
    *,
    url: SealedUrl = RTMPS,
    **more: Any,
) -> Dial:
    return Dial("c1", who, url, "i1", role=role, keep_conference_alive=keep, **more)


def through(
    *, url: SealedUrl = RTMPS, rule: IncomingRoute | None = None, **more: Any
) -> CallGateway:
    """Ann calls `tube` through a gateway."""
    route = rule or IncomingRoute("Out to the tube")
    args: dict[str, Any] = {"alias": "***", "media": CLIP, "presentation": SLIDES, **more}
    return CallGateway("c1", "ann", "Ann", "i1", "tube", url, route, **args)


def changed(who: str, state: Any, *, leg: Content = "single", **more: Any) -> DestinationChanged:
    return DestinationChanged(START, "c1", "s1", "egress-1", who, state, leg=leg, **more)


class Story:
    """What happened so far, and the conference that it led to."""

    def __init__(self, vmr: Vmr = OPEN) -> None:
        self.vmr = vmr
        self.now = START
        self.view = empty("c1")
        self.events: list[ConferenceEvent] = []
        "All of them, oldest first."

    def tell(self, *commands: ConferenceCommand) -> list[ConferenceEvent]:
        """What the commands cause; all must be accepted."""
        caused: list[ConferenceEvent] = []
        for command in commands:
            outcome = decide(self.view, command, self.now, self.vmr)
            assert not isinstance(outcome, Refused), outcome
            caused += self._take(outcome)
        return caused

    def refused(self, command: ConferenceCommand) -> tuple[str, str]:
        """The code and the field of the refusal."""
        outcome = decide(self.view, command, self.now, self.vmr)
        assert isinstance(outcome, Refused), outcome
        return outcome.code, outcome.field

    def hear(self, fact: Fact) -> list[ConferenceEvent]:
        """What another service says."""
        return self._take(learn(self.view, fact, self.now, self.vmr))

    def wait(self, seconds: float) -> list[ConferenceEvent]:
        """Let time pass, doing whatever becomes due when it does."""
        until = self.now + timedelta(seconds=seconds)
        caused: list[ConferenceEvent] = []
        while (due := deadline(self.view, self.vmr)) is not None and due <= until:
            self.now = max(self.now, due)
            done = self.tell(Tick("c1"))
            assert done, "something was due, and nothing was done about it"
            caused += done
        self.now = until
        assert self.tell(Tick("c1")) == []
        return caused

    def who(self) -> list[str]:
        return [p.participant for p in self.view.participants]

    def state_of(self, who: str) -> str:
        found = self.view.find(who)
        return found.state if found else "gone"

    def _take(self, events: list[ConferenceEvent]) -> list[ConferenceEvent]:
        for event in events:
            self.view = evolve(self.view, event)
        self.events += events
        return events


def kinds(events: list[ConferenceEvent]) -> list[str]:
    return [type(event).__name__ for event in events]
