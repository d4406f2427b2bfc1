"""The management API over real HTTP: every endpoint, with good and with bad requests."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from nats.aio.client import Client

from kit.boot import Jobs
from kit.bus import answer
from kit.kv import Bucket
from kit.secrets import Sealer, Secret
from proto import subjects
from proto.base import Message, encode
from proto.config import AutomaticParticipant
from proto.media import FeedSpec, Rendition
from proto.scheduler import (
    DestinationAssigned,
    Draining,
    DrainWorker,
    SessionAssigned,
    decode_drain,
)
from proto.urls import SealedUrl
from proto.views import WorkerView
from services.gateway.archive import AT_ONCE
from tests.support.gateway import NOW, gateway

pytestmark = pytest.mark.nats

CONFIGURATION = "/api/admin/configuration/v1"
STATUS = "/api/admin/status/v1"
HISTORY = "/api/admin/history/v1"
COMMAND = "/api/admin/command/v1"
PEOPLE = "/api/rostrum/v1/conferences/town-hall/participants/"
USERS = "/api/rostrum/v1/users/"
SECRET = "s3cr3t"


async def make(http: httpx.AsyncClient, kind: str, **body: Any) -> str:
    """The new resource's URI."""
    made = await http.post(f"{CONFIGURATION}/{kind}/", json=body)
    assert (made.status_code, made.content) == (201, b""), made.text
    return str(made.headers["Location"])


async def town_hall(http: httpx.AsyncClient, **more: Any) -> str:
    return await make(
        http, "conference", name="Town Hall", aliases=[{"alias": "town-hall"}], **more
    )


async def join(http: httpx.AsyncClient, name: str, role: str = "host") -> str:
    body = {"display_name": name, "media": "rtsp://camera/1", "role": role}
    return str((await http.post(PEOPLE, json=body)).json()["participant"])


async def dial(http: httpx.AsyncClient, **more: Any) -> httpx.Response:
    body = {
        "conference_alias": "town-hall",
        "destination": f"rtmps://host:443/live/{SECRET}",
        "protocol": "rtmp",
        "routing": "manual",
        "streaming": True,
        **more,
    }
    return await http.post(f"{COMMAND}/participant/dial/", json=body)


async def ids(http: httpx.AsyncClient, path: str) -> list[Any]:
    answer = await http.get(path)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["objects"]]


async def until(look: Callable[[], Awaitable[Any]], right: Callable[[Any], bool]) -> None:
    """What follows the event log is a moment behind it."""
    async with asyncio.timeout(5):
        for _ in count():
            if right(await look()):
                return
            await asyncio.sleep(0.01)


async def test_a_list_is_filtered_ordered_and_paged(nc: Client) -> None:
    async with gateway(nc) as http:
        for name in ("Alpha", "beta", "Alphabet"):
            await make(http, "conference", name=name)
        path = f"{CONFIGURATION}/conference/?name__istartswith=a&order_by=-name&limit=1"
        first = (await http.get(path)).json()
        assert first["meta"]["total_count"] == 2
        assert first["objects"][0]["name"] == "Alphabet"
        second = (await http.get(first["meta"]["next"])).json()
        assert (second["objects"][0]["name"], second["meta"]["next"]) == ("Alpha", None)
        everything = (await http.get(f"{CONFIGURATION}/conference/?limit=0")).json()
        assert len(everything["objects"]) == 3


BAD_LISTS = (
    (f"{CONFIGURATION}/conference/?colour=red", "colour"),
    (f"{CONFIGURATION}/global/?id__like=1", "id__like"),
    (f"{STATUS}/participant/?order_by=colour", "order_by"),
    (f"{HISTORY}/conference/?limit=many", "limit"),
    (f"{STATUS}/worker_vm/?media_load__gt=much", "media_load__gt"),
)


async def test_a_list_that_cannot_be_made_is_refused_by_parameter(nc: Client) -> None:
    async with gateway(nc) as http:
        for path, parameter in BAD_LISTS:
            answer = await http.get(path)
            assert answer.status_code == 400
            [errors] = answer.json().values()
            assert list(errors) == [parameter]


