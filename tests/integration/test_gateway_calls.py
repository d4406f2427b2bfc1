"""Somebody calls, over HTTP: into a conference, through a gateway, or nowhere."""

import json
from functools import partial
from typing import Any

import httpx
import msgspec
import pytest
from nats.aio.client import Client

from kit.kv import Bucket
from proto import subjects
from proto.base import encode
from proto.config import GatewayRoutingRule
from services.conference_state.core import Vmr
from tests.support.gateway import SEALER, THROUGH, conference_state, gateway, with_routing

pytestmark = pytest.mark.nats

CONFIGURATION = "/api/admin/configuration/v1"
STATUS = "/api/admin/status/v1"
COMMAND = "/api/admin/command/v1"
OURS = "/api/rostrum/v1"
MEDIA = "rtsp://meeting.example.com/CANARY"
ALIAS = "yt-CANARY"


async def add_rule(http: httpx.AsyncClient, **more: Any) -> None:
    body = {
        "name": "Out to the tube",
        "priority": 10,
        "match_string": r"yt-(\w+)",
        "replace_string": r"rtmps://ingest.example.com/live/\1",
        "outgoing_protocol": "rtmp",
        **more,
    }
    made = await http.post(f"{CONFIGURATION}/gateway_routing_rule/", json=body)
    assert made.status_code == 201, made.text


async def town_hall(http: httpx.AsyncClient) -> None:
    body = {"name": "Town Hall", "aliases": [{"alias": "town-hall"}]}
    assert (await http.post(f"{CONFIGURATION}/conference/", json=body)).status_code == 201


async def call(http: httpx.AsyncClient, alias: str = ALIAS, **more: Any) -> httpx.Response:
    body = {"alias": alias, "display_name": "Meeting", "media": MEDIA, **more}
    return await http.post(f"{OURS}/calls/", json=body)


async def secrets(nc: Client) -> dict[str, bytes]:
    return await (await Bucket.ensure(nc.jetstream(), subjects.SECRETS)).everything()


async def test_a_call_goes_through_and_is_shown_everywhere_for_what_it_is(nc: Client) -> None:
    async with gateway(nc, with_routing) as http:
        await add_rule(http)
        answer = await call(http, platform="teams", presentation=MEDIA, presenting=True)
        assert answer.status_code == 201, answer.text
        made = answer.json()
        key = made["conference"]
        kept = await secrets(nc)
        one = (await http.get(f"{OURS}/conferences/{key}/")).json()
        [listed] = (await http.get(f"{OURS}/conferences/")).json()["conferences"]
        [status] = (await http.get(f"{STATUS}/conference/")).json()["objects"]
        people = (await http.get(f"{STATUS}/participant/")).json()["objects"]
        log = (await http.get(f"{OURS}/conferences/{key}/log.jsonl")).text

    assert made == {**made, "service_type": "gateway"}
    assert subjects.is_gateway_call(key)
    assert kept.keys() == {
        f"{made['participant']}.media",
        f"{made['participant']}.presentation",
        f"{made['stream']}.destination",
    }
    opened = SEALER.open(kept[f"{made['stream']}.destination"].decode()).reveal()
    assert opened == "rtmps://ingest.example.com/live/CANARY"
    assert (one["name"], one["service_type"], one["running"]) == (
        "Out to the tube",
        "gateway",
        True,
    )
    assert listed["conference"] == key
    assert [p["participant"] for p in one["participants"]] == [made["participant"], made["stream"]]
    caller, stream = one["participants"]
    assert (caller["protocol"], caller["called"], caller["presenting"]) == ("webrtc", "***", True)
    assert stream["destination"]["url"] == "rtmps://ingest.example.com/live/***"
    assert status["service_type"] == "gateway"
    shown = {p["id"]: p for p in people}
    caller, stream = shown[made["participant"]], shown[made["stream"]]
    assert (caller["service_type"], caller["protocol"], caller["call_direction"]) == (
        "gateway",
        "WebRTC",
        "in",
    )
    assert not caller["is_transfer_supported"]
    assert caller["is_mute_supported"]
    assert (stream["service_type"], stream["call_direction"]) == ("connecting", "out")
    assert (stream["is_streaming"], stream["is_mute_supported"]) == (True, False)
    kinds = [next(iter(json.loads(line))) for line in log.splitlines()]
    assert kinds == ["export", "settings", "family", "view", "end"]
    assert "CANARY" not in json.dumps([one, listed, status, people]) + log


