"""Where a conference is mixed, and its streams leave from, with workers in several locations."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from nats.aio.client import Client

from proto.base import Accepted, encode
from proto.conference import Join
from proto.config import GatewayRoutingRule, SystemLocation
from proto.scheduler import (
    Declined,
    DestinationAssigned,
    MixAssigned,
    MixReleased,
    Offer,
    SessionAssigned,
    SessionRefused,
    SessionReleased,
)
from tests.support.services import environment
from tests.support.walk import Stage

pytestmark = pytest.mark.nats

OSLO = SystemLocation(
    "Oslo", 1, transcoding_location="Bergen", overflow_location1="Paris", overflow_location2="Rome"
)
RULE = GatewayRoutingRule(
    "Streaming",
    10,
    "rtmps?://(.*)",
    1,
    match_outgoing_calls=True,
    match_string_full=True,
    outgoing_protocol="rtmp",
    outgoing_location="Oslo",
)


@pytest.fixture
async def stage(nc: Client, nats_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    stage = Stage(nc, environment(nats_url, tmp_path))
    async with stage.stack:
        await stage.open()
        await stage.config.put("gateway_routing_rule.1", encode(RULE))
        yield stage


async def mixer(stage: Stage, place: str, free: int = 4) -> AsyncExitStack:
    name = f"mixer-{place.lower()}"
    return await stage.worker("mixer", name, Offer(name, free, location=place), host=name)


async def egress(stage: Stage, place: str, *, room: bool = True) -> AsyncExitStack:
    name = f"egress-{place.lower()}"
    no = Declined(name, "has no core left", "full", place)
    bid = Offer(name, 4, location=place) if room else no
    return await stage.worker("egress", name, bid, host="mixer-paris")


async def join(stage: Stage) -> MixAssigned:
    told = await stage.tell(Join("town-hall-1", "ann", "Ann", "i1", location="Oslo"))
    assert isinstance(told, Accepted)
    mixed = (await stage.assigned(MixAssigned))[-1]
    assert isinstance(mixed, MixAssigned)
    return mixed


async def test_a_mix_and_a_stream_go_where_the_locations_say(stage: Stage) -> None:
    """What is configured is followed while the scheduler runs, by what is lost as well."""
    await stage.config.put("system_location.1", encode(OSLO))
    home = await mixer(stage, "Bergen", 1)
    await mixer(stage, "Paris", 2)
    await mixer(stage, "Oslo", 8)
    mixed = await join(stage)
    assert (mixed.worker, mixed.place, mixed.home) == ("mixer-bergen", "Bergen", "Oslo")
    assert mixed.misplaced == ""

    await home.aclose()
    again = (await stage.assigned(MixReleased, MixAssigned))[-1]
    assert isinstance(again, MixAssigned)
    assert (again.worker, again.home) == ("mixer-paris", "Oslo")
    assert "“Bergen” has nobody who answered" in again.misplaced

    await egress(stage, "Oslo", room=False)
    paris = await egress(stage, "Paris")
    await egress(stage, "Rome")
    await stage.dial("tube", routing="routing_rule")
    session = (await stage.assigned(SessionAssigned, DestinationAssigned))[-2]
    assert isinstance(session, SessionAssigned)
    assert (session.worker, session.location, session.place) == ("egress-paris", "Oslo", "Paris")
    assert "egress-oslo: has no core left" in session.misplaced

    changed = SystemLocation("Oslo", 1, overflow_location1="Rome")
    await stage.config.put("system_location.1", encode(changed))
    await paris.aclose()
    moved = (await stage.assigned(SessionReleased, SessionAssigned, DestinationAssigned))[-2]
    assert isinstance(moved, SessionAssigned)
    assert (moved.worker, moved.location, moved.place) == ("egress-rome", "Oslo", "Rome")


async def test_who_finds_no_room_anywhere_hears_it_from_everybody(stage: Stage) -> None:
    await stage.config.put("system_location.1", encode(OSLO))
    await mixer(stage, "Paris")
    for place in ("Oslo", "Paris", "Rome"):
        await egress(stage, place, room=False)
    # Opened by a stream: nobody has a location but the call itself.
    await stage.dial("tube", routing="routing_rule", location="Oslo")
    mixed, refused = await stage.first(MixAssigned), await stage.first(SessionRefused)
    assert (mixed.place, mixed.home) == ("Paris", "Oslo")
    said = {one.worker: one.reason for one in refused.refusals}
    everybody = ("egress-oslo", "egress-paris", "egress-rome")
    assert said == dict.fromkeys(everybody, "has no core left")
    assert "in location “Oslo” or “Paris” or “Rome”" in refused.reason


async def test_a_call_that_names_its_node_overflows_nowhere(stage: Stage) -> None:
    await stage.config.put("system_location.1", encode(OSLO))
    await mixer(stage, "Paris")
    await egress(stage, "Oslo", room=False)
    await stage.dial("tube", routing="manual", location="Oslo", node="egress-oslo")
    refused = await stage.first(SessionRefused)
    assert "no egress worker in location “Oslo” has room" in refused.reason