async def test_every_list_has_a_schema_and_what_is_not_there_is_missed(nc: Client) -> None:
    async with gateway(nc) as http:
        lists = {
            CONFIGURATION: (
                "conference",
                "conference_alias",
                "automatic_participant",
                "gateway_routing_rule",
                "system_location",
                "ivr_theme",
                "global",
            ),
            STATUS: ("conference", "participant", "worker_vm"),
            HISTORY: ("conference", "participant"),
        }
        for tree, kinds in lists.items():
            for kind in kinds:
                schema = await http.get(f"{tree}/{kind}/schema/?format=json")
                assert "id" in schema.json()["fields"]
                assert (await http.get(f"{tree}/{kind}/")).status_code == 200
                for method in ("GET", "PATCH", "PUT", "DELETE"):
                    if tree == CONFIGURATION and (kind, method) != ("global", "DELETE"):
                        gone = await http.request(method, f"{tree}/{kind}/99/", json={})
                        assert gone.status_code == 404, (method, kind)
            for path in ("nothing/", "nothing/schema/", "nothing/1/"):
                assert (await http.get(f"{tree}/{path}")).status_code == 404
        assert (await http.get(f"{STATUS}/participant/nobody/media_stream/")).status_code == 404
        for path in ("conference", "participant"):
            assert (await http.delete(f"{HISTORY}/{path}/1/")).status_code == 405


async def test_there_is_one_global_and_no_other(nc: Client) -> None:
    async with gateway(nc) as http:
        path = f"{CONFIGURATION}/global/"
        assert await ids(http, path) == [1]
        assert (await http.post(path, json={})).status_code == 405
        assert (await http.delete(f"{path}1/")).status_code == 405
        assert (await http.patch(f"{path}1/", json={"crypto_mode": "on"})).status_code == 202
        assert (await http.get(f"{path}1/")).json()["crypto_mode"] == "on"
        assert (await http.put(f"{path}1/", json={})).status_code == 204
        assert (await http.get(f"{path}1/")).json()["crypto_mode"] == "besteffort"


async def test_an_alias_is_made_changed_and_deleted_by_itself(nc: Client) -> None:
    async with gateway(nc) as http:
        conference = await town_hall(http)
        alias = await make(http, "conference_alias", alias="hall", conference=conference)
        assert (await http.get(alias)).json()["conference"] == conference
        shown = (await http.get(conference)).json()
        assert [one["alias"] for one in shown["aliases"]] == ["town-hall", "hall"]
        found = await http.get(f"{CONFIGURATION}/conference_alias/?conference__name=Town Hall")
        assert found.json()["meta"]["total_count"] == 2
        assert (await http.patch(alias, json={"alias": "TH"})).status_code == 202
        assert (await http.get("/api/rostrum/v1/conferences/th/")).status_code == 200
        taken = await http.patch(alias, json={"alias": "Town-Hall"})
        assert list(taken.json()["conference_alias"]) == ["alias"]
        other = await make(http, "conference", name="Other")
        moved = await http.patch(alias, json={"conference": other})
        assert list(moved.json()["conference_alias"]) == ["conference"]
        assert (await http.delete(alias)).status_code == 204
        assert (await http.get(alias)).status_code == 404
        assert (await http.get("/api/rostrum/v1/conferences/th/")).status_code == 404


async def sealed(nc: Client) -> dict[str, str]:
    """What is in KV `secrets`, opened."""
    bucket = await Bucket.ensure(nc.jetstream(), subjects.SECRETS)
    sealer = Sealer(b"k" * 32)
    found = await bucket.everything()
    return {key: sealer.open(value.decode()).reveal() for key, value in found.items()}