@pytest.mark.parametrize(
    ("rule", "alias", "status", "said"),
    [
        ({}, "vimeo-x", 404, "Neither conference nor gateway found"),
        ({"match_incoming_calls": False, "match_outgoing_calls": True}, ALIAS, 404,
         "Neither conference nor gateway found"),
        ({"match_incoming_webrtc": False}, ALIAS, 404, "Neither conference nor gateway found"),
        ({"replace_string": "rtmps://host"}, ALIAS, 400,
         "What rule “Out to the tube” makes of the alias cannot be dialled: it has no application"
         " and stream key; it must look like rtmps://host:443/app/key."),
        ({"outgoing_protocol": "sip"}, ALIAS, 400,
         "Rule “Out to the tube” dials by sip, only rtmp can be."),
        ({"replace_string": r"rtmp://h/live/\1", "crypto_mode": "on"}, ALIAS, 400,
         "Rule “Out to the tube” requires media encryption, which rtmp:// does not have;"
         " use rtmps://."),
    ],
)  # fmt: skip
async def test_who_gets_nowhere_is_told_so_and_leaves_nothing(
    nc: Client, rule: dict[str, Any], alias: str, status: int, said: str
) -> None:
    async with gateway(nc, with_routing) as http:
        await add_rule(http, **rule)
        answer = await call(http, alias)
        shown = (await http.get(f"{OURS}/conferences/")).json()

    assert (answer.status_code, answer.json()) == (status, {"call": {"alias": [said]}})
    assert shown == {"conferences": []}
    assert await secrets(nc) == {}


async def test_a_bad_transform_is_told_in_pexips_words(nc: Client) -> None:
    """Such a rule cannot be saved any more; what was saved once may still be there."""
    bucket = await Bucket.ensure(nc.jetstream(), subjects.CONFIG)
    rule = GatewayRoutingRule("R", 1, ".*", 5, replace_string=r"\9", outgoing_protocol="rtmp")
    await bucket.put("gateway_routing_rule.5", encode(rule))
    async with gateway(nc, with_routing) as http:
        answer = await call(http)

    assert answer.status_code == 400
    assert answer.json() == {"call": {"alias": ["invalid gateway routing rule transform"]}}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"enable_rtmp": False}, "Streaming is disabled in the global settings."),
        ({"enable_dialout": False}, "Dialling out is disabled in the global settings."),
        ({"crypto_mode": "on"}, "Media encryption is required, and rtmp:// has none."),
    ],
)
async def test_what_the_global_settings_forbid_is_not_begun(
    nc: Client, settings: dict[str, Any], said: str
) -> None:
    general = msgspec.structs.replace(THROUGH, **settings)
    async with gateway(nc, partial(with_routing, through=general)) as http:
        await add_rule(http, replace_string=r"rtmp://ingest.example.com/live/\1")
        answer = await call(http)

    assert (answer.status_code, answer.json()) == (400, {"call": {"alias": [said]}})
    assert await secrets(nc) == {}


