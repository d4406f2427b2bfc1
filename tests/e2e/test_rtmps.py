"""The same over TLS, and what happens when a server is not who it should be."""

import asyncio
import time
from itertools import pairwise
from typing import Any

import pytest

from cli.ingest import Ingest, TlsFiles
from proto.webhooks import secret_of
from tests.support.canary import canary
from tests.support.certs import Certificates
from tests.support.clips import clip
from tests.support.faulty_rtmp import faulty_server
from tests.support.receiver import Fault, Request, is_signed, receiving
from tests.support.system import System, until
from tests.support.watch import is_near, mean_colour, watch

pytestmark = [pytest.mark.e2e, pytest.mark.nats, pytest.mark.nginx]

RED = (200, 30, 30)


@pytest.fixture(scope="module")
def talker(stack: System, clips) -> str:  # type: ignore[no-untyped-def]
    path = clip(clips / "talker.mp4", colour=RED, seconds=2, size=(640, 360))
    return stack.join("Red", path, role="host")


def test_a_stream_over_tls_arrives(stack: System, server: Ingest, talker: str) -> None:
    stream = stack.dial(server.tls_url(canary("TLS")))
    stack.streams(stream)
    time.sleep(4)
    found = stack.participant(stream)
    stack.hang_up(stream)
    until(lambda: stack.participant(stream) is None)
    [recording] = until(lambda: server.recorded(canary("TLS")))
    watched = watch(str(recording), look=lambda picture: mean_colour(picture, (0, 0, 1280, 720)))
    changes = [e for e in stack.events("destination_changed.v1") if e["participant"] == stream]

    assert found is not None
    assert found["encrypted"] is True
    assert "TLSv1.3" in {event["tls_version"] for event in changes}
    assert is_near(watched.seen[-5], RED)
    assert len(watched.seen) > 60


@pytest.mark.parametrize(
    ("which", "words"),
    [
        ("wrong_host", "another host"),
        ("expired", "expired"),
        ("unknown", "issuer is unknown"),
    ],
)
async def test_a_server_that_cannot_prove_who_it_is_gets_nothing(
    stack: System, authority: Certificates, talker: str, which: str, words: str
) -> None:
    files: TlsFiles = getattr(authority, which)
    async with faulty_server("ok", files) as bad:
        stream = stack.dial(bad.url(f"live/{canary(which)}", "rtmps"))
        await asyncio.to_thread(until, lambda: stack.participant(stream) is None)
    [ended] = [e for e in stack.events("call_ended.v1") if e["participant"] == stream]

    assert ended["code"] == "tls-certificate"
    assert words in ended["reason"]
    assert canary(which) not in str(stack.log())


async def test_it_gets_the_stream_where_nobody_wants_it_to_prove_anything(
    stack: System, authority: Certificates, talker: str
) -> None:
    async with faulty_server("ok", authority.expired) as bad:
        stream = stack.dial(bad.url(f"live/{canary('NO-PROOF')}", "rtmps"), tls_verify=False)
        await asyncio.to_thread(stack.streams, stream)
        found = stack.participant(stream)
        stack.hang_up(stream)
        await asyncio.to_thread(until, lambda: stack.participant(stream) is None)

    assert found is not None
    assert found["destination"]["delivery"]["tls_verify"] is False


async def test_a_hot_spare_has_the_stream_when_the_first_address_dies(
    stack: System, server: Ingest, talker: str
) -> None:
    async with faulty_server("ok") as first:
        stream = stack.dial(
            first.url(f"live/{canary('FIRST')}"),
            backup_url=server.url(canary("SPARE")),
            backup_mode="hot",
        )
        await asyncio.to_thread(until, lambda: on_air(stack, stream) == "both")
        first.process.kill()
        await asyncio.to_thread(until, lambda: on_air(stack, stream) == "backup")
    await asyncio.to_thread(until, lambda: "backup address" in detail(stack, stream))
    await asyncio.sleep(3)
    found = stack.participant(stream)
    stack.hang_up(stream)
    await asyncio.to_thread(until, lambda: stack.participant(stream) is None)
    [recording] = until(lambda: server.recorded(canary("SPARE")))
    watched = watch(str(recording), look=lambda picture: None)

    assert found is not None
    assert found["state"] == "connected"
    assert {round((b - a) * 1000) for a, b in pairwise(watched.times)} <= {33, 34}
    assert canary("SPARE") not in str(stack.log())