async def stored_participant(nc: Client, uri: str) -> AutomaticParticipant:
    bucket = await Bucket.ensure(nc.jetstream(), subjects.CONFIG)
    entry = await bucket.get(f"automatic_participant.{uri.rstrip('/').rsplit('/', 1)[-1]}")
    assert entry is not None
    assert entry.value is not None
    assert SECRET.encode() not in entry.value
    return msgspec.json.decode(entry.value, type=AutomaticParticipant)


async def test_an_automatic_participants_key_is_sealed_and_never_shown(nc: Client) -> None:
    async with gateway(nc) as http:
        conference = await town_hall(http)
        url = f"rtmps://host:443/live/{SECRET}"
        tube = await make(
            http,
            "automatic_participant",
            alias=url,
            presentation_url=f"{url}-slides",
            backup_url=f"{url}-backup",
            tls_ca="ours",
            protocol="rtmp",
            streaming=True,
            conference=[conference],
        )
        shown = (await http.get(tube)).json()
        assert shown["alias"] == shown["backup_url"] == "rtmps://host:443/live/***"
        assert (shown["tls_ca"], shown["tls_verify"], shown["codec"]) == ("ours", True, "h264")
        assert SECRET not in str(shown)
        assert (await http.get(conference)).json()["automatic_participants"] == [tube]
        one = await stored_participant(nc, tube)
        assert one.sealed_alias is not None
        assert one.sealed_presentation is not None
        secrets = await sealed(nc)
        assert secrets[one.sealed_alias.secret] == url
        assert secrets[one.sealed_presentation.secret] == f"{url}-slides"
        assert one.sealed_backup is not None
        assert secrets[one.sealed_backup.secret] == f"{url}-backup"

        assert (await http.put(tube, json=shown)).status_code == 204
        assert await sealed(nc) == secrets
        assert (await stored_participant(nc, tube)).sealed_alias == one.sealed_alias

        changes = {"alias": f"{url}-2", "presentation_url": "", "backup_url": ""}
        assert (await http.patch(tube, json=changes)).status_code == 202
        assert list((await sealed(nc)).values()) == [f"{url}-2"]
        assert (await http.delete(tube)).status_code == 204
        assert await sealed(nc) == {}


BAD_AUTOMATIC: tuple[tuple[dict[str, Any], str], ...] = (
    ({"alias": f"https://host/live/{SECRET}"}, "alias"),
    ({"alias": ""}, "alias"),
    ({"alias": 7}, "alias"),
    ({"alias": None}, "alias"),
    ({"alias": f"rtmp://host/live/{SECRET * 60}"}, "alias"),
    ({"presentation_url": f"rtmp://host/{SECRET}"}, "presentation_url"),
    ({"presentation_url": {}}, "presentation_url"),
    ({"backup_url": f"rtmp://host/{SECRET}"}, "backup_url"),
    ({"backup_url": SECRET, "routing": "routing_rule"}, "backup_url"),
    ({"tls_ca": "../../etc"}, "tls_ca"),
    ({"backup_mode": "cold"}, "backup_mode"),
    ({"role": "host"}, "role"),
    ({"sealed_alias": {"secret": "a.b", "redacted": "", "scheme": ""}, "zzz": 1}, "zzz"),
)


async def test_a_bad_automatic_participant_leaves_nothing(nc: Client) -> None:
    good = {"alias": f"rtmp://host/live/{SECRET}", "protocol": "rtmp"}
    async with gateway(nc) as http:
        for changes, field in BAD_AUTOMATIC:
            body = {**good, **changes}
            answer = await http.post(f"{CONFIGURATION}/automatic_participant/", json=body)
            assert answer.status_code == 400
            assert list(answer.json()["automatic_participant"]) == [field]
            assert SECRET not in answer.text
            assert await sealed(nc) == {}