@pytest.mark.parametrize(
    ("pin", "status", "role"), [("1234", 201, "host"), ("", 201, "guest"), ("0000", 403, "")]
)
async def test_who_calls_a_conference_joins_it_and_the_pin_decides_as_what(
    nc: Client, pin: str, status: int, role: str
) -> None:
    hosted = Vmr("Town Hall", pin="1234", allow_guests=True)
    async with gateway(nc, partial(conference_state, vmr=hosted)) as http:
        await town_hall(http)
        answer = await call(http, "Town-Hall", pin=pin, protocol="h323", platform="teams")
        shown = (await http.get(f"{OURS}/conferences/town-hall/")).json()

    assert answer.status_code == status
    if status == 403:
        assert answer.json() == {"call": {"pin": ["Invalid PIN."]}}
        assert await secrets(nc) == {}
    else:
        made = answer.json()
        [caller] = shown["participants"]
        assert (made["service_type"], made["stream"]) == ("conference", None)
        assert made["participant"] == caller["participant"]
        assert (caller["role"], caller["protocol"]) == (role, "h323")
        leave = f"{OURS}/conferences/{made['conference']}/participants/{made['participant']}/"
        assert leave.startswith(f"{OURS}/conferences/town-hall-")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"alias": ""}, "alias"),
        ({"alias": "a\nb"}, "alias"),
        ({"alias": "x" * 2049}, "alias"),
        ({"display_name": ""}, "display_name"),
        ({"media": None}, "media"),
        ({"media": "gopher://x"}, "media"),
        ({"media": "/etc/passwd"}, "media"),
        ({"presentation": "/etc/passwd"}, "presentation"),
        ({"presenting": True}, "presentation"),
        ({"protocol": "telnet"}, "protocol"),
        ({"location": "Atlantis"}, "location"),
        ({"platform": "zoom"}, "platform"),
        ({"pin": 1234}, "pin"),
        ({"zzz": 1}, "zzz"),
    ],
)
async def test_a_bad_request_is_told_by_field(nc: Client, body: dict[str, Any], field: str) -> None:
    async with gateway(nc, with_routing) as http:
        await add_rule(http)
        answer = await call(http, **{"alias": ALIAS, **body})

    assert answer.status_code == 400
    assert list(answer.json()["call"]) == [field]
    assert await secrets(nc) == {}


async def test_without_routing_a_caller_may_try_again(nc: Client) -> None:
    async with gateway(nc, conference_state) as http:
        answer = await call(http)

    assert answer.status_code == 503
    assert await secrets(nc) == {}


async def test_what_can_and_cannot_be_done_to_a_gateway_call(nc: Client) -> None:
    async with gateway(nc, with_routing) as http:
        await town_hall(http)
        await add_rule(http)
        made = (await call(http, platform="google_meet", presentation=MEDIA)).json()
        key, caller, stream = made["conference"], made["participant"], made["stream"]
        one = f"{OURS}/conferences/{key}"
        instance = (await http.get(f"{one}/")).json()["instance"]

        async def command(name: str, **body: Any) -> int:
            return (await http.post(f"{COMMAND}/{name}/", json=body)).status_code

        refused = [
            await command("conference/lock", conference_id=instance),
            await command("conference/mute_guests", conference_id=instance),
            await command("participant/role", participant_id=caller, role="guest"),
            await command("participant/unlock", participant_id=caller),
            await command("participant/mute", participant_id=stream),
            await command("participant/transfer", participant_id=caller,
                          conference_alias="town-hall"),
            await command("participant/dial", conference_alias=key, destination="rtmp://h/a/k",
                          protocol="rtmp"),
            (await http.post(f"{one}/participants/", json={"display_name": "Eve"})).status_code,
            (await http.post(f"{one}/outside/", json={"kind": "recording", "platform": "teams"}))
            .status_code,
        ]  # fmt: skip
        done = [
            await command("participant/mute", participant_id=caller),
            (await http.put(f"{one}/participants/{caller}/presenting/")).status_code,
            (await http.post(f"{one}/outside/",
                             json={"kind": "recording", "platform": "google_meet"})).status_code,
            await command("conference/transform_layout", conference_id=instance, layout="1:7"),
        ]  # fmt: skip
        shown = (await http.get(f"{one}/")).json()
        gone = (await http.delete(f"{one}/participants/{caller}/")).status_code
        after = (await http.get(f"{one}/")).json()
        history = (await http.get("/api/admin/history/v1/participant/")).json()["objects"]

    assert refused == [400, 400, 400, 400, 400, 400, 400, 404, 400]
    assert done == [200, 204, 204, 200]
    assert (shown["presenter"], shown["layout"]) == (caller, "1:7")
    assert (gone, after["running"], after["participants"]) == (204, False, [])
    assert after["end_reason"] == "Disconnected by an administrator"
    assert {(p["id"], p["protocol"], p["call_direction"]) for p in history} == {
        (caller, "WebRTC", "in"),
        (stream, "RTMP", "out"),
    }
