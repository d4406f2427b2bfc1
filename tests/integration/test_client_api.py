"""The client API over HTTP, with the real rules of a conference and a mixer that only answers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import msgspec
import pytest
from nats.aio.client import Client

from kit import bus
from kit.boot import App
from kit.kv import Bucket
from proto import subjects
from proto.base import Message, Refused, encode
from proto.mixer import AddCandidate, CallAnswered, CallCommand, CallHeard, ConnectCall, decode_call
from proto.views import FeedOffer
from services.conference_state.core import Vmr
from services.gateway.core.seats import LASTS
from tests.support.gateway import conference_state, gateway

pytestmark = pytest.mark.nats

ADMIN = "/api/admin/configuration/v1/conference/"
CLIENT = "/api/client/v2/conferences"
PINS = ("pin", "guest_pin", "allow_guests")
SDP = "v=0\r\na=ice-pwd:SECRET-OF-THE-CALL\r\n"


class Mixer:
    """Answers every call but those of people it is told to refuse."""

    def __init__(self) -> None:
        self.heard: list[CallCommand] = []
        self.refusal: Refused | None = None

    async def behind(self, app: App, vmr: Vmr) -> None:
        await conference_state(app, vmr)
        await bus.answer(
            app.nc,
            subjects.calls("mixer-1"),
            decode=decode_call,
            handle=self.handle,
            group=app.group,
        )

    async def handle(self, command: CallCommand) -> Message:
        self.heard.append(command)
        if self.refusal is not None:
            return self.refusal
        return CallAnswered(SDP) if isinstance(command, ConnectCall) else CallHeard()


class Hall:
    """A conference to come into."""

    def __init__(self, http: httpx.AsyncClient, nc: Client, mixer: Mixer) -> None:
        self.http = http
        self.nc = nc
        self.mixer = mixer

    async def ask(self, name: str = "Ada", **headers: str) -> httpx.Response:
        body = {"display_name": name}
        return await self.http.post(f"{CLIENT}/town-hall/request_token", json=body, headers=headers)

    async def enter(self, name: str = "Ada", **headers: str) -> "Person":
        answer = await self.ask(name, **headers)
        assert answer.status_code == 200, answer.text
        return Person(self, answer.json()["result"])

    async def mix(self) -> None:
        """A mixer has begun."""
        [key] = list(
            await (await Bucket.ensure(self.nc.jetstream(), subjects.CONFERENCES)).everything()
        )
        feeds = await Bucket.ensure(self.nc.jetstream(), subjects.FEEDS)
        await feeds.put(key, encode(FeedOffer(key, "i", "mixer-1", "here", "/nowhere")))


class Person:
    def __init__(self, hall: Hall, given: dict[str, Any]) -> None:
        self.hall = hall
        self.given = given
        self.uuid = given["participant_uuid"]
        self.headers = {"token": given["token"]}

    async def post(self, path: str, body: Any = None) -> httpx.Response:
        return await self.hall.http.post(
            f"{CLIENT}/town-hall/{path}", json=body or {}, headers=self.headers
        )

    async def about(self, who: "Person", what: str, body: Any = None) -> httpx.Response:
        return await self.post(f"participants/{who.uuid}/{what}", body)

    async def get(self, path: str) -> httpx.Response:
        return await self.hall.http.get(f"{CLIENT}/town-hall/{path}", headers=self.headers)

    async def sees(self) -> list[dict[str, Any]]:
        people: list[dict[str, Any]] = (await self.get("participants")).json()["result"]
        return people

    @asynccontextmanager
    async def events(self) -> AsyncIterator["Events"]:
        where = f"{CLIENT}/town-hall/events?token={self.given['token']}"
        async with self.hall.http.stream("GET", where) as answer:
            assert answer.status_code == 200
            yield Events(answer)


class Events:
    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.aiter_lines()

    async def until(self, event: str) -> tuple[list[str], Any]:
        """The names of all events up to this one, and its data."""
        names: list[str] = []
        async for line in self._lines:
            if line.startswith("event: "):
                names.append(line.removeprefix("event: "))
            elif line.startswith("data: ") and names and names[-1] == event:
                return names, msgspec.json.decode(line.removeprefix("data: "))
        raise AssertionError(f"the stream ended before {event}: {names}")

    async def over(self) -> None:
        async for _ in self._lines:
            pass


@asynccontextmanager
async def hall(
    nc: Client, now: Callable[[], datetime] = lambda: datetime.now(UTC), **vmr: Any
) -> AsyncIterator[Hall]:
    mixer = Mixer()
    behind = partial(mixer.behind, vmr=Vmr("Town Hall", **vmr))
    shared = {name: value for name, value in vmr.items() if name in PINS}
    async with gateway(nc, behind, now=now) as http:
        body = {"name": "Town Hall", "aliases": [{"alias": "town-hall"}], **shared}
        answer = await http.post(ADMIN, json=body)
        assert answer.status_code == 201, answer.text
        yield Hall(http, nc, mixer)


async def test_somebody_comes_in_calls_presents_and_goes(
    nc: Client, capfd: pytest.CaptureFixture[str]
) -> None:
    async with hall(nc) as town:
        ada = await town.enter()
        await town.mix()
        assert (ada.given["role"], ada.given["expires"]) == ("HOST", "120")
        [shown] = await ada.sees()
        assert (shown["uuid"], shown["protocol"], shown["service_type"]) == (
            ada.uuid,
            "webrtc",
            "conference",
        )
        call = (await ada.about(ada, "calls", {"call_type": "WEBRTC", "sdp": SDP})).json()
        assert call["result"]["sdp"] == SDP
        which = f"calls/{call['result']['call_uuid']}"
        for what, body, result in [
            ("ack", {}, True),
            ("new_candidate", {"candidate": "candidate:1", "mid": "0"}, None),
            ("disconnect", {}, None),
        ]:
            answer = await ada.about(ada, f"{which}/{what}", body)
            assert answer.json() == {"status": "success", "result": result}
        assert AddCandidate in map(type, town.mixer.heard)
        renewed = await ada.about(ada, f"{which}/update", {"sdp": SDP})
        assert renewed.json()["result"]["call_uuid"] == call["result"]["call_uuid"]
        sent = await ada.about(ada, "calls", {"sdp": SDP, "present": "send"})
        assert sent.status_code == 200
        assert town.mixer.heard[-1].kind == "send_presentation"  # type: ignore[union-attr]
        assert (await ada.about(ada, "take_floor")).json()["result"] is None
        assert [one["is_presenting"] for one in await ada.sees()] == ["YES"]
        town.mixer.refusal = Refused("waiting", "the participant waits")
        refused = await ada.about(ada, "calls", {"sdp": SDP})
        assert (refused.status_code, refused.json()["status"]) == (403, "failed")

        assert (await ada.post("refresh_token")).json()["result"]["expires"] == "120"
        # As a page that is being closed does it.
        released = await town.http.post(
            f"{CLIENT}/town-hall/release_token",
            content=msgspec.json.encode({"token": ada.given["token"]}),
        )
        assert released.json() == {"status": "success", "result": True}
        gone = await ada.get("participants")
        assert (gone.status_code, gone.json()) == (
            403,
            {"status": "failed", "result": "Invalid token"},
        )
    said = "".join(capfd.readouterr())
    signature = ada.given["token"].rsplit(".", 1)[-1]
    assert "committed" in said
    assert not [
        secret for secret in ("SECRET-OF-THE-CALL", "candidate:1", signature) if secret in said
    ]


async def test_pins_are_asked_for_and_wrong_ones_are_paid_for(nc: Client) -> None:
    async with hall(nc, pin="1234", guest_pin="5678", allow_guests=True) as town:
        asked = await town.ask()
        assert (asked.status_code, asked.json()["status"]) == (403, "success")
        assert asked.json()["result"]["pin"] == "required"
        assert asked.json()["result"]["guest_pin"] == "required"
        bob = await town.enter("Bob", pin="5678")
        assert (bob.given["role"], bob.given["current_service_type"]) == ("GUEST", "waiting_room")
        ada = await town.enter("Ada", pin="1234")
        assert ada.given["role"] == "HOST"
        assert len(await bob.sees()) == 2
        statuses = [(await town.ask(pin="9999")) for _ in range(6)]
        assert statuses[0].json() == {"status": "failed", "result": "Invalid PIN"}
        assert [one.status_code for one in statuses] == [403] * 5 + [429]

        # What Guests may: not what is for Hosts, and not to others.
        for path in ("lock", "muteguests", "disconnect", "dial", "transform_layout"):
            assert (await bob.post(path)).status_code == 403, path
        for what in ("disconnect", "mute", "spotlighton", "role", "transfer", "calls"):
            assert (await bob.about(ada, what)).status_code == 403, what
        assert (await bob.about(bob, "mute")).status_code == 200
        assert (await ada.post("lock")).json()["result"] is True
        assert (await ada.get("conference_status")).json()["result"]["locked"]
        assert not (await bob.get("conference_status")).json()["result"]["locked"]
        illegal = await ada.post("transform_layout", {"transforms": {"layout": "9:9:9"}})
        assert (illegal.status_code, illegal.json()) == (
            400,
            {"status": "success", "result": "Illegal value"},
        )
        dialled = await ada.post(
            "dial",
            {
                "destination": "rtmps://ingest.example.com/live/CANARY",
                "protocol": "rtmp",
                "streaming": "yes",
                "remote_display_name": "Tube",
            },
        )
        [stream] = dialled.json()["result"]
        shown = {one["uuid"]: one for one in await ada.sees()}
        assert shown[stream]["is_streaming_conference"]
        guests = {one["uuid"]: one for one in await bob.sees()}
        assert (guests[stream]["uri"], guests[stream]["protocol"]) == ("", "")
        assert "CANARY" not in str(shown)


async def test_what_happens_is_told_as_it_does(nc: Client) -> None:
    async with hall(nc) as town, asyncio.timeout(20):
        ada = await town.enter()
        async with ada.events() as first:
            names, _ = await first.until("conference_update")
            assert names == [
                "participant_sync_begin",
                "participant_create",
                "participant_sync_end",
                "conference_update",
            ]
            bob = await town.enter("Bob")
            _, created = await first.until("participant_create")
            assert created["uuid"] == bob.uuid
            async with bob.events() as second:
                await second.until("conference_update")
                await ada.about(bob, "take_floor")
                _, presents = await first.until("presentation_start")
                assert presents["presenter_name"] == "Bob"
                await ada.about(bob, "disconnect")
                _, told = await second.until("disconnect")
                assert told == {"reason": "Disconnected by another participant"}
                await second.over()
            _, deleted = await first.until("participant_delete")
            assert deleted == {"uuid": bob.uuid}
            async with ada.events() as again:
                await again.until("conference_update")
                await first.over()
                await ada.post("disconnect")
                _, told = await again.until("disconnect")
                assert told == {"reason": "Conference terminated by another participant"}


async def test_whoever_is_moved_is_told_where_they_are_now(nc: Client) -> None:
    async with hall(nc) as town, asyncio.timeout(20):
        body = {"name": "Studio", "aliases": [{"alias": "studio"}]}
        await town.http.post(ADMIN, json=body)
        ada = await town.enter()
        async with ada.events() as events:
            await events.until("conference_update")
            answer = await ada.about(
                ada, "transfer", {"conference_alias": "studio", "role": "host"}
            )
            assert answer.status_code == 200, answer.text
            _, there = await events.until("refer")
            assert there["alias"] == "studio"
        seen = await town.http.get(
            f"{CLIENT}/studio/participants", headers={"token": there["token"]}
        )
        [one] = seen.json()["result"]
        assert (one["uuid"], one["protocol"]) == (there["participant_uuid"], "webrtc")


async def test_whoever_falls_silent_is_sent_away_and_whoever_does_not_stays(nc: Client) -> None:
    ahead = timedelta()

    async with hall(nc, lambda: datetime.now(UTC) + ahead) as town, asyncio.timeout(20):
        ada, bob = await town.enter(), await town.enter("Bob")
        async with bob.events() as events:
            await events.until("conference_update")
            ahead += LASTS - timedelta(seconds=20)
            renewed = (await ada.post("refresh_token")).json()["result"]
            ahead += timedelta(seconds=30)
            assert (await ada.get("participants")).status_code == 403, "its time is over"
            ada.headers = {"token": renewed["token"]}
            _, told = await events.until("disconnect")
        assert told == {"reason": "Timer expired awaiting token refresh"}
        assert [one["uuid"] for one in await ada.sees()] == [ada.uuid]