async def test_how_a_stream_is_pushed_is_kept_and_shown_and_its_spare_key_is_not(
    nc: Client,
) -> None:
    async with gateway(nc) as http:
        await town_hall(http)
        spare = f"rtmps://spare:443/live/{SECRET}-spare"
        made = await dial(http, backup_url=spare, backup_mode="hot", tls_verify=False)
        who = made.json()["data"]["participant_id"]
        assert (await sealed(nc))[f"{who}.backup"] == spare
        status = (await http.get(f"{STATUS}/participant/{who}/")).json()
        ours = (await http.get("/api/rostrum/v1/conferences/town-hall/")).json()
        [shown] = [p for p in ours["participants"] if p["participant"] == who]
        plain = await dial(http)
        usual = (
            await http.get(f"{STATUS}/participant/{plain.json()['data']['participant_id']}/")
        ).json()

    assert (status["backup_alias"], status["tls_verify"]) == ("rtmps://spare:443/live/***", False)
    assert (usual["backup_alias"], usual["tls_verify"]) == ("", True)
    delivery = shown["destination"]["delivery"]
    assert (delivery["backup_mode"], delivery["backup"]["url"]) == (
        "hot",
        "rtmps://spare:443/live/***",
    )
    assert SECRET not in str((status, ours))


async def test_a_bad_wish_for_how_to_push_is_named_and_leaves_nothing(nc: Client) -> None:
    wishes: tuple[dict[str, Any], ...] = (
        {"backup_url": f"http://host/{SECRET}"},
        {"backup_mode": "cold"},
        {"tls_ca": "../../etc/ssl"},
        {"codec": "vp8"},
        {"tls_verify": "no"},
    )
    async with gateway(nc) as http:
        await town_hall(http)
        for wish in wishes:
            answer = await dial(http, **wish)
            assert answer.status_code == 400
            assert list(answer.json()["participant"]) == list(wish)
            assert SECRET not in answer.text
        assert await sealed(nc) == {}


async def test_a_rule_may_make_an_address_of_any_alias(nc: Client) -> None:
    async with gateway(nc) as http:
        await town_hall(http)
        await make(http, "automatic_participant", alias="yt-main", routing="routing_rule")
        assert (await dial(http, destination="yt-main", routing="routing_rule")).status_code == 200


async def test_a_conferences_participants_are_set_from_its_side(nc: Client) -> None:
    async with gateway(nc) as http:
        tubes = [
            await make(http, "automatic_participant", alias=f"rtmp://host/live/{n}")
            for n in range(2)
        ]
        conference = await town_hall(http, automatic_participants=tubes)
        assert (await http.get(conference)).json()["automatic_participants"] == tubes
        fewer = {"automatic_participants": tubes[1:]}
        assert (await http.patch(conference, json=fewer)).status_code == 202
        assert (await http.get(tubes[0])).json()["conference"] == []
        assert (await http.patch(conference, json={"description": "x"})).status_code == 202
        assert (await http.get(tubes[1])).json()["conference"] == [conference]
        assert (await http.put(conference, json={"name": "Town Hall"})).status_code == 204
        assert (await http.get(tubes[1])).json()["conference"] == []


async def test_many_are_changed_at_once_or_none(nc: Client) -> None:
    async with gateway(nc) as http:
        path = f"{CONFIGURATION}/system_location/"
        dmz, old = await make(http, "system_location", name="DMZ"), None
        old = await make(http, "system_location", name="Old")
        change = {
            "objects": [{"resource_uri": dmz, "description": "outside"}, {"name": "Edge"}],
            "deleted_objects": [old],
        }
        assert (await http.patch(path, json=change)).status_code == 202
        shown = (await http.get(f"{path}?order_by=name")).json()["objects"]
        assert [one["name"] for one in shown] == ["DMZ", "Edge"]
        assert shown[0]["description"] == "outside"
        bad = {"objects": [{"name": "New"}, {"name": "dmz"}], "deleted_objects": [dmz[:-2] + "77/"]}
        assert (await http.patch(path, json=bad)).status_code == 400
        bad = {"objects": [{"name": "New"}, {"name": "edge"}]}
        refused = await http.patch(path, json=bad)
        assert list(refused.json()["system_location"]) == ["name"]
        assert (await http.get(path)).json()["meta"]["total_count"] == 2


