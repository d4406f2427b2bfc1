"""Logs over HTTP: of one conference or of all that ran in some time, whole, in order, without
anything secret."""

import json
from typing import Any

import httpx
import pytest
from nats.aio.client import Client

from cli.log.read import read
from kit.eventlog import JetStreamLog
from proto import subjects
from tests.support.gateway import gateway

pytestmark = pytest.mark.nats

OURS = "/api/rostrum/v1"
ADMIN = "/api/admin/configuration/v1"


async def rooms(http: httpx.AsyncClient) -> None:
    body = {"name": "Town Hall", "aliases": [{"alias": "town-hall"}]}
    host = {"pin": "739911", "allow_guests": True, "guest_pin": "555444"}
    (await http.post(f"{ADMIN}/conference/", json={**body, **host})).raise_for_status()
    called = {
        "alias": "rtmp://host/live/CANARY",
        "conference": [f"{ADMIN}/conference/1/"],
        "protocol": "rtmp",
        "streaming": True,
    }
    (await http.post(f"{ADMIN}/automatic_participant/", json=called)).raise_for_status()


async def commit(nc: Client, family: subjects.Family, conference: str, *events: Any) -> None:
    logs = await JetStreamLog.ensure_all(nc.jetstream())
    data = json.dumps(list(events)).encode()
    await logs[family].append(subjects.events(family, conference), data, expected=None)


def started(at: str, conference: str = "town-hall-1") -> dict[str, Any]:
    return {
        "type": "conference_started.v1",
        "at": at,
        "conference": conference,
        "instance": "i1",
        "name": "Town Hall",
    }


async def test_an_export_has_all_families_in_order_of_time_and_nothing_secret(nc: Client) -> None:
    async with gateway(nc) as http:
        await rooms(http)
        mixed = {
            "type": "mix_started.v1",
            "at": "2026-01-01T00:00:00Z",
            "conference": "town-hall-1",
        }
        await commit(nc, "conference", "town-hall-1", started("2026-01-01T00:00:00Z"))
        for family in ("mixer", "mixer", "mixer"):
            await commit(nc, family, "town-hall-1", {**mixed, "instance": "i1", "worker": "w"})
        muted = {"type": "guests_muted.v1", "at": "2026-01-01T00:00:01Z", "on": True}
        await commit(nc, "conference", "town-hall-1", muted)
        await commit(
            nc, "conference", "elsewhere-2", started("2026-01-01T00:00:00Z", "elsewhere-2")
        )
        answer = await http.get(f"{OURS}/conferences/town-hall/log.jsonl")
        everything = await http.get(f"{OURS}/log.jsonl", params={"from": "-1h"})

    [log] = read(answer.content.splitlines(keepends=True)).logs
    families = [entry.family for entry in log.entries]
    assert families == ["conference", "mixer", "mixer", "mixer", "conference"]
    assert log.settings is not None
    assert [a.remote_display_name for a in log.settings.automatic] == [""]
    for secret in ("739911", "555444", "CANARY"):
        assert secret not in answer.text
    both = read(everything.content.splitlines(keepends=True))
    assert {log.conference for log in both.logs} == {"town-hall-1", "elsewhere-2"}


async def test_only_what_ran_then_is_exported(nc: Client) -> None:
    async with gateway(nc) as http:
        await rooms(http)
        over = {"type": "conference_ended.v1", "at": "2026-01-01T00:00:02Z", "instance": "i1"}
        await commit(nc, "conference", "town-hall-1", started("2026-01-01T00:00:00Z"))
        await commit(nc, "conference", "town-hall-1", {**over, "reason": "over"})
        for given, lines in (
            ({"from": "-1m"}, 2),
            ({"to": "-1m"}, 0),
            ({"from": "-2h", "to": "now"}, 2),
            ({"from": "2099-01-01T00:00:00Z"}, 0),
        ):
            answer = await http.get(f"{OURS}/log.jsonl", params=given)
            export = read(answer.content.splitlines(keepends=True))
            assert sum(len(log.entries) for log in export.logs) == lines, given
            one = await http.get(f"{OURS}/conferences/town-hall/log.jsonl", params=given)
            assert len(read(one.content.splitlines(keepends=True)).logs) == bool(lines)


@pytest.mark.parametrize(
    ("given", "field"), [({"from": "SECRET"}, "from"), ({"from": "-1h", "to": "-2h"}, "to")]
)
async def test_what_is_no_time_is_refused_by_field(
    nc: Client, given: dict[str, str], field: str
) -> None:
    async with gateway(nc) as http:
        answer = await http.get(f"{OURS}/log.jsonl", params=given)

    assert answer.status_code == 400
    assert list(answer.json()["export"]) == [field]
    assert "SECRET" not in answer.text
