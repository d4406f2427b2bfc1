"""Transfers, and what is told of meetings outside, over HTTP."""

from functools import partial
from typing import Any

import httpx
import pytest
from nats.aio.client import Client

from kit.kv import Bucket
from proto import subjects
from services.conference_state.core import Vmr
from tests.support.gateway import conference_state, gateway

pytestmark = pytest.mark.nats

CONFIGURATION = "/api/admin/configuration/v1"
COMMAND = "/api/admin/command/v1"
OURS = "/api/rostrum/v1/conferences"
MEDIA = "rtsp://camera.example.com/CANARY"


async def conferences(http: httpx.AsyncClient) -> None:
    for name in ("town-hall", "studio"):
        body = {"name": name, "aliases": [{"alias": name}]}
        answer = await http.post(f"{CONFIGURATION}/conference/", json=body)
        assert answer.status_code == 201, answer.text


async def join(http: httpx.AsyncClient, where: str = "town-hall") -> str:
    body = {"display_name": "Ada", "media": MEDIA, "presentation": MEDIA}
    answer = await http.post(f"{OURS}/{where}/participants/", json=body)
    return str(answer.json()["participant"])


async def transfer(http: httpx.AsyncClient, who: str, **more: Any) -> httpx.Response:
    body = {"participant_id": who, "conference_alias": "studio", **more}
    return await http.post(f"{COMMAND}/participant/transfer/", json=body)


async def test_who_is_transferred_is_there_and_no_longer_here(nc: Client) -> None:
    async with gateway(nc) as http:
        await conferences(http)
        answer = await transfer(http, await join(http), role="chair")
        assert answer.status_code == 200, answer.text
        new = answer.json()["data"]["participant_id"]
        here = (await http.get(f"{OURS}/town-hall/")).json()
        there = (await http.get(f"{OURS}/studio/")).json()
        [ada] = there["participants"]
        secrets = await Bucket.ensure(nc.jetstream(), subjects.SECRETS)
        kept = await secrets.everything()

    assert not here["running"]
    assert (ada["participant"], ada["display_name"], ada["role"]) == (new, "Ada", "host")
    assert {f"{new}.media", f"{new}.presentation"} <= kept.keys()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"participant_id": "nobody"}, "participant_id"),
        ({"conference_alias": "nowhere"}, "conference_alias"),
        ({"role": "host"}, "role"),
    ],
)
async def test_who_cannot_be_transferred_stays(
    nc: Client, change: dict[str, str], field: str
) -> None:
    async with gateway(nc) as http:
        await conferences(http)
        answer = await transfer(http, **{"who": await join(http)}, **change)
        here = (await http.get(f"{OURS}/town-hall/")).json()

    assert answer.status_code == 400
    assert list(answer.json()["participant"]) == [field]
    assert len(here["participants"]) == 1


@pytest.mark.parametrize(
    ("vmr", "given", "field", "sentence"),
    [
        pytest.param(
            Vmr("Town Hall", participant_limit=1),
            {},
            "conference_alias",
            "All 1 places are taken.",
            id="full",
        ),
        pytest.param(
            Vmr("Town Hall", pin="1234"), {"pin": "0000"}, "pin", "Invalid PIN.", id="wrong-pin"
        ),
    ],
)
async def test_who_is_not_let_in_there_stays_and_the_caller_is_told_why(
    nc: Client, vmr: Vmr, given: dict[str, str], field: str, sentence: str
) -> None:
    async with gateway(nc, partial(conference_state, vmr=vmr)) as http:
        await conferences(http)
        ada = await join(http)
        await join(http, "studio")
        answer = await transfer(http, ada, **given)
        here = (await http.get(f"{OURS}/town-hall/participants/")).json()

    assert answer.status_code == (403 if field == "pin" else 400)
    assert answer.json()["participant"] == {field: [sentence]}
    assert [(p["uuid"], p["is_transferring"]) for p in here] == [(ada, False)]


async def test_a_conference_is_shown_as_the_client_api_shows_it(nc: Client) -> None:
    async with gateway(nc) as http:
        await conferences(http)
        before = (await http.get(f"{OURS}/town-hall/conference_status/")).json()
        ada = await join(http)
        after = (await http.get(f"{OURS}/town-hall/conference_status/")).json()
        [shown] = (await http.get(f"{OURS}/town-hall/participants/")).json()
        nowhere = await http.get(f"{OURS}/nowhere/conference_status/")

    assert (before["started"], after["started"]) == (False, True)
    assert (shown["uuid"], shown["protocol"]) == (ada, "rtsp")
    assert "CANARY" not in str(shown)
    assert nowhere.status_code == 404


async def test_what_is_done_outside_is_told(nc: Client) -> None:
    async with gateway(nc) as http:
        await conferences(http)
        path = f"{OURS}/town-hall/outside/"
        told = {"kind": "streaming", "platform": "google_meet", "public": True}
        early = await http.post(path, json=told)
        await join(http)
        answers = [
            await http.post(path, json=body)
            for body in (told, {**told, "kind": "singing"}, {**told, "zzz": 1})
        ]
        shown = (await http.get(f"{OURS}/town-hall/")).json()

    assert [a.status_code for a in (early, *answers)] == [400, 204, 400, 400]
    assert shown["streaming"]