async def test_a_conference_that_is_deleted_ends(nc: Client) -> None:
    async with gateway(nc) as http:
        for several in (False, True):
            uri = await town_hall(http)
            await join(http, "Ada")
            assert len(await ids(http, f"{STATUS}/conference/")) == 1
            if several:
                gone = {"deleted_objects": [uri, uri]}
                answer = await http.patch(f"{CONFIGURATION}/conference/", json=gone)
                assert answer.status_code == 400
                gone = {"deleted_objects": [uri]}
                answer = await http.patch(f"{CONFIGURATION}/conference/", json=gone)
                assert answer.status_code == 202
            else:
                assert (await http.delete(uri)).status_code == 204
            assert await ids(http, f"{STATUS}/conference/") == []


BAD_MANY: tuple[tuple[dict[str, Any], str], ...] = (
    ({"objects": {}}, "objects"),
    ({"objects": ["x"]}, "objects"),
    ({"deleted_objects": "x"}, "deleted_objects"),
    ({"deleted_objects": [7]}, "deleted_objects"),
    ({"objects": [{"resource_uri": "/x/1/"}]}, "resource_uri"),
    ({"objects": [{}] * 501}, "objects"),
    ({"things": []}, "__all__"),
)


async def test_a_bad_change_of_many_is_refused_by_field(nc: Client) -> None:
    async with gateway(nc) as http:
        for body, field in BAD_MANY:
            answer = await http.patch(f"{CONFIGURATION}/system_location/", json=body)
            assert answer.status_code == 400
            assert list(answer.json()["system_location"]) == [field]


async def test_people_are_commanded_and_it_shows(nc: Client) -> None:
    async with gateway(nc) as http:
        await town_hall(http, tag="all")
        ada = await join(http, "Ada")
        shown = f"{STATUS}/participant/{ada}/"

        async def command(verb: str, **more: Any) -> dict[str, Any]:
            body = {"participant_id": ada, **more}
            answer = await http.post(f"{COMMAND}/participant/{verb}/", json=body)
            assert answer.json() == {"status": "success"}, verb
            found: dict[str, Any] = (await http.get(shown)).json()
            return found

        assert (await command("mute"))["is_muted"] is True
        assert (await command("unmute"))["is_muted"] is False
        assert (await command("role", role="guest"))["role"] == "guest"
        assert (await command("role", role="chair"))["role"] == "chair"
        await command("unlock")
        [found] = (await http.get(f"{STATUS}/conference/?tag=all")).json()["objects"]
        assert (await http.get(found["resource_uri"])).json() == found

        async def all_of(verb: str, **more: Any) -> dict[str, Any]:
            body = {"conference_id": found["id"], **more}
            answer = await http.post(f"{COMMAND}/conference/{verb}/", json=body)
            assert answer.json() == {"status": "success"}, verb
            now: dict[str, Any] = (await http.get(found["resource_uri"])).json()
            return now

        assert (await all_of("lock"))["is_locked"] is True
        assert (await all_of("unlock"))["is_locked"] is False
        assert (await all_of("mute_guests"))["guests_muted"] is True
        assert (await all_of("unmute_guests"))["guests_muted"] is False
        await all_of("transform_layout", layout="1:0", streaming_indicator=True)
        ours = (await http.get("/api/rostrum/v1/conferences/town-hall/")).json()
        assert ours["layout"] == "1:0"
        await http.post(f"{COMMAND}/conference/disconnect/", json={"conference_id": found["id"]})
        assert (await http.get(found["resource_uri"])).status_code == 404


VERBS = {
    **{f"participant/{verb}": "participant_id" for verb in ("disconnect", "mute", "unmute")},
    **{f"participant/{verb}": "participant_id" for verb in ("role", "unlock")},
    **{f"conference/{verb}": "conference_id" for verb in ("disconnect", "lock", "unlock")},
    **{f"conference/{verb}": "conference_id" for verb in ("mute_guests", "unmute_guests")},
    "conference/transform_layout": "conference_id",
}