def on_air(stack: System, stream: str) -> str:
    """Which of its addresses has the stream, as was told last."""
    told = [e for e in stack.events("destination_changed.v1") if e["participant"] == stream]
    return str(told[-1]["on_air"]) if told else ""


def detail(stack: System, stream: str) -> str:
    found = stack.participant(stream)
    return str(found["detail"]) if found else ""


async def test_a_destination_that_fails_harms_no_other(
    stack: System, server: Ingest, talker: str
) -> None:
    good = stack.dial(server.url(canary("GOOD")))
    stack.streams(good)
    for fault, code in (("refuse-denied", "publish-denied"), ("reset", "refused-after-start")):
        async with faulty_server(fault) as bad:
            stream = stack.dial(bad.url(f"live/{canary(fault)}"))
            await asyncio.to_thread(until, lambda who=stream: stack.participant(who) is None)
            [ended] = [e for e in stack.events("call_ended.v1") if e["participant"] == stream]
            assert code in ended["code"]
            assert ended["reason"]
    stack.hang_up(good)
    until(lambda: stack.participant(good) is None)
    [recording] = until(lambda: server.recorded(canary("GOOD")))
    watched = watch(str(recording), look=lambda picture: None)
    steps = {round((b - a) * 1000) for a, b in zip(watched.times, watched.times[1:], strict=False)}

    assert steps <= {33, 34}
    assert {b - a for a, b in zip(watched.keys, watched.keys[1:], strict=False)} <= {60}


def has_ended(events: list[dict[str, Any]]) -> bool:
    """The last of the story: the conference streams no more."""
    return events[-1]["type"] == "conference_updated" and not events[-1]["data"]["streaming"]


async def test_the_whole_story_of_a_dial_arrives_signed_and_in_order(
    stack: System, server: Ingest, talker: str
) -> None:
    """Told to an event sink, which refuses the second event once."""
    secret = secret_of(b"e2e-secret-of-32-bytes-........")
    refused: list[str] = []

    def fault(request: Request) -> Fault:
        if request.json["type"] != "stream_routed" or refused:
            return ""
        refused.append(request.headers["webhook-id"])
        return "500"

    async with receiving() as receiver:
        receiver.fault = fault
        sink = {"name": "Story", "url": receiver.url(), "secret": secret}
        stack.post("/api/admin/configuration/v1/event_sink/", sink, expect=201)
        sinks = stack.http.get("/api/rostrum/v1/event_sinks/").json()["event_sinks"]
        path = f"/api/rostrum/v1/event_sinks/{sinks[0]['id']}/"
        tested = await asyncio.to_thread(stack.post, f"{path}test/", {})
        assert tested["status"] == 204
        stream = stack.dial(server.tls_url("HOOK-CANARY"), remote_display_name="Tube")
        await asyncio.to_thread(stack.streams, stream)
        stack.hang_up(stream)
        await receiver.until(lambda: has_ended(receiver.events()))

        def delivered() -> bool:
            found = stack.http.get(path).json()
            return bool(found["state"] == "ok" and found["delivered"] == len(receiver.taken) - 1)

        await asyncio.to_thread(until, delivered)
        stack.http.delete(f"/api/admin/configuration/v1/event_sink/{sinks[0]['id']}/")

    events = [e for e in receiver.events() if e["data"].get("uuid") == stream]
    story = [e["type"] for e in events if e["type"] != "participant_updated"]
    assert story == [
        "stream_requested",
        "stream_routed",
        "stream_assigned",
        "stream_connecting",
        "stream_connected",
        "participant_connected",
        "stream_ended",
        "participant_disconnected",
    ]
    told = [e for e in receiver.events() if e["type"] != "event_sink_test"]
    first = told[0]["seq"]
    assert [e["seq"] for e in told] == list(range(first, first + len(told)))
    assert len({e["id"] for e in told}) == len(told)
    assert refused[0] in {e["id"] for e in told}, "refused once, and sent again by the same id"
    assert all(is_signed(request, secret) for request in receiver.asked)
    assert b"CANARY" not in b"".join(request.body for request in receiver.asked)
    assert (events[4]["data"]["encryption"], events[5]["data"]["display_name"]) == ("On", "Tube")
