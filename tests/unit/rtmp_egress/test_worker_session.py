"""What a worker tells the bus of what a session's process says about its encoder."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from proto.egress import DestinationChanged, EgressEvent, Measure, SessionDegraded, SessionStarted
from proto.media import FeedSpec, Rendition
from proto.scheduler import SessionAssigned
from services.rtmp_egress import running
from services.rtmp_egress.figures import Figures
from services.rtmp_egress.wire import AddDestination, Changed, Degraded, Reports, Started

NOW = datetime(2026, 11, 26, tzinfo=UTC)
ASSIGNED = SessionAssigned(NOW, "hall-1", "s1", "egress-1", FeedSpec("hall-1"), Rendition())
LESS: list[Measure] = ["preset", "frame_rate"]


class Process:
    """Stands in for the process."""

    def __init__(
        self,
        *_: Any,
        hear: Callable[[Reports], Awaitable[None]],
        died: Callable[[], Awaitable[None]],
        **__: Any,
    ) -> None:
        self.says, self.dies = hear, died

    def send(self, order: msgspec.Struct) -> None:
        pass


class Archive:
    async def hear(self, *_: Any) -> None:
        pass


class Stage:
    def __init__(self) -> None:
        self.told: list[EgressEvent] = []
        make: Any = running.Session
        self.session = make(
            ASSIGNED,
            True,
            self.write,
            Archive(),
            Figures("c0ffee00", "s1"),
            lambda: NOW,
            lambda: 0.0,
        )
        self.process: Process = self.session._kept

    async def write(self, conference: str, event: EgressEvent) -> None:
        self.told.append(event)

    async def publishing(self, participant: str) -> DestinationChanged:
        await self.session.add(AddDestination(participant, "sealed"), "main", NOW)
        return await self.changed(participant, "publishing")

    async def changed(self, participant: str, state: Any, code: str = "") -> DestinationChanged:
        await self.process.says(Changed(participant, state, code))
        assert isinstance(self.told[-1], DestinationChanged)
        return self.told[-1]

    def details(self) -> dict[str, str]:
        """What is told last of each destination."""
        changes = [told for told in self.told if isinstance(told, DestinationChanged)]
        return {told.participant: told.reason for told in changes}


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(running, "Kept", Process)
    return Stage()


async def test_the_event_says_what_why_and_from_where(stage: Stage) -> None:
    await stage.process.says(Degraded(["preset"], "busy"))
    await stage.process.says(Degraded(LESS, "busier"))
    await stage.process.says(Degraded([], "the encoder has time to spare again"))
    told = [event for event in stage.told if isinstance(event, SessionDegraded)]

    assert [(event.before, event.measures) for event in told] == [
        ([], ["preset"]),
        (["preset"], LESS),
        (LESS, []),
    ]
    assert told[1].reason == "busier"


async def test_viewers_of_each_live_stream_are_told_and_told_when_it_is_over(stage: Stage) -> None:
    await stage.publishing("tube")
    await stage.session.add(AddDestination("slow", "sealed"), "main", NOW)
    await stage.process.says(Degraded(LESS, "busy"))
    worse = stage.details()
    await stage.process.says(Degraded([], "time to spare"))

    assert worse == {"tube": "degraded (coarser pictures, half the frame rate): busy"}
    assert stage.details() == {"tube": ""}


async def test_who_comes_later_is_told_as_well(stage: Stage) -> None:
    await stage.process.says(Degraded(["size"], "busy"))
    told = await stage.publishing("tube")

    assert (told.code, told.reason) == ("degraded", "degraded (smaller pictures): busy")
    assert (await stage.changed("tube", "publishing", "overflow")).code == "overflow"
    assert (await stage.changed("tube", "recovering", "stalled")).code == "stalled"


async def test_a_new_process_begins_without_measures(stage: Stage) -> None:
    await stage.publishing("tube")
    await stage.process.says(Degraded(["size"], "busy"))
    await stage.process.dies()

    assert (await stage.changed("tube", "publishing")).code == ""


async def test_each_codec_is_worse_for_its_own_viewers(stage: Stage) -> None:
    for who, codec in (("tube", "h264"), ("new", "hevc")):
        await stage.session.add(AddDestination(who, "sealed"), "main", NOW)
        await stage.process.says(
            msgspec.convert(
                {"type": "changed", "participant": who, "state": "publishing", "codec": codec},
                Changed,
            )
        )
    await stage.process.says(Degraded(["size"], "busy", "hevc"))

    assert stage.details() == {"tube": "", "new": "degraded (smaller pictures): busy"}


async def test_which_encoder_took_over_and_why(stage: Stage) -> None:
    await stage.process.says(Started("h264_nvenc"))
    await stage.process.says(Started("libx264", "h264_nvenc died: unplugged"))

    assert [(e.encoder, e.reason) for e in stage.told if isinstance(e, SessionStarted)] == [
        ("h264_nvenc", ""),
        ("libx264", "h264_nvenc died: unplugged"),
    ]