async def test_a_bad_command_is_refused_by_field(nc: Client) -> None:
    async with gateway(nc) as http:
        for verb, field in VERBS.items():
            kind = verb.split("/")[0]
            role = {"role": "chair"} if verb.endswith("role") else {}
            for body, named in (
                ({field: "nobody", **role}, field),
                ({field: 7, **role}, field),
                (dict(role), field),
                ({field: "x", "zzz": 1, **role}, "zzz"),
            ):
                answer = await http.post(f"{COMMAND}/{verb}/", json=body)
                assert answer.status_code == 400, verb
                assert answer.json()["status"] == "failure"
                assert list(answer.json()[kind]) == [named], verb
            assert (await http.post(f"{COMMAND}/{verb}/", content=b"{")).status_code == 400
            assert (await http.get(f"{COMMAND}/{verb}/")).status_code == 405
        body = {"conference_id": "x", "layout": "9:9"}
        answer = await http.post(f"{COMMAND}/conference/transform_layout/", json=body)
        assert list(answer.json()["conference"]) == ["layout"]
        body = {"participant_id": "x", "role": "host"}
        answer = await http.post(f"{COMMAND}/participant/role/", json=body)
        assert list(answer.json()["participant"]) == ["role"]


async def test_a_call_shows_what_it_sends_and_is_remembered(nc: Client) -> None:
    async with gateway(nc) as http:
        await town_hall(http)
        ada = await join(http, "Ada")
        tube = (await dial(http, presentation_url=f"rtmps://host:443/live/{SECRET}-2")).json()
        tube = tube["data"]["participant_id"]
        key = (await http.get("/api/rostrum/v1/conferences/town-hall/")).json()["conference"]
        url = SealedUrl(f"{tube}.destination", "***", "rtmps")
        for leg in ("main", "presentation"):
            session = f"s-{leg}"
            feed = FeedSpec(key, leg)
            said = [
                SessionAssigned(NOW, key, session, "egress-1", feed, Rendition()),
                DestinationAssigned(NOW, key, session, "egress-1", tube, url, leg),
            ]
            await nc.jetstream().publish(subjects.events("scheduler", key), encode(said))
        media = f"{STATUS}/participant/{tube}/media_stream/?order_by=id"
        await until(lambda: ids(http, media), lambda found: len(found) == 4)
        streams = (await http.get(media)).json()["objects"]
        assert [one["type"] for one in streams] == ["audio", "video", "audio", "presentation"]
        assert (streams[1]["tx_resolution"], streams[1]["tx_codec"]) == ("1280x720", "H.264")
        assert await ids(http, f"{STATUS}/participant/{ada}/media_stream/") == []
        bucket = await Bucket.ensure(nc.jetstream(), subjects.WORKERS, ttl=subjects.WORKERS_TTL)
        worker = WorkerView("egress-1", "egress", "DMZ", "host-1", 4, 1)
        await bucket.put("egress.egress-1", encode(worker))
        [sent] = (await http.get(f"{STATUS}/participant/?system_location=DMZ")).json()["objects"]
        assert (sent["id"], sent["media_node"]) == (tube, "egress-1")
        each = Rendition()
        assert sent["tx_bandwidth"] == 2 * (each.video_kbps + each.audio_kbps)
        person = (await http.get(f"{STATUS}/participant/{ada}/")).json()
        assert (person["media_node"], person["tx_bandwidth"]) == ("", 0)

        assert await ids(http, f"{HISTORY}/conference/") == []
        [running] = await ids(http, f"{STATUS}/conference/")
        await http.post(f"{COMMAND}/conference/disconnect/", json={"conference_id": running})
        await until(lambda: ids(http, f"{HISTORY}/conference/"), lambda found: running in found)
        past = await http.get(f"{HISTORY}/participant/?is_streaming=true")
        [call] = past.json()["objects"]
        assert call["id"] == tube
        assert call["disconnect_reason"] == "Conference terminated by an administrator"
        assert call["remote_alias"] == "rtmps://host:443/live/***"
        assert call["presentation_alias"] == "rtmps://host:443/live/***"
        assert SECRET not in past.text
        assert (await http.get(call["resource_uri"])).json() == call
        conference = (await http.get(call["conference"])).json()
        assert len(conference["participants"]) == conference["participant_count"] == 2


