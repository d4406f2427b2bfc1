"""A system is put away in one file, and another one is made of it."""

import json
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from cli.backup import give
from cli.backup.archive import reading
from cli.backup.take import take
from cli.bus import Bus, connected
from cli.failure import Failure
from cli.main import app
from cli.stack import running
from kit.config import BaseConfig, Credentials
from kit.kv import Bucket
from kit.provision import provision
from kit.secrets import Sealer, Secret, new_key
from proto import config, subjects
from proto.base import encode
from proto.urls import SealedUrl
from tests.support.nats import NatsServer
from tests.support.nats_users import TESTER, connect, password
from tests.support.system import until
from tests.support.themes import packed

pytestmark = pytest.mark.nats

AT = datetime(2026, 11, 26, tzinfo=UTC)
CONFIGURATION = "/api/admin/configuration/v1"
KINDS = (
    *("conference", "automatic_participant", "gateway_routing_rule", "system_location"),
    *("ivr_theme", "global", "conference_alias"),
)
"""An alias has its conference's id in its own."""
KEY = "CANARY-KEY"


def rostrum(*words: str, **env: str) -> Result:
    return CliRunner().invoke(app, words, env={"COLUMNS": "200", **env})


EXPORTED = re.compile(r'^(\{"export":\{[^}]*?)"at":"[^"]*"')


def answers(http: httpx.Client) -> dict[str, Any]:
    """All that is configured, and all that was."""
    paths = [
        *(f"{CONFIGURATION}/{kind}/?limit=0" for kind in KINDS),
        "/api/admin/history/v1/conference/",
        "/api/admin/history/v1/participant/",
        "/api/rostrum/v1/conferences/town-hall/log.jsonl",
        "/api/rostrum/v1/users/",
    ]
    until(lambda: all(http.get(path).status_code == 200 for path in paths))
    # When an export was made is another time for each.
    return {path: EXPORTED.sub(r"\1", http.get(path).text, count=1) for path in paths}


def furnish(http: httpx.Client) -> None:
    """One of everything, and a conference that was."""

    def post(kind: str, body: dict[str, Any]) -> None:
        made = http.post(f"{CONFIGURATION}/{kind}/", json=body)
        assert made.status_code == 201, made.text

    post("conference", {"name": "Town Hall", "aliases": [{"alias": "town-hall"}]})
    for number in range(3):
        post("system_location", {"name": f"Place {number}"})
        made = http.get(f"{CONFIGURATION}/system_location/?name=Place+{number}").json()
        http.delete(made["objects"][0]["resource_uri"])
    post("gateway_routing_rule", {"name": "Streaming", "priority": 1, "match_string": ".*"})
    hall = http.get(f"{CONFIGURATION}/conference/").json()["objects"][0]["resource_uri"]
    tube = {"alias": f"rtmp://ingest.example.com/live/{KEY}", "protocol": "rtmp"}
    post("automatic_participant", {**tube, "conference": [hall], "streaming": True})
    theme = {"package": ("theme.zip", packed({}), "application/zip")}
    made = http.post(f"{CONFIGURATION}/ivr_theme/", data={"name": "Blue"}, files=theme)
    assert made.status_code == 201, made.text
    joined = http.post(
        "/api/rostrum/v1/conferences/town-hall/participants/",
        json={"display_name": "Ada", "media": "rtsp://u:SECRET@cam.example.com/1"},
    )
    assert joined.status_code == 201, joined.text
    ended = http.post(
        "/api/admin/command/v1/conference/disconnect/",
        json={
            "conference_id": http.get("/api/admin/status/v1/conference/").json()["objects"][0]["id"]
        },
    )
    assert ended.status_code == 200, ended.text


def test_a_whole_system_moves_in_one_file(tmp_path: Path) -> None:
    old, new, file = tmp_path / "old", tmp_path / "new", tmp_path / "all.tar"
    some = ("--port", "0", "--services", "conference_state,routing,gateway")
    with running(old, *some) as stack, httpx.Client(base_url=stack["url"]) as http:
        furnish(http)
        before = answers(http)
        made = rostrum("backup", str(file), "--events", ROSTRUM_DATA=str(old))
        assert made.exit_code == 0, made.exception
        small = rostrum("backup", str(tmp_path), ROSTRUM_DATA=str(old))
        assert small.exit_code == 0, small.exception
    assert KEY.encode() not in file.read_bytes()
    new.mkdir()
    shutil.copy(old / "secret.key", new)
    restored = rostrum("restore", str(file), "--events", ROSTRUM_DATA=str(new))
    assert restored.exit_code == 0, restored.exception
    with running(new, *some) as stack, httpx.Client(base_url=stack["url"]) as http:
        assert answers(http) == before
        where = {"ROSTRUM_DATA": str(new)}

        # And what is configured is brought back into a system that runs.
        [hall] = http.get(f"{CONFIGURATION}/conference/").json()["objects"]
        http.patch(hall["resource_uri"], json={"name": "Another"})
        http.delete(
            http.get(f"{CONFIGURATION}/gateway_routing_rule/").json()["objects"][0]["resource_uri"]
        )
        http.post(f"{CONFIGURATION}/conference/", json={"name": "More"})
        changed = answers(http)
        archive = next(tmp_path.glob("rostrum-2*.tar"))
        tried = rostrum("restore", str(archive), "--dry-run", **where)
        assert "conference: 1 changed, 1 removed" in tried.stdout
        assert "gateway_routing_rule: 1 new" in tried.stdout
        assert rostrum("restore", str(archive), **where).exit_code == 1
        assert answers(http) == changed
        done = rostrum("restore", str(archive), "--replace", **where)
        assert done.exit_code == 0, done.exception
        until(lambda: answers(http) == before)
        known = [json.loads(changed[f"{CONFIGURATION}/{kind}/?limit=0"]) for kind in KINDS[:-1]]
        highest = max(one["id"] for kind in known for one in kind["objects"])
        more = http.post(f"{CONFIGURATION}/conference/", json={"name": "Yet more"})
        assert int(more.headers["Location"].rstrip("/").rpartition("/")[2]) > highest


