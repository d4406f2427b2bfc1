"""The rules of a conference as the services keep them: dual streams, automatic calls, timers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from nats.aio.client import Client

from proto import config, subjects
from proto.base import Accepted, Refused, encode
from proto.conference import (
    CallRequested,
    ConferenceEnded,
    ConferenceStarted,
    Join,
    Leave,
    ParticipantJoined,
)
from proto.scheduler import (
    DestinationAssigned,
    DestinationReleased,
    MixAssigned,
    Offer,
    SessionAssigned,
    SessionReleased,
)
from services.conference_state.core import HOSTS_LEFT
from tests.support.conference import Story, dial
from tests.support.services import environment, running
from tests.support.walk import URL, Stage

pytestmark = pytest.mark.nats

VMR = config.Conference("Town Hall", 1, "town-hall-1")
ROOMS = 20
LIMIT = 5


@pytest.fixture
async def stage(nc: Client, nats_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    stage = Stage(nc, environment(nats_url, tmp_path))
    async with stage.stack:
        await stage.open()
        yield stage


async def workers(stage: Stage) -> None:
    await stage.worker("mixer", "mixer-a", Offer("mixer-a", 4))
    await stage.worker("egress", "egress-a", Offer("egress-a", 4))


async def come_true(what: Callable[[], Awaitable[bool]]) -> None:
    """Ask again and again, until the answer is yes."""
    async with asyncio.timeout(20):
        while True:
            if await what():
                return
            await asyncio.sleep(0.05)


async def test_two_replicas_take_two_hundred_commands_at_once(stage: Stage) -> None:
    rooms = [f"room-{n}" for n in range(2, ROOMS + 2)]
    for number, room in enumerate([*rooms, "lobby"], 2):
        vmr = config.Conference(room, number, room, participant_limit=LIMIT)
        await stage.config.put(f"conference.{number}", encode(vmr))
    # Seven who want five places, and one of them says so four times.
    people = [f"p{n}" for n in range(7)] + ["p0"] * 3
    async with running("services.conference_state", stage.env):
        await come_true(lambda: open_to(stage, "lobby"))
        wishes = [(room, who) for who in people for room in rooms]
        assert len(wishes) == 200
        replies = await asyncio.gather(
            *(stage.tell(Join(room, who, who, f"{room}-i-{who}")) for room, who in wishes)
        )
        for room in rooms:
            there = [(w[1], r) for w, r in zip(wishes, replies, strict=True) if w[0] == room]
            told = {who for who, reply in there if isinstance(reply, Accepted)}
            refused = {who: reply.code for who, reply in there if isinstance(reply, Refused)}
            events = await stage.history(room)
            joined = [e.participant for e in events if isinstance(e, ParticipantJoined)]

            assert len(joined) == len(set(joined)) == LIMIT
            assert set(joined) == told == set(people) - refused.keys()
            assert set(refused.values()) == {"full"}
            assert sum(isinstance(e, ConferenceStarted) for e in events) == 1


async def open_to(stage: Stage, room: str) -> bool:
    """Whoever answers knows that the room is configured; so do both replicas, in all likelihood."""
    replies = [await stage.tell(Join(room, f"x{n % LIMIT}", "X", "i")) for n in range(10)]
    return all(isinstance(reply, Accepted) for reply in replies)


async def test_a_dual_stream_loses_its_second_leg_and_goes_on(stage: Stage) -> None:
    await workers(stage)
    await stage.tell(Join("town-hall-1", "ann", "Ann", "i1"))
    await stage.assigned(MixAssigned)
    second = await stage.seal(f"{URL}-slides", "tube", "presentation")
    await stage.dial("tube", presentation_destination=second)
    events = await stage.assigned(
        SessionAssigned, DestinationAssigned, SessionAssigned, DestinationAssigned
    )
    sessions = {e.feed.content: e.session for e in events if isinstance(e, SessionAssigned)}
    assert set(sessions) == {"main", "presentation"}

    await stage.report("publishing", sessions["main"], leg="main")
    await stage.view("connected")
    await stage.report("failed", sessions["presentation"], "dns", leg="presentation")
    gone = (await stage.assigned(DestinationReleased, SessionReleased))[-1]
    tube = (await stage.view("connected")).find("tube")

    assert isinstance(gone, SessionReleased)
    assert gone.session == sessions["presentation"]
    assert tube is not None
    assert tube.detail == "the presentation stream failed: dns"
    await stage.tell(Leave("town-hall-1", "tube"))
    last = (await stage.assigned(DestinationReleased, SessionReleased))[-1]
    assert isinstance(last, SessionReleased)
    await stage.view("gone")


@pytest.mark.parametrize("routing", ["manual", "routing_rule"])
async def test_where_encryption_is_required_nobody_is_asked_to_send_rtmp(
    stage: Stage, routing: str
) -> None:
    await stage.config.put("conference.1", encode(msgspec.structs.replace(VMR, crypto_mode="on")))
    await stage.restart("conference_state")
    await workers(stage)
    await stage.tell(Join("town-hall-1", "ann", "Ann", "i1"))
    await stage.assigned(MixAssigned)
    reply = await stage.dial("tube", routing=routing)
    if routing == "manual":
        assert isinstance(reply, Refused)
        assert (reply.code, reply.field) == ("encryption-required", "destination")
    else:
        await stage.view("gone")
        history = await stage.history()
        assert getattr(history[-1], "code", "") == "encryption-required"

    assert len(await stage.assigned(MixAssigned)) == 1


async def test_who_is_dialled_automatically_is_dialled_again_by_one_replica(stage: Stage) -> None:
    sealed = await stage.seal("rtmp://recorder.example.com/live/CANARY-KEY", "adp-1")
    recorder = config.AutomaticParticipant(
        sealed.redacted, 1, [1], protocol="rtmp", streaming=True, sealed_alias=sealed
    )
    await stage.config.put("automatic_participant.1", encode(recorder))
    await workers(stage)
    await stage.restart("conference_state")
    async with running("services.conference_state", stage.env):
        await stage.tell(Join("town-hall-1", "ann", "Ann", "i1"))
        # Mixer and session are assigned beside each other, in any order.
        first = await stage.first(DestinationAssigned)
        assert first.participant == "i1-a1-1"
        await stage.report("stopped", first.session, "stopped", participant="i1-a1-1")

        async def dialled_again() -> bool:
            return len([e for e in await stage.history() if isinstance(e, CallRequested)]) >= 2

        await come_true(dialled_again)
        await asyncio.sleep(1.5)  # three ticks of both replicas
        calls = [e for e in await stage.history() if isinstance(e, CallRequested)]
        assert [c.participant for c in calls] == ["i1-a1-1", "i1-a1-2"]
        await stage.tell(Leave("town-hall-1", "ann"))

    assert list(await stage.secrets.everything()) == [sealed.secret]


async def test_timers_outlive_the_replica_that_started_them(stage: Stage) -> None:
    hosted = msgspec.structs.replace(VMR, pin="1234", allow_guests=True)
    await stage.config.put("conference.1", encode(hosted))
    await stage.config.put("global.1", encode(config.Global(guests_only_timeout=2)))
    await stage.restart("conference_state")
    await stage.tell(Join("town-hall-1", "bob", "Bob", "i1", pin=""))
    await stage.tell(Join("town-hall-1", "ann", "Ann", "i1", pin="1234"))
    await stage.tell(Leave("town-hall-1", "ann"))
    await stage.restart("conference_state")

    async def over() -> bool:
        return isinstance((await stage.history())[-1], ConferenceEnded)

    await come_true(over)
    ended = (await stage.history())[-1]
    assert isinstance(ended, ConferenceEnded)
    assert ended.reason == HOSTS_LEFT


@pytest.mark.parametrize(("replay", "over"), [("false", True), ("true", False)])
async def test_what_is_played_again_is_not_ended_by_timers_of_long_ago(
    stage: Stage, replay: str, over: bool
) -> None:
    stage.env["ROSTRUM_REPLAY"] = replay
    stage.processes["routing"].kill()
    await stage.restart("conference_state")
    sealed = await stage.seal(URL, "tube")
    story = Story()
    commit = story.tell(dial("tube", url=sealed))
    subject = subjects.events("conference", "c1")
    await stage.logs["conference"].append(subject, encode(commit), expected=0)
    await come_true(lambda: projected(stage))
    await asyncio.sleep(1.5)  # three looks at the timers

    assert isinstance((await stage.history("c1"))[-1], ConferenceEnded) is over


async def projected(stage: Stage) -> bool:
    """Whether the service has seen what was committed."""
    return await stage.views.get("c1") is not None