async def test_history_outlives_the_gateway(nc: Client) -> None:
    async with gateway(nc) as http:
        await town_hall(http)
        ada = await join(http, "Ada")
        await http.delete(f"{PEOPLE}{ada}/")
    async with gateway(nc) as http:
        path = f"{HISTORY}/participant/"
        await until(lambda: http.get(path), lambda answer: answer.status_code != 503)
        assert await ids(http, f"{HISTORY}/participant/") == [ada]


async def test_every_gateway_has_the_same_past_and_goes_on_with_it(
    nc: Client, tmp_path: Path
) -> None:
    there = str(tmp_path)
    path = f"{HISTORY}/participant/"
    async with gateway(nc, history_dir=there) as one, gateway(nc, history_dir=there) as other:
        await town_hall(one)
        came = [await join(one, name) for name in ("Ada", "Bob")]
        await one.delete(f"{PEOPLE}{came[0]}/")
        for http in (one, other):
            await until(partial(http.get, path), lambda answer: answer.status_code != 503)
            await until(partial(ids, http, path), lambda found: found == came[:1])
    # Bob is still there when both of them are gone, and leaves under the next one.
    async with gateway(nc, history_dir=there) as http:
        await until(lambda: http.get(path), lambda answer: answer.status_code != 503)
        assert await ids(http, path) == came[:1]
        await http.delete(f"{PEOPLE}{came[1]}/")
        await until(lambda: ids(http, path), lambda found: found == came[::-1])
        [conference] = await ids(http, f"{HISTORY}/conference/")
        past = (await http.get(f"{HISTORY}/conference/{conference}/")).json()
        assert [uri.split("/")[-2] for uri in past["participants"]] == came
        asked = f"{path}?display_name__iexact=BOB&order_by=-start_time&limit=1"
        assert await ids(http, asked) == came[1:]
        assert (await http.get(f"{path}?limit=0")).json()["meta"]["limit"] == AT_ONCE


async def test_workers_that_live_are_shown(nc: Client) -> None:
    async with gateway(nc) as http:
        bucket = await Bucket.ensure(nc.jetstream(), subjects.WORKERS, ttl=subjects.WORKERS_TTL)
        view = WorkerView("egress-1", "egress", "DMZ", "host-1", 4, 1, encoders=["libx264"])
        await bucket.put("egress.egress-1", encode(view))
        [found] = (await http.get(f"{STATUS}/worker_vm/?system_location=DMZ")).json()["objects"]
        assert (found["media_load"], found["node_type"]) == (25, "egress")
        assert (await http.get(found["resource_uri"])).json() == found
        assert (await http.get(f"{STATUS}/worker_vm/nobody/")).status_code == 404


async def test_a_worker_is_told_to_go(nc: Client) -> None:
    async with gateway(nc) as http, Jobs(asyncio.Event()) as group:
        bucket = await Bucket.ensure(nc.jetstream(), subjects.WORKERS, ttl=subjects.WORKERS_TTL)
        for name in ("egress-1", "egress-2"):
            view = WorkerView(name, "egress", "default", "host-1", 4, 3)
            await bucket.put(f"egress.{name}", encode(view))
        told: list[DrainWorker] = []

        async def drained(command: DrainWorker) -> Message:
            told.append(command)
            return Draining("egress-1", 3)

        await answer(
            nc, subjects.drains("egress-1"), decode=decode_drain, handle=drained, group=group
        )
        path = "/api/rostrum/v1/workers/{}/drain/"
        going = await http.post(path.format("egress-1"), json={"seconds": 5})
        unknown = await http.post(path.format("egress-9"))
        silent = await http.post(path.format("egress-2"))
        bad = await http.post(path.format("egress-1"), json={"seconds": -1})
        await group.stop()

    assert (going.status_code, going.json()) == (202, {"worker": "egress-1", "used": 3})
    assert told == [DrainWorker("egress-1", 5)]
    assert unknown.status_code == 404
    assert unknown.json() == {"error": "There is no worker egress-9."}
    assert silent.status_code == 503
    assert silent.json() == {"error": "egress-2 does not answer."}
    assert (bad.status_code, list(bad.json()["worker"])) == (400, ["seconds"])


