"""The gateway over real HTTP, with a real nats-server and a real conference_state behind it."""

import asyncio
import json
import wave
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from nats.aio.client import Client

from kit.kv import Bucket
from kit.secrets import Secret
from proto import subjects
from proto.base import encode
from proto.media import FeedSpec
from proto.mixer import LayoutChanged, Slot, StageChanged
from tests.support.gateway import busy, gateway

pytestmark = pytest.mark.nats

CONFIGURATION = "/api/admin/configuration/v1"
DIAL = "/api/admin/command/v1/participant/dial/"
PEOPLE = "/api/rostrum/v1/conferences/town-hall/participants/"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def town_hall(http: httpx.AsyncClient) -> httpx.Response:
    body = {"name": "Town Hall", "aliases": [{"alias": "town-hall"}]}
    return await http.post(f"{CONFIGURATION}/conference/", json=body)


async def secrets(nc: Client) -> dict[str, bytes]:
    return await (await Bucket.ensure(nc.jetstream(), subjects.SECRETS)).everything()


def tone(path: Path) -> Path:
    """A second of silence is media, too."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(16000))
    return path


async def test_a_resource_is_made_changed_and_deleted_for_good(nc: Client) -> None:
    async with gateway(nc) as http:
        made = await town_hall(http)
        assert (made.status_code, made.content) == (201, b"")
        place = made.headers["Location"]
        found = (await http.get(place)).json()
        assert found["resource_uri"] == place
        assert found["host_view"] == "one_main_seven_pips"
        assert (await http.patch(place, json={"description": "x"})).status_code == 202
        assert (await http.get(place)).json()["description"] == "x"
        whole = await http.put(place, json={"name": "All Hands"})
        assert whole.status_code == 204
        changed = (await http.get(place)).json()
        assert (changed["description"], changed["aliases"]) == ("", [])
        listed = (await http.get(f"{CONFIGURATION}/conference")).json()
        assert listed["meta"]["total_count"] == 1
        assert (await http.delete(place)).status_code == 204
        assert (await http.delete(place)).status_code == 404
        assert (await town_hall(http)).headers["Location"] != place


async def test_a_name_and_an_alias_are_given_once_even_at_the_same_moment(nc: Client) -> None:
    async with gateway(nc) as http:
        body = {"name": "Town Hall", "aliases": [{"alias": "a"}]}
        answers = await asyncio.gather(
            *(
                http.post(
                    f"{CONFIGURATION}/conference/", json={**body, "name": f"Town Hall {number}"}
                )
                for number in range(6)
            )
        )
        assert sorted(answer.status_code for answer in answers) == [201, *[400] * 5]
        refused = next(answer for answer in answers if answer.status_code == 400)
        assert list(refused.json()["conference"]) == ["aliases"]


async def test_a_stream_is_dialled_shown_and_hung_up(nc: Client) -> None:
    async with gateway(nc) as http:
        await town_hall(http)
        body = {
            "conference_alias": "Town-Hall",
            "destination": "rtmps://user:PASSWORD@host:443/live/KEY?sign=VALUE",
            "protocol": "rtmp",
            "routing": "manual",
            "streaming": True,
        }
        dialled = await http.post(DIAL, json=body)
        assert dialled.json() == {"status": "success", "data": {"participant_id": "id-1"}}
        [participant] = (await http.get("/api/admin/status/v1/participant/")).json()["objects"]
        assert participant["is_streaming"] is True
        assert participant["destination_alias"] == "rtmps://***@host:443/live/***?sign=***"
        assert list(await secrets(nc)) == ["id-1.destination"]
        log = (await http.get("/api/rostrum/v1/conferences/town-hall/log.jsonl")).text
        lines = [json.loads(line) for line in log.splitlines()]
        assert lines[0]["export"]["conferences"] == [lines[1]["settings"]["conference"]]
        assert [e["type"] for e in lines[2]["commit"]][-1] == "call_requested.v1"
        assert lines[-2]["view"]["participants"][0]["participant"] == "id-1"
        assert lines[-1] == {"end": {"lines": len(lines) - 1}}
        for leak in ("PASSWORD", "KEY", "VALUE", "user"):
            assert leak not in log
        hung_up = await http.post(
            "/api/admin/command/v1/participant/disconnect/", json={"participant_id": "id-1"}
        )
        assert hung_up.json() == {"status": "success"}
        assert (await http.get("/api/admin/status/v1/conference/")).json()["objects"] == []


BAD_CALLS = {
    "unknown conference": ({"conference_alias": "nope"}, "conference_alias"),
    "not RTMP": ({"destination": "https://host/live/SECRET"}, "destination"),
    "empty host": ({"destination": "rtmp:///live/SECRET"}, "destination"),
    "too long": ({"destination": "rtmp://host/live/" + "SECRET" * 834}, "destination"),
    "no key": ({"destination": "rtmp://host/SECRET"}, "destination"),
    "second address": ({"presentation_url": "rtmp://host/SECRET"}, "presentation_url"),
    "unknown field": ({"zzz": "SECRET"}, "zzz"),
    "wrong protocol": ({"protocol": "sip"}, "protocol"),
    "unknown location": ({"system_location": "Mars"}, "system_location"),
}


@pytest.mark.parametrize("case", BAD_CALLS)
async def test_a_bad_call_is_refused_by_field_and_leaves_nothing(nc: Client, case: str) -> None:
    changes, field = BAD_CALLS[case]
    good = {
        "conference_alias": "town-hall",
        "destination": "rtmp://host/live/SECRET",
        "protocol": "rtmp",
        "routing": "manual",
    }
    async with gateway(nc) as http:
        await town_hall(http)
        answer = await http.post(DIAL, json={**good, **changes})
        assert answer.status_code == 400
        assert answer.json()["status"] == "failure"
        assert list(answer.json()["participant"]) == [field]
        assert "SECRET" not in answer.text
        assert await secrets(nc) == {}
        assert (await http.get("/api/admin/status/v1/conference/")).json()["objects"] == []


BAD_MEDIA = {
    "text": ("notes.txt", b"These are notes.\n" * 50),
    "empty": ("empty.mp4", b""),
    "damaged": ("damaged.mp4", b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + b"\0" * 400),
}


@pytest.mark.parametrize("case", BAD_MEDIA)
async def test_a_file_that_is_not_media_is_refused(nc: Client, case: str, tmp_path: Path) -> None:
    name, content = BAD_MEDIA[case]
    (tmp_path / name).write_bytes(content)
    async with gateway(nc, allow_files=True) as http:
        await town_hall(http)
        body = {"display_name": "Ada", "media": str(tmp_path / name)}
        answer = await http.post(PEOPLE, json=body)
        assert answer.status_code == 400
        assert list(answer.json()["participant"]) == ["media"]
        assert "not a file with picture or sound" in answer.text
        assert await secrets(nc) == {}


async def test_files_are_for_standalone_only(nc: Client, tmp_path: Path) -> None:
    body = {"display_name": "Ada", "media": str(tone(tmp_path / "tone.wav"))}
    async with gateway(nc) as http:
        await town_hall(http)
        answer = await http.post(PEOPLE, json=body)
        assert answer.status_code == 400
        assert list(answer.json()["participant"]) == ["media"]
        missing = await http.post(PEOPLE, json={**body, "media": "gopher://host/1"})
        assert list(missing.json()["participant"]) == ["media"]


async def test_somebody_joins_presents_and_leaves(nc: Client, tmp_path: Path) -> None:
    media = str(tone(tmp_path / "tone.wav"))
    async with gateway(nc, allow_files=True) as http:
        await town_hall(http)
        body = {"display_name": "Ada", "role": "host", "media": media, "presentation": media}
        joined = await http.post(PEOPLE, json=body)
        assert joined.status_code == 201
        ada = joined.json()["participant"]
        assert (await http.put(f"{PEOPLE}{ada}/presenting/")).status_code == 204
        shown = (await http.get("/api/rostrum/v1/conferences/town-hall/")).json()
        assert (shown["presenter"], shown["participants"][0]["role"]) == (ada, "host")
        assert (await http.delete(f"{PEOPLE}{ada}/presenting/")).status_code == 204
        assert (await http.delete(f"{PEOPLE}{ada}/")).status_code == 204
        assert (await http.delete(f"{PEOPLE}{ada}/")).status_code == 404
        assert (await http.get("/api/rostrum/v1/conferences/town-hall/")).json()["running"] is False


async def test_presenting_nothing_is_refused_and_leaves_nothing(nc: Client) -> None:
    async with gateway(nc) as http:
        await town_hall(http)
        body = {"display_name": "Ada", "media": "rtsp://u:SECRET@camera/1", "presenting": True}
        answer = await http.post(PEOPLE, json=body)
        assert list(answer.json()["participant"]) == ["presentation"]
        assert await secrets(nc) == {}


async def test_a_command_that_nobody_can_carry_out_leaves_nothing(nc: Client) -> None:
    async with gateway(nc, busy) as http:
        await town_hall(http)
        body = {"display_name": "Ada", "media": "rtsp://u:SECRET@camera/1"}
        answer = await http.post(PEOPLE, json=body)
        assert answer.status_code == 503
        assert "SECRET" not in answer.text
        assert await secrets(nc) == {}


async def test_events_begin_with_what_is_and_go_on_with_what_changes(nc: Client) -> None:
    async with gateway(nc) as http:
        await town_hall(http)
        path = "/api/rostrum/v1/conferences/town-hall/events/"
        async with http.stream("GET", path) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            events = _events(stream)
            kind, view = await anext(events)
            assert (kind, view["running"]) == ("view", False)
            assert await anext(events) == ("layout", {"stage": [], "layouts": []})
            kind, flags = await anext(events)
            assert (kind, flags["started"]) == ("conference_update", False)
            await http.post(PEOPLE, json={"display_name": "Ada", "media": "rtsp://camera/1"})
            kind, view = await anext(events)
            assert (kind, view["participants"][0]["display_name"]) == ("view", "Ada")
            kind, flags = await anext(events)
            assert (kind, flags["started"]) == ("conference_update", True)
            key = view["conference"]
            feed = FeedSpec(key)
            slots = [Slot("main", "id-1")]
            said = [StageChanged(NOW, key, ["id-1"]), LayoutChanged(NOW, key, feed, "1:7", slots)]
            await nc.jetstream().publish(subjects.events("mixer", key), encode(said))
            kind, layout = await anext(events)
            assert (kind, layout["stage"]) == ("layout", ["id-1"])
            assert layout["layouts"][0]["slots"] == [{"kind": "main", "participant": "id-1"}]


async def _events(stream: httpx.Response) -> AsyncIterator[tuple[str, Any]]:
    kind = ""
    async for line in stream.aiter_lines():
        name, _, value = line.partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            yield kind, json.loads(value)


async def test_hls_is_served_and_nothing_else_of_the_disk(nc: Client, tmp_path: Path) -> None:
    hls = tmp_path / "hls"
    hls.mkdir()
    (hls / "town-hall.m3u8").write_text("#EXTM3U\n")
    (tmp_path / "secret.m3u8").write_text("secret")
    (hls / "link.m3u8").symlink_to(tmp_path / "secret.m3u8")
    async with gateway(nc, hls_dir=str(hls)) as http:
        playlist = await http.get("/hls/town-hall.m3u8")
        assert playlist.headers["content-type"] == "application/vnd.apple.mpegurl"
        assert playlist.headers["cache-control"] == "no-cache"
        for path in ("/hls/link.m3u8", "/hls/%2e%2e/secret.m3u8", "/hls/..%2fsecret.m3u8", "/hls/"):
            assert (await http.get(path)).status_code == 404
        for path in ("/../config.py", "/%2e%2e/__init__.py", "/vendor/README.md"):
            assert (await http.get(path)).status_code == 404
        page = await http.get("/")
        assert page.headers["content-type"].startswith("text/html")
        assert (await http.get("/web-config.json")).json() == {"hls": "/hls/{alias}.m3u8"}


async def test_a_requests_trace_goes_on_into_the_log(nc: Client) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    async with gateway(nc) as http:
        await town_hall(http)
        body = {"display_name": "Ada", "media": "rtsp://camera/1"}
        headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
        assert (await http.post(PEOPLE, json=body, headers=headers)).status_code == 201
        stored = await nc.jetstream().get_last_msg("CONFERENCE", "conference.events.*")
        assert trace in (stored.headers or {})["traceparent"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/rostrum/v1/conferences/",
        "//api/rostrum/v1/conferences/",
        "/%2fapi/rostrum/v1/conferences/",
        "///api//rostrum/v1/conferences",
        "api/rostrum/v1/conferences/",
        "/./api/rostrum/v1/conferences/",
        "/health/../api/rostrum/v1/conferences/",
        "/hls/town-hall.m3u8",
    ],
)
async def test_no_spelling_of_a_path_gets_around_the_token(nc: Client, path: str) -> None:
    """Asked by hand: an HTTP library would mend the path before it is sent."""
    async with gateway(nc, admin_token=Secret("the-token")) as http:
        reader, writer = await asyncio.open_connection(http.base_url.host, http.base_url.port)
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
        )
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()

    status = int(answer.split()[1])
    assert status in (400, 401, 404)
    assert b"Town Hall" not in answer
    assert status != 404 or b"no such page" in answer