SEALER = Sealer.from_env({"ROSTRUM_SECRET_KEY": new_key()})
OTHER = Sealer.from_env({"ROSTRUM_SECRET_KEY": new_key()})


@asynccontextmanager
async def operator(guarded: NatsServer) -> AsyncIterator[Bus]:
    """The person, with the rights that this person has."""
    tester = await connect(guarded, TESTER)
    await provision(tester.jetstream())
    who = Credentials("operator", Secret(password("operator")))
    try:
        async with connected(BaseConfig(nats_url=guarded.url), who) as bus:
            yield bus
            assert bus.refused == []
    finally:
        await tester.close()


async def configured(bus: Bus) -> Bucket:
    """An address that is dialled automatically, and a place."""
    settings = await Bucket.ensure(bus.js, subjects.CONFIG)
    secrets = await Bucket.ensure(bus.js, subjects.SECRETS)
    await secrets.put("adp-1.destination", SEALER.seal(f"rtmp://host/live/{KEY}").encode())
    await secrets.put("live.destination", SEALER.seal("rtmp://host/live/other").encode())
    url = SealedUrl("adp-1.destination", "rtmp://host/live/***", "rtmp")
    one = config.AutomaticParticipant("rtmp://host/live/***", 7, sealed_alias=url)
    await settings.put("automatic_participant.7", encode(one))
    await settings.put("system_location.8", encode(config.SystemLocation("Here", 8)))
    return settings


async def everything(bus: Bus) -> dict[str, dict[str, bytes]]:
    return {
        name: await (await Bucket.ensure(bus.js, name)).everything() for name in subjects.BUCKETS
    }


async def test_another_key_is_told_before_anything_is_written(
    guarded: NatsServer, tmp_path: Path
) -> None:
    async with operator(guarded) as bus:
        settings = await configured(bus)
        manifest = await take(bus, tmp_path / "one.tar", AT, SEALER, streams=False)
        assert manifest.members["kv/secrets.jsonl"].count == 1, "no address of a live call"
        await settings.delete("system_location.8")
        before = await everything(bus)
        with reading(tmp_path / "one.tar") as archive:
            for sealer in (OTHER, None):
                with pytest.raises(Failure, match=manifest.key):
                    await give.look(bus, archive, sealer, streams=False)
        assert await everything(bus) == before
        with pytest.raises(Failure, match="another key"):
            await take(bus, tmp_path / "two.tar", AT, OTHER, streams=False)
        assert not (tmp_path / "two.tar").exists()


async def test_whoever_changes_something_meanwhile_is_not_overwritten(
    guarded: NatsServer, tmp_path: Path
) -> None:
    async with operator(guarded) as bus:
        settings = await configured(bus)
        await take(bus, tmp_path / "one.tar", AT, SEALER, streams=False)
        await settings.delete("system_location.8")
        with reading(tmp_path / "one.tar") as archive:
            wanted = await give.look(bus, archive, SEALER, streams=False)
            await settings.put("system_location.9", encode(config.SystemLocation("There", 9)))
            before = await everything(bus)
            with pytest.raises(Failure, match="everything is as it was"):
                await give.give(bus, archive, wanted, tmp_path / "safe.tar", AT)
        assert await everything(bus) == before


async def test_streams_that_cannot_be_put_in_place_leave_those_that_were_there(
    guarded: NatsServer, tmp_path: Path
) -> None:
    async with operator(guarded) as bus:
        await configured(bus)
        tester = await connect(guarded, TESTER)
        await tester.jetstream().publish(subjects.events("mixer", "hall"), b"[]")
        await tester.close()
        await take(bus, tmp_path / "one.tar", AT, SEALER, streams=True)
        with reading(tmp_path / "one.tar") as archive:
            wanted = await give.look(bus, archive, SEALER, streams=True)
            archive.manifest.streams["CONFERENCE"].config["max_consumers"] = "nonsense"
            with pytest.raises(Failure):
                await give.give(bus, archive, wanted, tmp_path / "safe.tar", AT)
        assert (await bus.js.stream_info("MIXER")).state.messages == 1
        assert (await bus.js.stream_info("CONFERENCE")).state.messages == 0