BAD_USERS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"name": "ada", "password": "short"}, "password"),
    ({"name": "a.b", "password": "correct horse"}, "name"),
    ({"name": "", "password": "correct horse"}, "name"),
    ({"name": "admin", "password": "correct horse"}, "name"),
    ({"name": "ada", "access": "all", "password": "correct horse"}, "access"),
    ({"name": "ada", "access": "read-only", "password": "correct horse"}, "access"),
    ({"password": "correct horse"}, "name"),
    ({"name": "ada", "password": "correct horse", "zzz": 1}, "zzz"),
)


async def test_a_bad_user_is_refused_by_field(nc: Client) -> None:
    async with gateway(nc) as http:
        for body, field in BAD_USERS:
            answer = await http.post(USERS, json=body)
            assert answer.status_code == 400
            assert list(answer.json()["user"]) == [field]
            assert "horse" not in answer.text


async def test_users_are_asked_for_their_password_from_the_first_on(nc: Client) -> None:
    async with gateway(nc) as http:
        assert (await http.get(USERS)).json() == {"users": []}
        ada = ("ada", "correct horse")
        assert (await http.post(USERS, json={"name": "ada", "password": ada[1]})).status_code == 201
        assert (await http.get(USERS)).status_code == 401
        assert (await http.get("/")).status_code == 200
        twice = await http.post(USERS, json={"name": "ada", "password": "another one"}, auth=ada)
        assert list(twice.json()["user"]) == ["name"]
        robot = await http.post(USERS, json={"name": "robot", "access": "read-only"}, auth=ada)
        bearer = {"Authorization": f"Bearer {robot.json()['token']}"}
        listed = await http.get(USERS, headers=bearer)
        assert [one["name"] for one in listed.json()["users"]] == ["ada", "robot"]
        assert robot.json()["token"] not in listed.text
        assert (await http.delete(f"{USERS}robot/", headers=bearer)).status_code == 403
        assert (await http.delete(f"{USERS}ada/", auth=ada)).status_code == 400
        assert (await http.delete(f"{USERS}robot/", auth=ada)).status_code == 204
        assert (await http.get(USERS, headers=bearer)).status_code == 401
        stored = await (await Bucket.ensure(nc.jetstream(), subjects.CONFIG)).get("api_user.ada")
        assert stored is not None
        assert stored.value is not None
        assert b"$argon2id$" in stored.value
        assert b"horse" not in stored.value
    async with gateway(nc) as http:
        assert (await http.get(USERS)).status_code == 401
        assert (await http.delete(f"{USERS}ada/", auth=ada)).status_code == 204
        assert (await http.get(USERS)).status_code == 200


async def test_the_administrators_token_is_as_good_as_ever(nc: Client) -> None:
    async with gateway(nc, admin_token=Secret("t0ken")) as http:
        assert (await http.get(USERS)).status_code == 401
        assert (await http.get(USERS, auth=("admin", "t0ken"))).status_code == 200
        bearer = {"Authorization": "Bearer t0ken"}
        assert (await http.get(USERS, headers=bearer)).status_code == 200


async def test_the_api_is_described_for_people_and_programs(nc: Client) -> None:
    async with gateway(nc) as http:
        page = await http.get("/schema/")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "participant/dial/" in page.text
        assert (await http.get("/schema.css")).status_code == 200
        assert (await http.get("/schema/openapi.json")).json()["openapi"] == "3.1.0"
