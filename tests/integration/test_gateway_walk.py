"""The walk of a gateway call through conference_state, routing and scheduler, as processes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client

from kit import bus
from kit.secrets import Sealer
from proto import config, subjects
from proto.base import Accepted, Refused, encode
from proto.conference import (
    CallEnded,
    CallGateway,
    ConferenceEnded,
    ConferenceStarted,
    Leave,
    ParticipantLeft,
)
from proto.routing import IncomingRouted, RouteIncoming, decode_incoming
from proto.scheduler import (
    Declined,
    DestinationAssigned,
    MixAssigned,
    MixReleased,
    Offer,
    SessionAssigned,
    SessionReleased,
    decode_commit,
)
from proto.urls import SealedUrl, secret_of
from services.conference_state.core import CALL_DISCONNECTED, DIAL_OUT_FAILED, replay
from tests.support.services import environment
from tests.support.walk import SERVICES, Stage

pytestmark = pytest.mark.nats

KEY = subjects.gateway_call("1")
RULE = config.GatewayRoutingRule(
    "Out to the tube",
    5,
    r"yt-([\w-]+)",
    2,
    replace_string=r"rtmp://ingest.example.com/live/\1",
    outgoing_protocol="rtmp",
    max_pixels_per_second="fullhd",
    max_callrate_out=1000,
    outgoing_location="default",
)


class Reception(Stage):
    """Somebody who calls `yt-CANARY-KEY`."""

    async def open(self) -> None:
        await super().open()
        await self.config.put("gateway_routing_rule.2", encode(RULE))
        await self.restart("routing")

    async def route(self) -> IncomingRouted | Refused:
        wanted = RouteIncoming(Sealer.from_env(self.env).seal("yt-CANARY-KEY"))
        return decode_incoming(await bus.ask(self.nc, subjects.ROUTING_CALLS, wanted, patience=10))

    async def call(self, **more: Any) -> Accepted | Refused:
        routed = await self.route()
        assert isinstance(routed, IncomingRouted), routed
        target = SealedUrl(
            secret_of("tube", "destination"), routed.redacted, routed.scheme, routed.fingerprint
        )
        await self.vault.keep(target, routed.sealed)
        media = await self.seal("rtsp://meeting.example.com/CANARY", "ann", "media")
        return await self.tell(
            CallGateway(
                KEY, "ann", "Ann", "i1", "tube", target, routed.route, "***", media=media, **more
            )
        )

    async def media(self) -> None:
        await self.worker("mixer", "mixer-a", Offer("mixer-a", 4))
        await self.worker("egress", "egress-a", Offer("egress-a", 4))

    async def carried(self) -> SessionAssigned:
        """The session, as soon as there is one. Mixer and session come in any order."""
        async with asyncio.timeout(20):
            while True:
                log = await self.logs["scheduler"].load(subjects.events("scheduler", KEY))
                events = [event for commit in log.commits for event in decode_commit(commit)]
                kinds = {type(event) for event in events}
                if {MixAssigned, SessionAssigned, DestinationAssigned} <= kinds:
                    return next(e for e in events if isinstance(e, SessionAssigned))
                await asyncio.sleep(0.05)

    async def forgotten(self) -> None:
        """No view, and nothing where it was."""
        async with asyncio.timeout(20):
            async for entry in self.views.watch(KEY).entries():
                if entry.value is None:
                    return


@pytest.fixture
async def stage(nc: Client, nats_url: str, tmp_path: Path) -> AsyncIterator[Reception]:
    env = environment(nats_url, tmp_path, ROSTRUM_GATEWAY_CALLS_KEPT="5")
    stage = Reception(nc, env)
    async with stage.stack:
        await stage.open()
        yield stage


async def test_a_call_goes_through_ends_with_its_caller_and_is_forgotten(
    stage: Reception,
) -> None:
    await stage.media()
    assert isinstance(await stage.call(), Accepted)
    session = await stage.carried()
    assert (session.feed.width, session.feed.height) == (1920, 1080)
    assert session.rendition.video_kbps + session.rendition.audio_kbps == 1000
    assert session.location == "default"

    await stage.report("publishing", session.session, conference=KEY)
    view = await stage.view("connected", KEY)
    assert (view.service_type, view.streaming, view.name) == ("gateway", True, "Out to the tube")

    await stage.tell(Leave(KEY, "ann", "Bye"))
    await stage.view("gone", KEY)
    await stage.assigned(SessionReleased, MixReleased, conference=KEY)
    await stage.forgotten()
    assert await stage.secrets.everything() == {}
    assert KEY not in await stage.views.everything()
    history = await stage.history(KEY)
    assert history[-1] == ConferenceEnded(history[-1].at, "i1", "Bye")
    assert b"CANARY" not in encode(history)
    # What is forgotten is not free: the log knows that this call has been.
    reply = await stage.call()
    assert isinstance(reply, Refused)
    assert reply.code == "gone"


@pytest.mark.parametrize("first", SERVICES)
async def test_any_service_may_die_between_any_two_steps(stage: Reception, first: str) -> None:
    await stage.media()
    order = [first, *(name for name in SERVICES if name != first)]
    for name in order:
        await stage.restart(name)
    assert isinstance(await stage.route(), IncomingRouted)
    for name in ("routing", "scheduler"):
        if name != first:
            stage.processes[name].kill()
            await stage.processes[name].wait()
            await stage.start(name)
    await stage.call()
    await stage.restart(first)
    session = await stage.carried()
    await stage.restart("conference_state")
    await stage.report("publishing", session.session, conference=KEY)
    assert (await stage.view("connected", KEY)).streaming
    for name in order:
        await stage.restart(name)
    await stage.tell(Leave(KEY, "ann", "Bye"))
    await stage.assigned(SessionReleased, MixReleased, conference=KEY)
    await stage.forgotten()

    history = await stage.history(KEY)
    assert sum(isinstance(event, ConferenceStarted) for event in history) == 1
    assert isinstance(history[-1], ConferenceEnded)


async def test_the_route_that_was_answered_holds_whatever_becomes_of_the_rule(
    stage: Reception,
) -> None:
    await stage.media()
    stage.processes["routing"].kill()
    await stage.processes["routing"].wait()
    await stage.start("routing")
    routed = await stage.route()
    assert isinstance(routed, IncomingRouted)
    stage.processes["scheduler"].kill()
    await stage.processes["scheduler"].wait()
    await stage.call()
    await stage.config.delete("gateway_routing_rule.2")
    await stage.restart("routing")
    await stage.start("scheduler")
    session = await stage.carried()

    assert session.rendition.video_kbps + session.rendition.audio_kbps == 1000
    assert isinstance(await stage.route(), Refused)


@pytest.mark.parametrize(
    ("state", "told"), [("connecting", DIAL_OUT_FAILED), ("publishing", CALL_DISCONNECTED)]
)
async def test_a_target_that_fails_sends_the_caller_home_with_the_reason(
    stage: Reception, state: Any, told: str
) -> None:
    await stage.media()
    await stage.call()
    session = (await stage.carried()).session
    await stage.report(state, session, conference=KEY)
    await stage.view("connected" if state == "publishing" else "connecting", KEY)
    await stage.report("failed", session, "publish-denied", conference=KEY)
    await stage.view("gone", KEY)
    await stage.assigned(SessionReleased, MixReleased, conference=KEY)
    history = await stage.history(KEY)
    [gone] = [e for e in history if isinstance(e, CallEnded)]
    [left] = [e for e in history if isinstance(e, ParticipantLeft)]

    assert (gone.code, left.reason) == ("publish-denied", told)
    assert replay(KEY, history).end_reason == told


async def test_a_call_that_nobody_can_carry_ends_with_every_reason(stage: Reception) -> None:
    await stage.worker("mixer", "mixer-a", Offer("mixer-a", 4))
    await stage.worker("egress", "egress-a", Declined("egress-a", "is being drained"))
    await stage.call()
    await stage.view("gone", KEY)
    history = await stage.history(KEY)
    [gone] = [e for e in history if isinstance(e, CallEnded)]

    assert gone.code == "no-worker"
    assert "egress-a: is being drained" in gone.reason
    assert history[-1] == ConferenceEnded(history[-1].at, "i1", DIAL_OUT_FAILED)


async def test_the_global_settings_hold_for_gateway_calls(stage: Reception) -> None:
    settings = config.Global(enable_rtmp=False)
    await stage.config.put("global.1", encode(settings))
    await stage.restart("conference_state")
    reply = await stage.call()
    assert isinstance(reply, Refused)
    assert (reply.code, reply.field) == ("forbidden", "destination")

    await stage.config.put("global.1", encode(config.Global(crypto_mode="on")))
    await stage.restart("conference_state")
    reply = await stage.call()
    assert isinstance(reply, Refused)
    assert reply.code == "encryption-required"
    assert await stage.history(KEY) == []
